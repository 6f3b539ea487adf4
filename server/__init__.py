"""The two serving endpoints, HTTP and Kinesis, over one use case: `scoring`."""
