"""The front page: what is served, which services respond, and each table's model health; written every few seconds."""
