"""Models: the bundle of a run, its local copies, and how rows are scored."""
