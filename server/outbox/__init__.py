"""The transactional outbox: predictions are on disk before they are acknowledged, and relayed to the store."""
