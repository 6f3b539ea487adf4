"""Several tables in one stack: their contracts and pinned runs."""
