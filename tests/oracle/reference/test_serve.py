"""The reference served over the line protocol: it answers lines, overlaps what arrives together, and conforms."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Any

import pytest

from psci.oracle.campaign.campaign import Campaign, CampaignPlan
from psci.oracle.campaign.measuring import command_of
from psci.oracle.peers.exec.adapter import ExecPeer
from psci.oracle.reference.choices import Refuses
from psci.oracle.reference.serve import ProtocolError, ReferenceServer

START = {"k": "start", "protocol": 1, "cpus": 2}
SETTLE = {"k": "settle"}


def call(cpu: int, fn: int, *args: int) -> dict[str, Any]:
    return {"k": "call", "cpu": hex(cpu), "fn": hex(fn), "args": [hex(word) for word in args]}


def served(*lines: dict[str, Any] | bytes, **options: Any) -> list[dict[str, Any]]:
    """What the server says to lines that arrive together."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.writelines(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    out = io.BytesIO()
    with os.fdopen(reading, "rb") as source:
        ReferenceServer(**options).serve(source, out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_it_starts_a_core_and_settles() -> None:
    machine, *said = served(START, call(0, 0xC400_0003, 1, 0x4000_0000, 7), SETTLE)
    assert (machine["protocol"], machine["cpus"], machine["profile"]["policy_denies"]) == (1, ["0x0", "0x1"], [])
    # The target may be entered before its CPU_ON returns.
    assert sorted(said, key=lambda line: line["k"]) == [
        {"k": "enter", "cpu": "0x1", "pc": "0x40000000", "x0": "0x7"},
        {"k": "return", "cpu": "0x0", "x0": "0x0"},
        {"k": "settled"},
    ]
    assert said[-1] == {"k": "settled"}


def test_it_declares_the_version_that_it_is_asked_for() -> None:
    (machine,) = served({**START, "psci": "1.1"})
    assert machine["psci"] == "1.1" and "SYSTEM_OFF2" not in machine["profile"]["functions"]


def test_after_a_system_call_it_is_down_until_it_boots() -> None:
    lines = [START, call(0, 0x8400_0008), SETTLE, call(0, 0x8400_0000), SETTLE, {"k": "boot"}]
    _, *said = served(*lines, call(0, 0x8400_0000), SETTLE)
    assert [line["k"] for line in said] == ["system", "settled", "settled", "return", "settled"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"[]\n", "not a JSON object"),
        (b"{\n", "not a line of JSON"),
        ({"k": "boot"}, "`boot` comes after `start`"),
        (call(0, 0x8400_0000), "the first line is `start`"),
        ({**START, "protocol": 2}, "this program speaks 1"),
        ({**START, "cpus": 0}, "between 1 and 64"),
    ],
)
def test_a_line_that_is_none_is_refused(line: Any, complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        served(line)


def test_a_call_of_a_core_that_is_not_there_is_refused() -> None:
    with pytest.raises(ProtocolError, match="cannot be used"):
        served(START, call(5, 0x8400_0000))


@pytest.mark.parametrize("refuses", list(Refuses))
def test_it_refuses_as_often_as_it_is_told_to(refuses: Refuses) -> None:
    lines = [line for _ in range(60) for line in (START, call(0, 0xC400_0003, 1, 0x4000_0000, 7), SETTLE)]
    refused = sum(line.get("x0") == hex((1 << 64) - 6) for line in served(*lines, refuses=refuses, seed=1))
    assert refused in {Refuses.NEVER: range(1), Refuses.SOMETIMES: range(1, 12), Refuses.OFTEN: range(15, 46)}[refuses]


@pytest.mark.parametrize("seed", [2, 7])
def test_a_campaign_through_the_line_protocol_blames_it_for_nothing(seed: int) -> None:
    peer = ExecPeer(command_of(None, seed))
    try:
        result = Campaign(CampaignPlan(seed=seed, calls=500), peer, lambda: peer).run()
    finally:
        peer.close()
    assert (result.found, result.died, result.problems) == ({}, [], [])
    assert sys.executable in peer.command and result.overlap.calls > 20
