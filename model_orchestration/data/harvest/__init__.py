"""Labelled predictions become a new version of the table."""
