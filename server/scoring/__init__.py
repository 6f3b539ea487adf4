"""The one use case of both endpoints: rows in, predictions out."""
