"""Programs as a Hypothesis strategy, for tests of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from psci.model.events import MachineEvent
from psci.oracle.generating.drafts import ProgramShape
from psci.oracle.generating.generator import Generator, programs
from psci.oracle.profiles.declaration import machine_from

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from psci.oracle.peers.program import Program

SHORT = ProgramShape(lives=(1, 1), turns=(1, 12))
"""One short life: what a test can show to a person."""


def sequences(
    *, cpus: int = 4, psci: str = "1.3", profile: Mapping[str, Any] | None = None, shape: ProgramShape = SHORT
) -> SearchStrategy[Program]:
    """Sequences of calls for a machine: the ones that `psci fuzz` makes, and Hypothesis shrinks them.

    Args:
        cpus: how many cores the machine has.
        psci: the version of PSCI that its implementation has.
        profile: what the implementation declares (`psci profile infer` asks it).
        shape: how long they are, and how often cores act at the same time.

    Raises:
        UnknownVersion: there is no such version.
        ProfileError: the profile contradicts itself.
    """
    machine = machine_from(MachineEvent(psci=psci, cpus=tuple(range(cpus)), profile=dict(profile or {})))
    return programs(Generator(machine, psci=psci, shape=shape))


__all__ = ["SHORT", "sequences"]
