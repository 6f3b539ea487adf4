"""Kinesis: streams and their shards."""
