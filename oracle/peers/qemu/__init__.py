"""QEMU's own PSCI as a peer."""
