"""Categories that the contract leaves to the training rows: in one spelling each, and learnt."""
