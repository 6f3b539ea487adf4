"""What is known of a version of a table."""
