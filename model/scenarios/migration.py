"""A machine moves between hosts: what the guest sees of PSCI before and after, and what has to move with it.

The version that a guest sees is KVM's firmware register (KVM_REG_ARM_PSCI_VERSION), which a new machine has at
the newest version of its kernel, or the VMM's answer where PSCI_VERSION is forwarded. PROP-18 wants it, and
PSCI_FEATURES, to stay as they are between two boots; a move is not a boot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psci.model.calls.psci_features import PSCI_FEATURES
from psci.model.calls.psci_version import PSCI_VERSION
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.language.terms import Value
from psci.model.machine import Key
from psci.model.scenarios.filter import Composed, Composition, claimed_set
from psci.model.step import Invocation
from psci.model.tables.versions import V1_1, V1_3, Version

UNCHANGED, REFUSED, CHANGED = "unchanged", "refused", "changed"
KERNEL_PROFILE: dict[str | Key, Value] = {
    "extended_state_id": False, "osi_supported": False, "checks_upper_halves": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MigrationHost:
    """A host: its kernel's newest version, and whether the VMM there has the filter that makes it a 1.3."""

    kernel: Version
    filter: bool = False


@dataclass(frozen=True, slots=True)
class Journey:
    """A machine that is made on one host and moved to another."""

    source: MigrationHost
    destination: MigrationHost
    pinned: Version | None = None
    """The version that the VMM writes to the firmware register when it makes the machine."""
    restores: bool = True
    """The VMM writes the saved register on the destination."""


@dataclass(frozen=True, slots=True)
class GuestView:
    """What the guest sees of an implementation."""

    version: int | None
    off2: int | None
    """The answer of PSCI_FEATURES for SYSTEM_OFF2."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What comes of a move."""

    verdict: str
    """unchanged; refused, when the destination's kernel does not take the register; changed."""
    before: GuestView
    after: GuestView | None


def move(journey: Journey) -> Arrival:
    """What the guest sees before and after."""
    register = journey.pinned or journey.source.kernel
    before = _seen(journey.source, register)
    if journey.restores and register > journey.destination.kernel:
        return Arrival(REFUSED, before, None)
    after = _seen(journey.destination, register if journey.restores else journey.destination.kernel)
    return Arrival(UNCHANGED if after == before else CHANGED, before, after)


def _seen(host: MigrationHost, register: Version) -> GuestView:
    """The answers of a machine on a host with this value in the firmware register."""
    offered = (SYSTEM_OFF2,) if host.filter else ()
    forwarded = claimed_set(offered) if host.filter else frozenset[int]()
    want = V1_3 if host.filter else register
    composition = Composition(register, want, offered, forwarded)
    declared = {**KERNEL_PROFILE, ("has", SYSTEM_OFF2.key): SYSTEM_OFF2.exists_in(register)}
    one = Composed(composition, (0, 1), declared)
    state = one.vmm.initial()
    version, off2 = (
        one.allowed(state, Invocation(0, fn, argument)).outcomes[0].value
        for fn, argument in ((PSCI_VERSION.key, 0), (PSCI_FEATURES.key, SYSTEM_OFF2.fid64 or 0))
    )
    return GuestView(version, off2)


def journeys() -> Iterator[tuple[str, Journey]]:
    """The moves that matter, each with a sentence."""
    new, old = MigrationHost(V1_3), MigrationHost(V1_1)
    filtered, both = MigrationHost(V1_1, filter=True), MigrationHost(V1_3, filter=True)
    yield "new kernel to old; the register is restored", Journey(new, old)
    yield "new kernel to old; the register is not restored", Journey(new, old, restores=False)
    yield "new kernel to old; pinned to 1.1, restored", Journey(new, old, pinned=V1_1)
    yield "old kernel to new; the register is restored", Journey(old, new)
    yield "old kernel to new; the register is not restored", Journey(old, new, restores=False)
    yield "new kernel to new; pinned to 1.1, not restored", Journey(new, new, pinned=V1_1, restores=False)
    yield "filter on old, moved to old; set up again", Journey(filtered, filtered)
    yield "filter on old, moved to old; forgotten", Journey(filtered, old)
    yield "filter on old, moved to new; set up again", Journey(filtered, both)
    yield "filter on old, moved to new; forgotten, register restored", Journey(filtered, new)
    yield "filter on new, moved to old; pinned to 1.1, set up again", Journey(both, filtered, pinned=V1_1)
    yield "new kernel to old with the filter; pinned to nothing, not restored", Journey(new, filtered, restores=False)


__all__ = ["CHANGED", "REFUSED", "UNCHANGED", "Arrival", "GuestView", "Journey", "MigrationHost", "journeys", "move"]
