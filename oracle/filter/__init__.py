"""The SMCCC filter on real kernels: the VMM's half, what goes wrong without an id, migration."""
