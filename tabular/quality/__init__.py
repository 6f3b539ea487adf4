"""Statistics: each has its one home here."""
