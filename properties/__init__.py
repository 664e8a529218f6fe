"""What must hold of PSCI: safety, possibility and liveness, one family a file."""

from __future__ import annotations

from psci.properties import (
    answers,
    cores,
    domains,
    hibernation,
    modes,
    possibilities,
    progress,
    revisions,
    states,
    system,
    trusted_os,
)
from psci.properties.language import Property

PROPERTIES: tuple[Property, ...] = (
    *states.PROPERTIES, *cores.PROPERTIES, *system.PROPERTIES, *answers.PROPERTIES, *domains.PROPERTIES,
    *modes.PROPERTIES, *trusted_os.PROPERTIES, *possibilities.PROPERTIES, *progress.PROPERTIES,
    *hibernation.PROPERTIES, *revisions.PROPERTIES,
)  # fmt: skip
"""Every property, in the order of the files."""
