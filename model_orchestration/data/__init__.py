"""The training data: where it comes from, whether it is fit, and how it is split."""
