"""The processes of the stack: how each starts and is reached."""
