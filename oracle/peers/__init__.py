"""The implementations that can be tested against, by name.

Nothing of an adapter is imported before it is asked for.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, cast

from psci.model.errors import InputError
from psci.oracle.peers.peer import Peer, PeerError, Requirement
from psci.oracle.quirks import Quirks

if TYPE_CHECKING:
    from psci.oracle.forwarding import Forwarding

NAMES: Mapping[str, str] = {
    "qemu": "QEMU's own PSCI, called by HVC from EL1",
    "qemu:smc": "QEMU's own PSCI, called by SMC from EL2",
    "kvm": "the KVM of this machine, where it is an arm64 one",
    "kvm:latest": "the KVM of the newest Linux in Debian's suites, in an emulated host",
    "model": "the reference implementation that is made from the rules, with races and every permission",
    "kvm:SERIES": "the KVM of another series in Debian's suites, such as kvm:6.12, in an emulated host",
}
"""Every peer, and what is under test."""


_MODEL_SEED = 1
_WITHOUT_FOLDER = ("model",)
"""Peers that have neither a profile nor known deviations."""


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
        if not known or rest == "SERIES":
            raise UnknownPeer(f"unknown peer {self.name!r}: choose one of {', '.join(NAMES)}")
        if family != "kvm" and self.kernel is not None:
            raise UnknownPeer(f"--kernel is for kvm: {family} runs without a kernel")
        if family != "kvm" and self.filter is not None:
            raise UnknownPeer(f"{self.name} has no SMCCC filter: name kvm, kvm:latest or kvm:SERIES")
        if family == "model" and (self.qemu or self.conduit):
            raise UnknownPeer("--qemu and --conduit are for real peers: model runs by itself")
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


def open_peer(request: Request, *, times: float = 1.0) -> Peer:
    """The peer that a user named.

    Args:
        request: its name, and what is to be different.
        times: how many times the usual limits it may take for an answer.

    Raises:
        PeerMissing: something that it needs is not on this machine; the message says what to do.
        InputError: its filter is for another kernel.
    """
    if request.filter is not None:
        from psci.oracle.filtered import open_filtered

        return open_filtered(request, request.filter, times)
    if request.family == "model":
        return _model(request.psci or "1.3")
    if request.family == "qemu":
        return _qemu(request, times)
    return _kvm(request, times)


def _model(psci: str) -> Peer:
    """An implementation that has everything; what is open beside that, it chooses anew for each program."""
    from psci.model.calls import CALLS
    from psci.model.versions import V1_0, version
    from psci.oracle.reference import ModelPeer

    judged_by = version(psci)
    has = {call.name: True for call in CALLS if call.optional and call.exists_in(judged_by)}
    modern = judged_by >= V1_0
    profile: dict[str, Any] = {"functions": has, "affinity_levels": [1, 2, 3]}
    profile |= {"power_state_format": "extended" if modern else "original", "os_initiated": modern}
    return ModelPeer(psci, seed=_MODEL_SEED, profile=profile)


def _qemu(request: Request, times: float) -> Peer:
    from psci.oracle.peers.packages import Packages
    from psci.oracle.peers.qemu.adapter import QemuPeer
    from psci.oracle.peers.qemu.machine import Limits

    conduit = "smc" if request.name == "qemu:smc" else request.conduit or "hvc"
    return QemuPeer(
        qemu=request.qemu, conduit=cast(Literal["hvc", "smc"], conduit), psci=request.psci,
        find=Packages().find_or_fetch, limits=Limits().times(times),
    )  # fmt: skip


def _kvm(request: Request, times: float) -> Peer:
    from psci.oracle.peers.kvm.adapter import Limits, emulated, native

    _, colon, series = request.name.partition(":")
    limits = Limits().times(times)
    if not colon and request.kernel is None and request.qemu is None:
        return native(limits=limits)
    return emulated(series or "latest", kernel=request.kernel, qemu=request.qemu, limits=limits)


def options(request: Request) -> tuple[Mapping[str, str], ...]:
    """The sets of a peer's own switches that a campaign goes through; it spends equal shares on each."""
    if request.family == "kvm":
        return ({}, {"system_suspend": "on"})
    return ({},)


def profile(family: str) -> dict[str, Any]:
    """What an implementation declares, by its documentation."""
    if family in _WITHOUT_FOLDER:
        return {}
    text = resources.files(f"psci.oracle.peers.{family}").joinpath("profile.json").read_text(encoding="utf-8")
    return cast(dict[str, Any], json.loads(text))


def quirks(family: str) -> Quirks:
    """The known deviations of a family of peers."""
    if family in _WITHOUT_FOLDER:
        return Quirks(family)
    found = importlib.import_module(f"psci.oracle.peers.{family}.quirks").QUIRKS
    assert isinstance(found, Quirks)
    return found


def requirements(request: Request) -> Sequence[Requirement]:
    """What a peer needs, and what of it is on this machine."""
    from psci.oracle.peers.packages import Packages

    if request.family in _WITHOUT_FOLDER:
        return []
    packages = Packages()
    if request.family == "qemu":
        from psci.oracle.peers.qemu import adapter as qemu

        return qemu.requirements(request.qemu, packages.find)
    from psci.oracle.peers.kvm import adapter as kvm

    return kvm.native_requirements() if request.name == "kvm" else kvm.requirements(packages)


def install(request: Request) -> None:
    """Fetch what a peer needs and this machine has not.

    Raises:
        PeerMissing: it cannot be had.
    """
    from psci.oracle.peers.packages import HOST_PROGRAMS, Packages
    from psci.oracle.peers.stub import build

    if request.name == "kvm" or request.family in _WITHOUT_FOLDER:
        return
    packages = Packages()
    packages.install([program for program in HOST_PROGRAMS if program != "dot"])
    build.image(packages.find_or_fetch)
    if request.family == "kvm":
        packages.kernel(request.name.partition(":")[2])
        packages.python()


__all__ = [
    "NAMES", "PeerError", "Request", "UnknownPeer", "install", "open_peer", "options", "profile", "quirks",
    "request_from", "requirements",
]  # fmt: skip
