"""What this machine lacks for what, before anything is installed: Python and its standard library alone."""
