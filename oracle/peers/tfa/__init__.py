"""Trusted Firmware-A at EL3, as the Normal world sees it."""
