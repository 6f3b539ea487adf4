"""The ledger: what happened to the models of each table, who decided it, when, and why."""
