"""The registry: what a handler is, which events it asked for, and what it may take."""
