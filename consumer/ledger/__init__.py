"""What was handled, remembered over restarts and crashes, so that it is not handled again."""
