"""The domain every service shares: contracts, bundles, predictions, drift. It imports no service."""
