"""What is done with events: the registry, the built-in handlers, and how they are configured."""
