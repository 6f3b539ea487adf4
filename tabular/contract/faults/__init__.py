"""What can be wrong with the parts of a contract, by topic."""
