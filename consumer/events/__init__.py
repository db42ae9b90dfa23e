"""What a message contains. Pure: text in, events out; no I/O, no clock."""
