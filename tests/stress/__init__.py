"""Real threads, switched as often as the interpreter can: what they do to each other's data."""
