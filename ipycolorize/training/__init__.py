"""Learning: photographs, simulated users, losses, the loop. Knows nothing of notebooks."""
