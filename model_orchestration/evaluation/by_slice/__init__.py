"""The model on each part of the test rows that has one value of a feature: on its run, and against the champion."""
