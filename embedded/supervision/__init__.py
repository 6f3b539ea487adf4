"""Supervision of the processes: supervisord, readiness, and orphans of a killed supervisor."""
