"""The business, simulated: rows of the table sent to the API or put on the stream, at a rate."""
