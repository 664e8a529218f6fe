"""Ways to find all states of a lowered model."""
