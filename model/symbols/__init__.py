"""What rules can speak about: the machine, the state, and the readings of DEN0022."""
