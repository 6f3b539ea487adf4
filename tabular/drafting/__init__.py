"""Drafting: from a table that nobody has described to a contract, each doubtful choice with its reason."""
