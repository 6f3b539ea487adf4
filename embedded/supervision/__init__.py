"""Keeping the processes running: supervisord, readiness, and what a killed supervisor left."""
