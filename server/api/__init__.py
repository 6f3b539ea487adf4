"""The HTTP API: an ASGI application over `scoring` and the outbox, with pages of Flask beside it."""
