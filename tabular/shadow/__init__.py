"""The challenger in the shadow: its scores of the rows that the champion has responded to."""
