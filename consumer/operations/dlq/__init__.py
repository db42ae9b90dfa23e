"""The dead-letter queue: what is in it, and ways back."""
