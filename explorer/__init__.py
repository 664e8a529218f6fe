"""All reachable states of a small machine, breadth first; liveness; a witness for every rule. No solver."""
