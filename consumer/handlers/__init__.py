"""What is done with events: the registry, and the built-in handlers."""
