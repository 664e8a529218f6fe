"""Power domains: their tree, the values of power_state, and how cores share a domain (DEN0022 4.2, 5.4)."""
