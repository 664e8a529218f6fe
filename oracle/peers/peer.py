"""What the oracle needs of an implementation under test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from psci.model.events import Event
from psci.oracle.peers.program import Program


class PeerError(Exception):
    """The peer could not be judged; the message is one line that says what, where and what to do."""

    exit_status = 3


class PeerMissing(PeerError):
    """Something that the peer needs is not on this machine."""


class PeerDied(PeerError):
    """The peer ended or stopped answering while it ran a program."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that a peer needs, whether it is there, and how to get it."""

    what: str
    found: str | None
    """The path or version found, or None."""
    remedy: str


class Peer(Protocol):
    """One running implementation."""

    name: str
    version: str
    """The exact version of what is under test, for reports."""

    def run(self, programs: Sequence[Program]) -> Iterable[tuple[Event, ...]]:
        """Run each program and yield its trace (`Machine` first, `End` last), as soon as it is known.

        Raises:
            PeerDied: the peer ended or exceeded its time limit; the traces yielded before stay valid.
        """

    def close(self) -> None:
        """End every process that was started, by its id."""
