"""Calibration: how it is fitted and chosen, and how well calibrated probabilities are."""
