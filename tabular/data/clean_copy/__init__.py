"""A clean table kept as Parquet beside the bytes that came, so that what trains on it need not read them again."""
