"""What operators do with a running daemon, over its control socket."""
