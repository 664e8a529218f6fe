"""Known deviations of Xen's virtual PSCI."""

from psci.oracle.peers.quirks import Quirks

QUIRKS = Quirks("xen")
