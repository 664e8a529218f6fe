"""Logs of other programs as traces: what people have, and what QEMU is made to record."""
