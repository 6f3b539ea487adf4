"""Log lines: how every process of ours writes them, and how they are read together again."""
