"""How the consumer is told what to do: one file per command."""
