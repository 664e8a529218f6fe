"""The implementations that can be tested against, by name.

Nothing of an adapter is imported before it is asked for.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Literal, cast

from psci.host.requirements import Requirement
from psci.oracle.peers.peer import Peer, PeerError
from psci.oracle.peers.quirks import Quirks
from psci.oracle.peers.request import NAMES, Request, UnknownPeer, request_from

_MODEL_SEED = 1
_WITHOUT_FOLDER = ("model", "exec")
"""Peers that have neither a profile nor known deviations."""


def open_peer(request: Request, *, times: float = 1.0) -> Peer:
    """The peer that a user named.

    Args:
        request: its name, and what is to be different.
        times: how many times the usual limits it may take for an answer.

    Raises:
        Missing: something that it needs is not on this machine; the message says what to do.
        InputError: its filter is for another kernel.
    """
    if request.filter is not None:
        from psci.oracle.filter.run import open_filtered

        return open_filtered(request, request.filter, times)
    if request.family == "model":
        return _model(request.psci or "1.3")
    if request.family == "exec":
        from psci.oracle.peers.exec.adapter import ExecPeer, Limits

        return ExecPeer(request.name.partition(":")[2], psci=request.psci, limits=Limits().times(times))
    if request.family == "qemu":
        return _qemu(request, times)
    return _kvm(request, times)


def _model(psci: str) -> Peer:
    from psci.oracle.reference.peer import ModelPeer, declaration

    return ModelPeer(psci, seed=_MODEL_SEED, profile=declaration(psci))


def _qemu(request: Request, times: float) -> Peer:
    from psci.host.packages import Packages
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
    from psci.host.packages import Packages

    if request.family == "exec":
        from psci.oracle.peers.exec.adapter import requirement

        return [requirement(request.name.partition(":")[2])]
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
        Missing: it cannot be had.
    """
    from psci.host.packages import HOST_PROGRAMS, Packages
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
