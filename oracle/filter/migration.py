"""A machine moves between real kernels: what its guest sees of PSCI before and after, judged as one trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from psci.host.requirements import CannotRun
from psci.model.calls.psci_features import PSCI_FEATURES
from psci.model.calls.psci_version import PSCI_VERSION
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.events import EndEvent, Event, MachineEvent, MoveEvent
from psci.oracle.checker.checker import check
from psci.oracle.checker.report import Report
from psci.oracle.filter.run import FilterTarget, with_remedy
from psci.oracle.peers.kvm.adapter import KvmPeer
from psci.oracle.peers.peer import PeerDied
from psci.oracle.peers.program import CallStep, Program

REGISTER = "KVM_REG_ARM_PSCI_VERSION"


@dataclass(frozen=True, slots=True)
class Moved:
    """One move between real kernels."""

    pinned: str | None
    restores: bool
    refused: str
    """Why the destination did not take the register; empty where it did, or where nothing was restored."""
    events: tuple[Event, ...]
    report: Report | None


def moves(source: FilterTarget, destination: FilterTarget, pinned: str) -> Iterator[Moved]:
    """A machine that is not pinned, moved with and without its register, and one that is pinned.

    Raises:
        PeerError: a kernel cannot be started.
    """
    with source.open(None) as before, destination.open(None) as after:
        for pin, restores in ((None, True), (None, False), (pinned, True), (pinned, False)):
            yield _move(before, after, pin, restores)


def _move(before: KvmPeer, after: KvmPeer, pin: str | None, restores: bool) -> Moved:
    (there,) = before.run([_looks(pin)])
    machine = there[0]
    assert isinstance(machine, MachineEvent)
    try:
        (here,) = after.run([_looks(machine.psci if restores else None)])
    except PeerDied:
        raise
    except CannotRun as error:
        return Moved(pin, restores, str(with_remedy(error)), (), None)
    moved = MoveEvent(
        source=before.name, destination=after.name, saved=(REGISTER,), restored=(REGISTER,) if restores else (),
    )  # fmt: skip
    body = [event for event in (*there[1:], moved, *here[1:]) if not isinstance(event, EndEvent)]
    # the counters of two hosts have nothing to do with each other; the order of the lines is the order of time
    plain = [replace(event, t=None, t0=None, t1=None) for event in body]
    events = (
        replace(machine, clock=None, peer=f"{before.version}, then {after.version}"),
        *plain,
        EndEvent(why="done"),
    )
    return Moved(pin, restores, "", events, check(events))


def _looks(version: str | None) -> Program:
    """A guest that looks at what PSCI is, with the firmware register at this version, or as the kernel makes it."""
    steps = (
        CallStep(turn=0, cpu=0, fn=PSCI_VERSION.key),
        CallStep(turn=1, cpu=0, fn=PSCI_FEATURES.key, args=(SYSTEM_OFF2.fid64 or 0,)),
    )
    return Program(cpus=1, lives=(steps,), psci=version)


__all__ = ["Moved", "moves"]
