"""`psci graph` as a user meets it."""

from __future__ import annotations

import html
import json
import shutil
from pathlib import Path

import jsonschema
import pytest
from house import ROOT

from psci.cli import main

SCHEMA = json.loads((ROOT / "cli" / "schemas" / "graph.json").read_text(encoding="utf-8"))
BEGINS = {
    "svg": b"<?xml",
    "png": b"\x89PNG",
    "dot": b"digraph",
    "mmd": b"---",
    "html": b"<!doctype html>",
    "pdf": b"%PDF",
}
needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="there is no `dot`: apt-get install graphviz")


@pytest.mark.parametrize("suffix", [pytest.param(s, marks=() if s in ("dot", "mmd") else needs_dot) for s in BEGINS])
def test_the_suffix_says_the_format(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"core.{suffix}"
    assert main.run(["graph", "core", "-o", str(file)]) == 0
    assert file.read_bytes().startswith(BEGINS[suffix])
    assert list(tmp_path.iterdir()) == [file]


@needs_dot
def test_a_picture_carries_calls_outcomes_and_rules(tmp_path: Path) -> None:
    file = tmp_path / "core.svg"
    main.run(["graph", "core", "-o", str(file)])
    picture = html.unescape(file.read_text(encoding="utf-8"))
    for word in ("CPU_ON", "SUCCESS", "accepted", "CPU_ON-10", "ON_PENDING"):
        assert word in picture


def test_its_document_keeps_to_the_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["graph", "system", "--cpus", "1", "-o", str(tmp_path / "system.dot"), "--json"]) == 0
    jsonschema.validate(json.loads(capsys.readouterr().out), SCHEMA)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["core", "-o", "x.bmp"], ".svg, .png, .pdf, .dot"),
        (["cores", "-o", "x.svg"], "choose core, system"),
        (["states", "-o", "x.svg"], "take the view 'core' or 'system'"),
        (["core", "-o", "nowhere/x.dot"], "nowhere/x.dot"),
        (["core", "-o", "x.dot", "--version", "2"], "unknown PSCI version"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_file(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.run(["graph", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
