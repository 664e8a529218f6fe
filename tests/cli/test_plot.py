"""`psci plot` draws what other commands wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from house import ROOT

from psci.cli import main

MATRIX = ROOT / "docs" / "matrix" / "matrix.json"


def test_a_record_is_drawn_under_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.run(["plot", str(MATRIX)]) == 0
    assert capsys.readouterr().out == "matrix.svg: How often a race shows\n"
    assert (tmp_path / "matrix.svg").read_text("utf-8").startswith("<svg ")


def test_a_plot_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["plot", str(MATRIX), "-o", "-"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("</svg>")


@pytest.mark.parametrize(("content", "options", "message"), [
    (b"{", (), "not one JSON document"),
    (b"\xff", (), "not one JSON document"),
    (b"[" * 100_000, (), "not one JSON document"),
    (b"{}", (), "nothing to plot"),
    (b"{}", ("-o", "plot.png"), "a plot is written as .svg"),
    (None, (), "cannot be read"),
])  # fmt: skip
def test_what_is_no_record_is_refused_in_one_line(
    content: bytes | None, options: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "record.json"
    if content is not None:
        record.write_bytes(content)
    assert main.run(["plot", str(record), *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_campaign_keeps_when_it_met_more_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["fuzz", "model", "--seed", "1", "--calls", "300", "--save", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    rules = [point["rules"] for point in document["coverage"]]
    assert rules == sorted(set(rules))
    assert rules[-1] == len(document["rules_exercised"])
    assert document["coverage"][-1]["calls"] <= document["calls"]
