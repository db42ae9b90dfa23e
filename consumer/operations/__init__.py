"""What operators do beside the running daemon: set up a queue, check, replay, dead letters."""
