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
from psci.graphs.page.assemble import page
from psci.graphs.render import FORMATS
from psci.graphs.views import names

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


def test_the_decision_table_shows_amended_rules(tmp_path: Path) -> None:
    rules, file = tmp_path / "mine.py", tmp_path / "cpu_off.html"
    rules.write_text(
        "from psci.explorer.amendments import amend\n"
        "from psci.model.calls.cpu_off import CPU_OFF\n"
        "from psci.model.tables.codes import DENIED\n"
        "@amend(CPU_OFF).must_refuse(DENIED, cites=('MINE-1',))\n"
        "def not_the_last(m, s, call):\n    'The last core stays.'\n    return False\n",
        encoding="utf-8",
    )
    arguments = ["graph", "decision", "--call", "CPU_OFF", "-o", str(file)]
    assert main.run([*arguments, "--amend", str(rules)]) == 0
    assert "The last core stays." in file.read_text(encoding="utf-8")


def test_its_document_keeps_to_the_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["graph", "system", "--cpus", "1", "-o", str(tmp_path / "system.dot"), "--json"]) == 0
    jsonschema.validate(json.loads(capsys.readouterr().out), SCHEMA)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["core", "-o", "x.bmp"], ".svg, .png, .pdf, .dot"),
        (["cores", "-o", "x.svg"], "choose core, system"),
        (["states", "--cpus", "2", "-o", "x.svg"], "take --cpus 1"),
        (["decision", "-o", "x.svg"], "say which call"),
        (["decision", "--call", "CPU_IN", "-o", "x.svg"], "choose from"),
        (["race", "--refusals", "-o", "x.svg"], "it takes --version"),
        (["core", "--call", "CPU_ON", "-o", "x.svg"], "only the view 'decision'"),
        (["core", "--reading", "cores=off", "-o", "x.svg"], "reading 'cores': choose from"),
        (["core", "--json", "-o", "-"], "give -o a file"),
        (["explorer", "-o", "nowhere/x.html"], "nowhere/x.html"),
        (["explorer", "--trace", "nowhere.ndjson"], "nowhere.ndjson"),
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


def test_without_a_file_a_view_is_written_under_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.run(["graph", "states", "--format", "dot"]) == 0
    assert (tmp_path / "states.dot").read_bytes().startswith(b"digraph")


def test_a_picture_goes_to_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main.run(["graph", "race", "--format", "mermaid", "-o", "-"]) == 0
    assert capfdbinary.readouterr().out.startswith(b'---\ntitle: "CPU_ON and CPU_OFF')


def test_every_view_and_format_is_named_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    main.run(["graph", "--help"])
    text = capsys.readouterr().out
    assert [word for word in (*names(), "explorer", *(f".{s}" for s in FORMATS)) if word not in text] == []


def test_the_explorer_page_is_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "psci.html"
    assert main.run(["graph", "explorer", "-o", str(file)]) == 0
    assert file.read_text(encoding="utf-8") == page()
    assert capsys.readouterr().out.startswith(f"{file}: {file.stat().st_size // 1024} KiB")
