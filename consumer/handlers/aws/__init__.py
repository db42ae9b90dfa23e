"""What the handlers that call AWS share."""
