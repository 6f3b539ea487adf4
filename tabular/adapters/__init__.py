"""The outside world, one vendor a module, each behind a port of `tabular/ports`."""
