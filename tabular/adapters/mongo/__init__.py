"""MongoDB: predictions, reports and leases."""
