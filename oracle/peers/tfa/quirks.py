"""Known deviations of Trusted Firmware-A."""

from psci.oracle.peers.quirks import Quirks

QUIRKS = Quirks("tfa")
