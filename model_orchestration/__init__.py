"""Training: pure steps (data, checks, search, evaluate, gate) and a thin Prefect flow over them."""
