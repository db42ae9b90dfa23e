"""What a message says. Pure: text in, events out; no I/O, no clock."""
