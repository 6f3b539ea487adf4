"""True outcomes: how one is read, whatever brings it, and what is done with it."""
