"""How messages flow: from receive to settle."""
