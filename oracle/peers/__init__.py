"""The implementations that can be tested against, by name.

Nothing of an adapter is imported before it is asked for.
"""

from __future__ import annotations

from psci.oracle.peers.family import Family, Request, UnknownPeer
from psci.oracle.peers.peer import Peer, PeerDied, PeerError
from psci.oracle.peers.registry import family, names, registered, request_for, request_from


def open_peer(request: Request, *, times: float = 1.0) -> Peer:
    """The peer that a user named.

    Args:
        request: its name, and what is to be different.
        times: how many times the usual limits it may take for an answer.

    Raises:
        Missing: something that it needs is not on this machine; the message says what to do.
        InputError: its filter is for another kernel.
    """
    return family(request.name).open(request, times)


__all__ = [
    "Family", "Peer", "PeerDied", "PeerError", "Request", "UnknownPeer", "family", "names", "open_peer", "registered",
    "request_for", "request_from",
]  # fmt: skip
