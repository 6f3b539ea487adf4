"""The faults of a contract's file: of its keys and types and of its meaning, each with its line."""
