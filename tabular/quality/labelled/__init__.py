"""Predictions whose outcome is known: as rows, and how good the model was on them."""
