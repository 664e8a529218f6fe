"""Any program that speaks the line protocol, as the peers `exec:COMMAND`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from psci.host.requirements import Requirement
from psci.oracle.peers.family import Family, Request
from psci.oracle.peers.peer import Peer

_WHAT = "any program that speaks the line protocol of docs/exec-protocol.md"


class Exec(Family):
    """A program of the user's own."""

    name = "exec"
    peers: ClassVar[Mapping[str, str]] = {"exec:COMMAND": _WHAT}

    def what(self, name: str) -> str | None:
        """What is under test: the command is the user's, and may be written in capitals."""
        command = name.partition(":")[2].strip()
        return _WHAT if command and command != "COMMAND" else None

    def open(self, request: Request, times: float) -> Peer:
        """The program, to be started when it is first needed."""
        from psci.oracle.peers.exec.adapter import ExecLimits, ExecPeer

        return ExecPeer(command_of(request), psci=request.psci, limits=ExecLimits().times(times))

    def requirements(self, request: Request) -> Sequence[Requirement]:
        """The program."""
        from psci.oracle.peers.exec.adapter import requirement

        return (requirement(command_of(request)),)


def command_of(request: Request) -> str:
    """The command in a request's name."""
    return request.name.partition(":")[2]


FAMILY = Exec()
