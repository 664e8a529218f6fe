"""From the first event of a trace to the machine that it is judged against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psci.model.events import Machine as MachineEvent
from psci.model.profile import Machine, ProfileError, declared
from psci.model.topology import Topology
from psci.model.versions import version


def machine_from(event: MachineEvent) -> Machine:
    """The machine that a trace declares.

    Raises:
        UnknownVersion: there is no such version of PSCI.
        ProfileError: the declaration contradicts itself; the message names the field.
    """
    boot_cpu = event.cpus[0] if event.boot_cpu is None else event.boot_cpu
    if boot_cpu not in event.cpus:
        raise ProfileError(f"boot_cpu: {boot_cpu:#x} is not one of cpus")
    profile: Mapping[str, Any] = event.profile if isinstance(event.profile, Mapping) else {}
    return Machine(
        version(event.psci),
        event.cpus,
        event.cpus.index(boot_cpu),
        Topology.flat(len(event.cpus)),
        declared(profile, event.reading or {}),
        unusable(profile),
    )


def unusable(profile: Mapping[str, Any]) -> tuple[tuple[int, int], ...] | None:
    """The address ranges [first, last] that a profile declares as unavailable, or None where it says nothing."""
    ranges = profile.get("unusable")
    return None if ranges is None else tuple((int(first, 0), int(last, 0)) for first, last in ranges)
