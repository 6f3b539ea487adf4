"""The whole stack without Docker: local stand-ins for AWS and MongoDB, and a supervisor around every process."""
