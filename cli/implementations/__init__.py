"""The commands that run implementations."""
