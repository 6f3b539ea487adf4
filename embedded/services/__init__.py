"""The processes of the stack: how each is started and reached."""
