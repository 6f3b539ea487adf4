"""Sweeps on a Dask cluster: trials side by side, or each trial's rows."""
