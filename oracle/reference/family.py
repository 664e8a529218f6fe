"""The reference implementation that is made from the rules, as the peer `model`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from psci.model.tables.versions import version
from psci.oracle.peers.family import Family, Request
from psci.oracle.peers.peer import Peer

_SEED = 1


class Reference(Family):
    """An implementation that has everything and declares it; what it may choose beside that, it chooses once."""

    name = "model"
    peers: ClassVar[Mapping[str, str]] = {
        "model": "the reference implementation that is made from the rules, with races, sparing of permissions"
    }

    def open(self, request: Request, times: float) -> Peer:
        """The reference of the version that was asked for."""
        from psci.oracle.reference.peer import ModelPeer, declaration

        psci = version(request.psci or "1.3").name
        return ModelPeer(psci, seed=_SEED, profile=declaration(psci))


FAMILY = Reference()
