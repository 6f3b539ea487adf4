"""Predictions: the one shape of a result, batches, samples and windows of them."""
