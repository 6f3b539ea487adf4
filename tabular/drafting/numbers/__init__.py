"""The numbers of a column: their marks and their range."""
