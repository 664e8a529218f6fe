"""A saved file may carry the filter under which its peer ran, and a replay runs under it again."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from psci.cli.main import run
from psci.host.requirements import Missing
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.scenarios.filter import Composition, claimed_set
from psci.model.tables.versions import V1_1, V1_3
from psci.oracle import peers
from psci.oracle.campaign import saved
from psci.oracle.campaign.replaying import replay
from psci.oracle.campaign.saved import SavedDeviation, SavedError
from psci.oracle.filter.run import saved_witness
from psci.oracle.filter.witness import witness
from psci.oracle.peers import UnknownPeer, request_for
from psci.oracle.traces.forwarding import Forwarding

WHOLE = Composition(V1_1, V1_3, (SYSTEM_OFF2,), claimed_set((SYSTEM_OFF2,)))
MISSED = {
    0x8400_0000: ("PSCI_VERSION", "returns 0x10001"),
    0x8400_000A: ("SYSTEM_OFF2", "returns INVALID_PARAMETERS"),
    0x8400_0015: ("SYSTEM_OFF2", "returns NOT_SUPPORTED"),
    0xC400_0015: ("SYSTEM_OFF2", "returns NOT_SUPPORTED"),
}


def without(fid: int) -> SavedDeviation:
    found = witness(WHOLE, fid)
    assert found is not None
    return saved_witness(WHOLE, found, request_for("kvm:6.12"), "psci filter")


@pytest.mark.parametrize("fid", sorted(MISSED))
def test_each_id_is_saved_with_what_fails_without_it(fid: int, tmp_path: Path) -> None:
    made = without(fid)
    assert (made.key.what, made.key.observed) == MISSED[fid]
    again = saved.read(saved.write(made, tmp_path, "one.json"))
    assert again == replace(made, trace=())
    assert again.filter is not None
    assert again.filter.composition == WHOLE.without(fid)
    assert peers.request_from(again.peer, "file", again.filter).filter == again.filter


def test_the_command_saves_one_file_for_each_id(tmp_path: Path) -> None:
    assert run(["filter", "--kernel", "1.1", "--want", "1.3", "-o", str(tmp_path)]) == 0
    read = {path.name: saved.read(path) for path in tmp_path.glob("*.json")}
    assert set(read) == {f"without-{fid:#010x}.json" for fid in MISSED}
    one = read["without-0x84000015.json"]
    assert one.filter is not None and 0x8400_0015 not in one.filter.forward
    assert one.command == f"psci filter --kernel 1.1 --want 1.3 --vmm SYSTEM_OFF2 -o {tmp_path}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("all", "peer: filter: not an object"),
        ({}, "'kernel' is missing"),
        ({"action": "deny"}, "unknown field 'action'"),
        ({"kernel": 1.1}, "kernel: not a text"),
        ({"kernel": "1.9"}, "unknown PSCI version '1.9'"),
        ({"want": "1.0"}, "want 1.0 is older than kernel 1.1"),
        ({"offer": "SYSTEM_OFF2"}, "offer: not a list"),
        ({"offer": ["SYSTEM_OFF3"]}, "PSCI 1.3 has no function 'SYSTEM_OFF3'"),
        ({"offer": ["SYSTEM_OFF2", "SYSTEM_OFF2"]}, "each function and each id once"),
        ({"forward": [0x8400_0000]}, "forward[0]: not a text"),
        ({"forward": ["84000000"]}, "no 64-bit word in hex"),
        ({"forward": ["0x84000000", "0x84000000"]}, "each function and each id once"),
        ({"forward": ["0x84000003"]}, "0x84000003: PSCI_VERSION, PSCI_FEATURES and offer do not have it"),
        ({"cpus": 9}, "a guest has 1 to 8 cores"),
        ({"cpus": True}, "not a number that fits"),
        ({"cpus": 3}, "a filter for 3 cores, and a program for 2"),
    ],
)
def test_a_malformed_filter_is_refused(change: Any, message: str, tmp_path: Path) -> None:
    document = saved.as_document(without(0x8400_0015))
    whole = document["peer"]["filter"]
    document["peer"]["filter"] = {**whole, **change} if isinstance(change, dict) and change else change
    path = tmp_path / "one.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(SavedError) as caught:
        saved.read(path)
    assert message in str(caught.value)
    assert run(["replay", str(path)]) == 2


def test_only_kvm_runs_under_a_filter() -> None:
    with pytest.raises(UnknownPeer, match="qemu has no SMCCC filter: it is for kvm"):
        request_for("qemu", filter=Forwarding.of(WHOLE, 2))


@pytest.mark.peer
@pytest.mark.slow
def test_a_replay_shows_it_on_the_real_kernel_and_the_whole_filter_conforms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = without(0x8400_0015)
    request = request_for("kvm:6.12", filter=Forwarding.of(WHOLE, 2))
    try:
        peer = peers.open_peer(request)
    except Missing as missing:
        pytest.skip(f"REAL PEER NOT TESTED: {missing}")
    with closing(peer):
        conforms = replay(peer, made, 1, request)
    assert (conforms.status, conforms.others, conforms.problems) == (0, (), ())
    path = saved.write(made, tmp_path)
    assert run(["replay", str(path), "--on", "kvm:6.12", "--times", "1", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["seen"] == 1
    assert document["filter"]["forward"] == ["0x84000000", "0x8400000a", "0xc4000015"]
