"""Scoring of files, on demand and on a schedule."""
