"""The stream consumer: records in, results or dead letters out, in order and once."""
