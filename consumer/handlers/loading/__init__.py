"""From the configured handlers to one registry."""
