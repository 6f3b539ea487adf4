"""The contract: what a table is, how a file says it, and what it may not say."""
