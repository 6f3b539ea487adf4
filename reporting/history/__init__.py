"""The page "Model history": what served each table when, what was decided about it, and why."""
