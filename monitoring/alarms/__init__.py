"""Alarms that hold however often one looks: on drift and on what is predicted, and on quality once labels come."""
