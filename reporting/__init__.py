"""Drift reports: a batch flow that writes self-contained HTML pages for Nginx to host."""
