"""A page about a table, with or without a contract: `python -m reporting.table_profile --help`."""
