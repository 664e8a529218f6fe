"""What the oracle needs of an implementation under test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from psci.host.requirements import CannotRun
from psci.model.events import Event
from psci.oracle.peers.program import Program


class PeerError(CannotRun):
    """The peer could not be judged."""


class PeerDied(PeerError):
    """The peer ended or stopped answering while it ran a program."""

    how = "crashes"
    trace: tuple[Event, ...] = ()
    """What happened before, as far as it is known."""


class Hung(PeerDied):
    """The peer stopped answering."""

    how = "hangs"


class Garbled(PeerDied):
    """The peer said what no implementation says."""

    how = "says what is not an answer"


class Peer(Protocol):
    """One running implementation."""

    name: str
    version: str
    """The exact version of what is under test, for reports."""

    def run(self, programs: Sequence[Program]) -> Iterable[tuple[Event, ...]]:
        """Run each program and yield its trace (`MachineEvent` first, `EndEvent` last), as soon as it is known.

        Raises:
            PeerDied: the peer ended or exceeded its time limit; the traces yielded before stay valid.
        """

    def close(self) -> None:
        """End every process that was started, by its id."""
