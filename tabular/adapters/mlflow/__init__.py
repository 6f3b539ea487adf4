"""MLflow: runs, their files, and the registry."""
