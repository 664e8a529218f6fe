"""Machines that QEMU emulates, with the stub on them: what the peers `qemu`, `xen` and `tfa` have in common."""
