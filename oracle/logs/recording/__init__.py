"""Traces of any unmodified caller of PSCI, recorded from inside QEMU."""
