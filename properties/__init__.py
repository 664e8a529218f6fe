"""What must hold of PSCI: safety, possibility and liveness, one family a file."""

from __future__ import annotations

from psci.properties import cores, system
from psci.properties.language import Property

PROPERTIES: tuple[Property, ...] = (*cores.PROPERTIES, *system.PROPERTIES)
"""Every property, in the order of the files."""
