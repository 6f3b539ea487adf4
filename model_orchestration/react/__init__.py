"""What the stack does by itself: it reads alarms, labels and the ledger, and decides whether to train again."""
