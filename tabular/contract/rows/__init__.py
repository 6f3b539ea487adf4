"""Which rows of a table a contract is about."""
