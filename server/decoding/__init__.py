"""From the bytes of a body or a record to its rows."""
