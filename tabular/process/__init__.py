"""What every process of ours needs beside its work: background tasks, private files, a metrics page."""
