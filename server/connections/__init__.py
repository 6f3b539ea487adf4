"""HTTP connections: uvicorn's protocol with bounds in time, in bytes and in number."""
