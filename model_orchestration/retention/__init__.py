"""What is deleted once it is old, by the settings RETENTION_*, and what is kept whatever they say."""
