"""The log of the daemon and of commands."""
