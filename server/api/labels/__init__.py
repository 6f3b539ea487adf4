"""The route by which true outcomes come in."""
