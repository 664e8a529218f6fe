"""What is asked of all reachable states: witnesses, liveness, differences, what must survive, hibernation."""
