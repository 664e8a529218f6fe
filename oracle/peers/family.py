"""What a kind of implementation says of itself, so that everything else can be done with it by name."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module, resources
from importlib.util import find_spec
from typing import Any, ClassVar

from psci.host.requirements import Requirement
from psci.model.errors import InputError
from psci.oracle.peers.peer import Peer
from psci.oracle.peers.quirks import Quirks
from psci.oracle.traces.forwarding import Forwarding


class UnknownPeer(InputError):
    """No peer has that name, or it has no such option; the message lists what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A peer, and what the user wants to be different about it; `psci.oracle.peers.request_for` makes and checks it."""

    name: str
    kernel: str | None = None
    """An arm64 Image instead of a suite's kernel (kvm)."""
    qemu: str | None = None
    """The QEMU to test (qemu), or to emulate the machine with."""
    firmware: str | None = None
    """A firmware (tfa) or a hypervisor (xen) instead of a suite's."""
    conduit: str | None = None
    psci: str | None = None
    """The version to ask for, and to judge against."""
    filter: Forwarding | None = None
    """The function ids that leave the kernel for our VMM half (kvm)."""

    @property
    def family(self) -> str:
        """The kind of peer: what stands before the colon, such as qemu or kvm."""
        return self.name.partition(":")[0]


class Family(ABC):
    """One kind of implementation: a folder with an adapter, and one entry point of the group `psci.peers`."""

    name: ClassVar[str]
    peers: ClassVar[Mapping[str, str]]
    """Each name that a user can write, and what is under test. A word in capitals stands for what the user chooses."""
    takes: ClassVar[frozenset[str]] = frozenset()
    """The options of a `Request` that mean something here; every family takes `psci`."""
    package: ClassVar[str | None] = None
    """The package that holds `profile.json` and `quirks.py`; None where there is neither."""

    @abstractmethod
    def open(self, request: Request, times: float) -> Peer:
        """The peer that was asked for.

        Args:
            request: its name, and what is to be different.
            times: how many times the usual limits it may take for an answer.

        Raises:
            Missing: something that it needs is not on this machine; the message says what to do.
            InputError: an option does not fit it.
        """

    def what(self, name: str) -> str | None:
        """What is under test by a name, or None where the family has no such peer."""
        return self.peers.get(name) if name == name.lower() else None

    def check(self, request: Request) -> None:  # noqa: B027  # most families have nothing to refuse
        """Refuse what the options of a request cannot mean here; the name is known, and the options are among `takes`.

        Raises:
            UnknownPeer: an option has a value that this peer does not know.
        """

    def switches(self, request: Request, peer: Peer) -> tuple[Mapping[str, str], ...]:
        """The sets of a peer's own switches that a campaign goes through; it spends equal shares on each.

        Args:
            request: what the user asked for.
            peer: that peer, which may be asked what it has.

        Raises:
            CannotRun: it cannot be asked.
        """
        return ({},)

    def profile(self) -> dict[str, Any]:
        """What the implementation declares, by its documentation; nothing where its package has no `profile.json`.

        Raises:
            UnknownPeer: the file is no JSON object.
        """
        if self.package is None:
            return {}
        file = resources.files(self.package).joinpath("profile.json")
        if not file.is_file():
            return {}
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UnknownPeer(f"the peer {self.name}: profile.json of {self.package} is no JSON: {error}") from error
        if not isinstance(found, dict):
            raise UnknownPeer(f"the peer {self.name}: profile.json of {self.package} is not a JSON object")
        return found

    def quirks(self) -> Quirks:
        """The known deviations of the implementation; none where its package has no `quirks.py`.

        Raises:
            UnknownPeer: that module has no `QUIRKS`.
        """
        module = None if self.package is None else f"{self.package}.quirks"
        if module is None or find_spec(module) is None:
            return Quirks(self.name)
        found = getattr(import_module(module), "QUIRKS", None)
        if not isinstance(found, Quirks):
            remedy = "make one with psci.oracle.peers.quirks.Quirks"
            raise UnknownPeer(f"the peer {self.name}: {module} has no QUIRKS: {remedy}")
        return found

    def offered(self) -> Sequence[str]:
        """All its peers that can be had now, each only once; asks the suites where they hold versions.

        A name may be followed by `@` and a version of PSCI that is to be asked for.

        Raises:
            Missing: the suites cannot be asked.
        """
        return [name for name in self.peers if name == name.lower()]

    def requirements(self, request: Request) -> Sequence[Requirement]:
        """What a peer needs, and what of it is on this machine."""
        return ()

    def install(self, request: Request) -> None:  # noqa: B027  # some need nothing
        """Fetch what a peer needs and this machine lacks.

        Raises:
            Missing: it cannot be had.
        """
