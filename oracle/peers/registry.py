"""The families of peers, found through the entry-point group `psci.peers` of every distribution that is installed.

Our own are registered in pyproject.toml like anybody's:

    [project.entry-points."psci.peers"]
    mine = "my_package.family:FAMILY"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from psci.oracle.peers.family import Family, Request, UnknownPeer
from psci.oracle.traces.forwarding import Forwarding

GROUP = "psci.peers"
OPTIONS: Mapping[str, str] = {
    "kernel": "--kernel", "qemu": "--qemu", "firmware": "--firmware", "conduit": "--conduit", "filter": "SMCCC filter",
}  # fmt: skip
"""The options of a request that not every family takes, as a user calls them."""
CONDUITS = ("hvc", "smc")


@cache
def registered() -> Mapping[str, EntryPoint]:
    """The entry point of each family by the family's name, sorted; nothing of it is imported."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


@cache
def family(name: str) -> Family:
    """The family of a peer, by the peer's name or its own.

    Raises:
        UnknownPeer: none is registered under that name, or what is registered is not a family.
    """
    word = name.partition(":")[0]
    point = registered().get(word)
    if point is None:
        raise UnknownPeer(f"unknown peer {name!r}: choose one of {', '.join(names())}")
    try:
        found = point.load()
    except Exception as error:  # it is somebody else's code, which may fail in any way
        why = " ".join(f"{error}".split()) or type(error).__name__
        raise UnknownPeer(f"{point.value}, registered as the peer {word}, cannot be loaded: {why}") from error
    if not isinstance(found, Family) or found.name != word:
        raise UnknownPeer(
            f"{point.value}, registered as the peer {word}, is not a psci.oracle.peers.Family of that name"
        )
    return found


def names() -> Mapping[str, str]:
    """Every name of a peer, and what is under test; a word in capitals stands for what the user chooses.

    A family that cannot be loaded is listed with the reason, and keeps nobody from the others.
    """
    found: dict[str, str] = {}
    for word in registered():
        try:
            found |= family(word).peers
        except UnknownPeer as broken:
            found[word] = str(broken)
    return found


def _taken_by(word: str) -> frozenset[str]:
    try:
        return frozenset(family(word).takes)
    except UnknownPeer:
        return frozenset()


def request_for(name: str, **options: Any) -> Request:
    """A request that its family can serve.

    Args:
        name: one of `names()`.
        options: fields of `Request`.

    Raises:
        UnknownPeer: there is no such peer, or an option is not for it.
    """
    asked = Request(name=name, **options)
    here = family(name)
    if here.what(name) is None:
        raise UnknownPeer(f"unknown peer {name!r}: choose one of {', '.join(names())}")
    for option, words in OPTIONS.items():
        if getattr(asked, option) is not None and option not in here.takes:
            others = [word for word in registered() if option in _taken_by(word)]
            raise UnknownPeer(f"{name} has no {words}: it is for {' and '.join(others)}")
    if asked.conduit is not None and asked.conduit not in CONDUITS:
        raise UnknownPeer(f"unknown conduit {asked.conduit!r}: choose hvc or smc")
    here.check(asked)
    return asked


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
    return request_for(**words, filter=forwarding)
