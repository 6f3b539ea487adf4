"""Reports over anything: a window, a run, a version or a file, beside another, or several side by side."""
