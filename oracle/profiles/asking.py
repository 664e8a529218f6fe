"""What a campaign asks an implementation before it judges it: the functions it has, its formats and its levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from psci.model.events import Event, MachineEvent
from psci.oracle import profiles
from psci.oracle.peers.program import Program
from psci.oracle.profiles import inference

FIELDS = ("functions", "power_state_format", "os_initiated", "affinity_levels")
"""What an implementation is held to once it has said it; the rest of an inferred profile is for people."""


def questions(cpus: int, psci: str | None = None, options: Mapping[str, str] | None = None) -> Program:
    """The program that asks."""
    return replace(inference.questions(cpus, psci), options=dict(options or {}))


def inferred(trace: Sequence[Event]) -> dict[str, Any]:
    """The fields of a profile that the answers tell; none before 1.0, which has no PSCI_FEATURES."""
    found = inference.inferred("", [trace])
    return {name: found[name] for name in FIELDS if name in found} if "functions" in found else {}


def declared_in(trace: Sequence[Event]) -> dict[str, Any]:
    """The profile that an implementation declares in its `machine` event."""
    machine = trace[0]
    assert isinstance(machine, MachineEvent)
    if isinstance(machine.profile, str):
        return dict(profiles.named(machine.profile))
    return dict(machine.profile or {})
