"""The file formats of a table: packed files, encodings of text, separators, decimal commas and Parquet."""
