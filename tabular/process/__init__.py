"""What every process needs besides its work: background tasks, private files, a metrics page."""
