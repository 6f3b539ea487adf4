"""The business, simulated: rows of the table sent to either door at a pace, and a maker of synthetic tables."""
