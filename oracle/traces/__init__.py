"""Trace files: their format, how they are read and written, and the order of their events."""
