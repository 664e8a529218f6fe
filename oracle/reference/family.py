"""The reference implementation that is made from the rules, as the peer `model`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from psci.model.calls import CALLS
from psci.model.tables.versions import V1_0, version
from psci.oracle.peers.family import Family, Request
from psci.oracle.peers.peer import Peer

_SEED = 1


class Reference(Family):
    """An implementation that has everything; what is open beside that, it chooses anew for each program."""

    name = "model"
    peers: ClassVar[Mapping[str, str]] = {
        "model": "the reference implementation that is made from the rules, with races and every permission"
    }

    def open(self, request: Request, times: float) -> Peer:
        """The reference of the version that was asked for."""
        from psci.oracle.reference.implementation import ModelPeer

        judged_by = version(request.psci or "1.3")
        has = {call.name: True for call in CALLS if call.optional and call.exists_in(judged_by)}
        modern = judged_by >= V1_0
        profile: dict[str, Any] = {"functions": has, "affinity_levels": [1, 2, 3]}
        profile |= {"power_state_format": "extended" if modern else "original", "os_initiated": modern}
        return ModelPeer(judged_by.name, seed=_SEED, profile=profile)


FAMILY = Reference()
