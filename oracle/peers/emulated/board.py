"""What differs between the machines that QEMU emulates for us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from psci.oracle.peers.stub import layout


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardLimits:
    """How long we wait for the machine, in seconds."""

    answer: float = 0.25
    """For the return of a call, once nothing else happens."""
    start: float = 0.25
    """For the entry of a core that a successful CPU_ON should start."""
    silent: float = 0.001
    """For a call that should not return, once its virtual CPU sleeps."""
    life: float = 20.0
    """For a whole life."""
    reset: float = 5.0
    """For QEMU to reset the machine, or to bring it back to where it was."""
    launch: float = 20.0
    """For QEMU to start."""
    arrival: float = 10.0
    """For what runs below the stub to start it."""
    command: float = 10.0
    """For QEMU's monitor to answer."""

    def times(self, factor: float) -> BoardLimits:
        """The same, more patient: what a campaign asks for before it reports that there was no answer."""
        return BoardLimits(**{name: seconds * factor for name, seconds in asdict(self).items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A machine of QEMU's, and how the stub gets onto it."""

    machine: str
    """QEMU's `-M`."""
    cpus: int
    """QEMU's `-smp`."""
    mpidrs: tuple[int, ...]
    """Affinity fields of the cores of the machine; the boot core first."""
    ram_base: int
    ram_size: int
    arguments: tuple[str, ...]
    """What else QEMU is given: firmware, hypervisor, stub."""
    image: int | None
    """The address of the stub; None: whoever starts it chooses one, and we look where it is."""
    gic: layout.Gic = layout.Gic.NONE
    gicd: int = 0
    gicc: int = 0
    ends_rings: bool = False
    """A ring is taken from the interrupt controller by ending it: it cannot be withdrawn there."""
    slow_start: bool = False
    """The way to the stub is long: it is gone once, and every life begins from a snapshot taken at its end."""
    powered: int | None = None
    """How many of the cores can be powered at all; None: all. The silence of another one says nothing."""
    notes: Mapping[str, Any] | None = None
    """What a reader of a trace must know of the machine."""
