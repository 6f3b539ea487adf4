"""What the domain asks of the outside world; `tabular/adapters` implements it."""
