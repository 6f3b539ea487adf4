"""What the Prefect flows of training share."""
