"""Where messages come from: the port, and SQS behind it."""
