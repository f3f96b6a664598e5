"""Authentication: credentials, permissions, rate limits."""
