"""A small HTTP server, for the listener and for the control socket."""
