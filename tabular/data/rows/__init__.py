"""Which rows of a table are kept."""
