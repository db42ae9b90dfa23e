"""How the consumer lives on a machine: signals, systemd, logs, health."""
