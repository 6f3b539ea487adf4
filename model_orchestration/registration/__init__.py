"""What becomes of a trained model: its alias, and what the ledger says of it."""
