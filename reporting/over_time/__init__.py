"""Measured quality over time: what is drawn, and the drawing."""
