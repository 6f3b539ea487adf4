"""Encoding: from the values of a request or a table to the model's matrix, by one rule for all."""
