"""Who may send requests, and from which web pages."""
