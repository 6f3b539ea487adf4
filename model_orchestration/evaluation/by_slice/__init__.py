"""The model against the champion on each part of the test rows that has one value of a feature."""
