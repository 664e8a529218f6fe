"""Which implementation a user names, and what is to be different about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from psci.model.errors import InputError

if TYPE_CHECKING:
    from psci.oracle.peers.forwarding import Forwarding

NAMES: Mapping[str, str] = {
    "qemu": "QEMU's own PSCI, called by HVC from EL1",
    "qemu:smc": "QEMU's own PSCI, called by SMC from EL2",
    "kvm": "the KVM of this machine, where it is an arm64 one",
    "kvm:latest": "the KVM of the newest Linux in Debian's suites, in an emulated host",
    "model": "the reference implementation that is made from the rules, with races and every permission",
    "exec:COMMAND": "any program that speaks the line protocol of docs/exec-protocol.md",
    "kvm:SERIES": "the KVM of another series in Debian's suites, such as kvm:6.12, in an emulated host",
}
"""Every peer, and what is under test."""


class UnknownPeer(InputError):
    """No peer has that name; the message lists those that exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A peer, and what the user wants to be different about it."""

    name: str
    kernel: str | None = None
    """An arm64 Image instead of a suite's kernel (kvm)."""
    qemu: str | None = None
    """The QEMU to test (qemu), or to emulate the host with (kvm)."""
    conduit: str | None = None
    psci: str | None = None
    """The version to ask for, and to judge against."""
    filter: Forwarding | None = None
    """The function ids that leave the kernel for our VMM half (kvm)."""

    def __post_init__(self) -> None:
        family, colon, rest = self.name.partition(":")
        known = self.name in NAMES if family != "kvm" else not colon or re.fullmatch(r"latest|\d+\.\d+", rest)
        if family == "exec":
            known = bool(rest)
        if not known or rest in ("SERIES", "COMMAND"):
            raise UnknownPeer(f"unknown peer {self.name!r}: choose one of {', '.join(NAMES)}")
        if family != "kvm" and self.kernel is not None:
            raise UnknownPeer(f"--kernel is for kvm: {family} runs without a kernel")
        if family != "kvm" and self.filter is not None:
            raise UnknownPeer(f"{self.name} has no SMCCC filter: name kvm, kvm:latest or kvm:SERIES")
        if family in ("model", "exec") and (self.qemu or self.conduit):
            raise UnknownPeer(f"--qemu and --conduit are for machines that we start: {family} runs by itself")
        if self.conduit not in (None, "hvc", "smc"):
            raise UnknownPeer(f"unknown conduit {self.conduit!r}: choose hvc or smc")
        if family == "kvm" and self.conduit == "smc":
            raise UnknownPeer("--conduit smc: a guest of KVM calls PSCI by hvc")
        if self.name == "qemu:smc" and self.conduit == "hvc":
            raise UnknownPeer("--conduit hvc: qemu:smc is called by smc; name qemu instead")

    @property
    def family(self) -> str:
        """The folder of the peer: qemu, kvm."""
        return self.name.partition(":")[0]


def request_from(words: Mapping[str, str], place: str, forwarding: Forwarding | None = None) -> Request:
    """The request in a saved file.

    Args:
        words: its fields that are texts.
        place: the file.
        forwarding: the filter in it.

    Raises:
        UnknownPeer: it has no such field, or no such peer.
    """
    known = {field.name for field in fields(Request)} - {"filter"}
    unknown = sorted(set(words) - known)
    if unknown:
        raise UnknownPeer(f"{place}: peer: unknown field {unknown[0]!r}: give a file that psci fuzz saved")
    return Request(**words, filter=forwarding)
