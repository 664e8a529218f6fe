"""`psci fuzz`, `psci replay` and `psci peers`: what they print is what the schemas say, and so is their exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fake_peer import SILENCE, FakePeer
from house import ROOT

from psci.cli.main import run
from psci.host.requirements import Missing, Requirement
from psci.model.step import Invocation, Outcome
from psci.oracle import peers
from psci.oracle.peers import Family, Request
from psci.oracle.peers.kvm.family import Kvm
from psci.oracle.peers.qemu.family import Qemu
from psci.oracle.peers.tfa.family import Tfa
from psci.oracle.peers.xen.family import Xen
from psci.oracle.reference.family import Reference

SCHEMAS = ROOT / "cli" / "schemas"
WRONG = (1 << 64) - 3


def cookie_ignored(state: Any, call: Invocation, right: Outcome) -> int | None:
    return WRONG if right.rule.name == "SYSTEM_OFF2.cookie_set" else None


def silent_version(state: Any, call: Invocation, right: Outcome) -> int | None:
    return SILENCE if right.rule.name == "PSCI_VERSION.version" else None


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakePeer:
    """What every request opens."""
    peer = FakePeer()
    monkeypatch.setattr(peers, "open_peer", lambda request, times=1.0: peer)
    monkeypatch.setattr(Qemu, "profile", lambda self: {})
    return peer


def printed(capsys: pytest.CaptureFixture[str], schema: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, json.loads((SCHEMAS / f"{schema}.json").read_text(encoding="utf-8")))
    return document


def test_a_conforming_peer_ends_with_0(fake: FakePeer, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status = run(["fuzz", "qemu", "--calls", "200", "--seed", "1", "--json", "--save", str(tmp_path / "found")])
    document = printed(capsys, "fuzz")
    assert (status, document["status"], document["deviations"]) == (0, 0, [])
    assert document["command"] == "psci fuzz qemu --seed 1 --calls 200"
    assert document["calls"] >= 200 and not (tmp_path / "found").exists()
    assert fake.closed


def test_a_deviation_is_saved_and_replayed(fake: FakePeer, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    fake.fault = cookie_ignored
    status = run(["fuzz", "qemu", "--calls", "600", "--seed", "1", "--json", "--save", str(tmp_path)])
    document = printed(capsys, "fuzz")
    assert (status, len(document["deviations"])) == (1, 1)
    (found,) = document["deviations"]
    assert (found["what"], found["observed"]) == ("SYSTEM_OFF2", "returns DENIED")
    assert found["seen"] == {"times": 10, "of": 10} and found["replay"] == f"psci replay {found['file']}"

    assert run(["replay", found["file"], "--json"]) == 1
    assert printed(capsys, "replay")["seen"] == 3
    fake.fault = FakePeer().fault
    assert run(["replay", found["file"], "--times", "2", "--json"]) == 0
    assert printed(capsys, "replay")["runs"] == 2
    assert run(["replay", found["file"]]) == 0
    assert "conforms now (0 of 3 runs)" in capsys.readouterr().out


def test_a_saved_file_holds_all_that_a_person_needs(
    fake: FakePeer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fake.fault = cookie_ignored
    run(["fuzz", "qemu", "--calls", "600", "--seed", "1", "--save", str(tmp_path)])
    (path,) = tmp_path.glob("*.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["command"] == "psci fuzz qemu --seed 1 --calls 600" and document["version"] == "fake 1"
    rule = document["deviation"]["rules"][0]
    assert rule["name"] == "SYSTEM_OFF2.cookie_set"
    assert {"id": "OFF2-8", "sections": ["5.11.3"]} in rule["facts"]
    assert [event["k"] for event in document["trace"]] == ["machine", "call", "return", "end"]
    assert "psci replay" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda d: d.pop("program"), "'program' is missing"),
        (lambda d: d.update(format=2), "format 2"),
        (lambda d: d.update(surprise=1), "unknown field 'surprise'"),
        (lambda d: d["program"]["lives"][0][0].update(fn="84000015"), "no 64-bit word in hex"),
        (lambda d: d["program"]["lives"][0][0].update(cpu=5), "core 5 of 1"),
        (lambda d: d["program"]["lives"][0][0].update(do="jump"), "'jump' is not a step"),
        (lambda d: d["peer"].update(name="qemu9"), "unknown peer 'qemu9'"),
    ],
)
def test_a_damaged_file_is_refused_with_its_place(
    fake: FakePeer, capsys: pytest.CaptureFixture[str], tmp_path: Path, change: Any, complaint: str
) -> None:
    fake.fault = cookie_ignored
    run(["fuzz", "qemu", "--calls", "600", "--seed", "1", "--save", str(tmp_path)])
    (path,) = tmp_path.glob("*.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    capsys.readouterr()
    assert run(["replay", str(path)]) == 2
    error = capsys.readouterr().err
    assert complaint in error and error.count("\n") == 1


def test_a_file_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text("{", encoding="utf-8")
    assert run(["replay", str(tmp_path / "none.json")]) == 2
    assert run(["replay", str(tmp_path / "absent.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_what_cannot_be_judged_ends_with_3(fake: FakePeer, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    fake.deaths, fake.dies_at = 3, 0
    assert run(["fuzz", "qemu", "--calls", "200", "--seed", "1", "--json", "--save", str(tmp_path)]) == 3
    assert "it fell over (at its start, 3 times)" in capsys.readouterr().err


def test_a_crash_is_a_finding_with_its_program(
    fake: FakePeer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fake.deaths = 1 << 20
    assert run(["fuzz", "qemu", "--calls", "200", "--seed", "1", "--json", "--save", str(tmp_path)]) == 1
    document = printed(capsys, "fuzz")
    (found,) = document["deviations"]
    assert (found["what"], found["observed"], found["count"]) == ("PEER", "crashes", 6) and document["gave_up"]
    assert len(document["died"]) == 6
    fake.programs = 0
    assert run(["replay", found["file"]]) == 1
    assert "PEER crashes []: still deviates" in capsys.readouterr().out


def test_a_crash_that_does_not_come_back_is_an_observation_and_fails_nothing(
    fake: FakePeer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fake.deaths = 1
    assert run(["fuzz", "qemu", "--calls", "200", "--seed", "1", "--json", "--save", str(tmp_path)]) == 0
    document = printed(capsys, "fuzz")
    (seen,) = document["observations"]
    assert (seen["what"], seen["observed"], seen["seen"]) == ("PEER", "crashes", {"times": 0, "of": 5})
    assert [path.parent.name for path in tmp_path.rglob("*.json")] == ["observations"]


def test_an_interrupt_ends_with_130_and_what_there_is(
    fake: FakePeer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fake.interrupt_at = 3
    assert run(["fuzz", "qemu", "--calls", "9000", "--seed", "1", "--json", "--save", str(tmp_path)]) == 130
    assert printed(capsys, "fuzz")["programs"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["fuzz", "qemu9"],
        ["fuzz", "qemu", "--psci", "7.7"],
        ["fuzz", "kvm:latest", "--conduit", "smc"],
        ["fuzz", "qemu", "--kernel", "Image"],
        ["fuzz", "qemu", "--calls", "0"],
        ["peers", "doctor", "xen9"],
    ],
)
def test_bad_input_is_one_line_and_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_missing_peer_is_one_line_and_3(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def missing(request: Any, times: float = 1.0) -> Any:
        raise Missing("qemu-system-aarch64 is not on this machine: run `psci peers install`")

    monkeypatch.setattr(peers, "open_peer", missing)
    assert run(["fuzz", "qemu", "--calls", "10"]) == 3
    assert "psci peers install" in capsys.readouterr().err


def test_the_peers_are_listed_with_what_they_need(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["peers", "list", "--json"]) == 0
    document = printed(capsys, "peers")
    assert [peer["name"] for peer in document["peers"]] == [
        "kvm", "kvm:latest", "model", "qemu", "qemu:smc", "qemu:latest", "qemu:latest+versal", "qemu:latest+versal2",
        "tfa", "tfa:imx8mm", "xen",
    ]  # fmt: skip
    assert run(["peers"]) == 0
    assert "kvm:latest" in capsys.readouterr().out


def test_the_doctor_ends_with_3_where_a_named_peer_cannot_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing(self: Family, request: Request) -> list[Requirement]:
        return [Requirement("a machine", None, "build one")]

    for kind in (Qemu, Kvm, Reference, Tfa, Xen):
        monkeypatch.setattr(kind, "requirements", nothing)
    assert run(["peers", "doctor", "qemu"]) == 3
    assert "missing: a machine: build one" in capsys.readouterr().out
    assert run(["peers", "doctor", "--json"]) == 0
    assert not any(peer["ready"] for peer in printed(capsys, "peers")["peers"])
