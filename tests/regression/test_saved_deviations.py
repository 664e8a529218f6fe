"""Every deviation that was found on a real implementation is still what we take it for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from psci.host.requirements import Missing
from psci.oracle import peers
from psci.oracle.campaign import saved
from psci.oracle.campaign.replaying import replay
from psci.oracle.peers.peer import Peer

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*/*.json"))
MOST_RUNS = 500
"""A race needs cores that overlap, which on a busy machine they seldom do; most deviations show in the first runs."""

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def opened() -> Iterator[dict[str, Peer]]:
    """Each peer, started once."""
    found: dict[str, Peer] = {}
    yield found
    for peer in found.values():
        peer.close()


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_saved_deviation_shows_again_and_is_listed(path: Path, opened: dict[str, Peer]) -> None:
    deviation = saved.read(path)
    request = peers.request_from(deviation.peer, str(path))
    if request.name not in opened:
        try:
            opened[request.name] = peers.open_peer(request)
        except Missing as missing:
            pytest.skip(f"REAL PEER NOT TESTED: {missing}")
    peer = opened[request.name]
    if not peers.family(request.name).quirks().of(peer.version):
        pytest.skip(f"REAL PEER NOT TESTED: nothing is known of {peer.version}")
    done = None
    for _ in range(0, MOST_RUNS, 5):
        done = replay(peer, deviation, 5, request)
        assert done.others == (), "a deviation that no quirk lists"
        if done.seen:
            break
    assert done is not None and done.status == 1, f"it conforms now in {peer.version}: remove the quirk"
