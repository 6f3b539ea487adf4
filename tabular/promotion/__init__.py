"""Which run is champion and which is challenger: promote, roll back, challenge, drop, each entered into the ledger."""
