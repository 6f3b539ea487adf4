"""Models in the shadow: scored on the rows that the champion has responded to, off the path of any response."""
