"""The two serving doors, HTTP and Kinesis, over one use-case: `predictor`."""
