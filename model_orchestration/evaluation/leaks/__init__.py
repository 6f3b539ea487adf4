"""Leaks, feature by feature: what each brings alone, by being missing, and what the model loses without it."""
