"""What a table holds that its contract's `[split]` should know and does not: times, and rows of one customer."""
