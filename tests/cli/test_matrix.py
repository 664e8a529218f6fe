"""`psci matrix` from the command line, and the matrix that is kept in the documentation."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from psci.cli import main
from psci.cli.measuring import matrix_page, matrix_text
from psci.oracle.matrix.table import read

SCHEMA = json.loads((Path(main.__file__).parent / "schemas" / "matrix.json").read_text(encoding="utf-8"))
KEPT = Path(__file__).parents[2] / "docs" / "matrix"


def test_a_matrix_of_two_versions_of_the_reference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save = ["--save", str(tmp_path), "--seed", "1", "--cpus", "2"]
    assert main.run(["matrix", "model@1.0", "model@1.3", "--time", "0.5", "--json", *save]) == 0
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    assert [column["label"] for column in found["columns"]] == ["model@1.0", "model@1.3"]
    assert read(tmp_path / "matrix.json") == found
    assert main.run(["matrix", "--from", str(tmp_path / "matrix.json"), "--compare", "model@1.0", "model@1.3"]) == 0
    said = capsys.readouterr().out
    assert "  PSCI\n    model@1.0: 1.0\n    model@1.3: 1.3\n" in said
    assert main.run(["matrix", "model@1.0", "model@1.3", "--resume", *save]) == 0
    assert "1 model@1.0: PSCI 1.0" in capsys.readouterr().out


def test_a_peer_that_is_missing_is_told_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = ["model@1.1", "exec:/nowhere/at-all"]
    assert main.run(["matrix", *labels, "--time", "0.3", "--save", str(tmp_path), "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert [absent["peer"] for absent in found["not_executed"]] == ["exec:/nowhere/at-all"]
    assert len(found["columns"]) == 1


@pytest.mark.parametrize("label", ["nobody", "model@9.9", "xen:new"])
def test_a_wrong_word_is_told_before_anything_runs(label: str, tmp_path: Path) -> None:
    assert main.run(["matrix", label, "--save", str(tmp_path / "none")]) == 2
    assert not (tmp_path / "none").exists()


def test_the_kept_matrix_is_what_the_command_writes() -> None:
    found = read(KEPT / "matrix.json")
    jsonschema.validate(found, SCHEMA)
    assert (KEPT / "matrix.md").read_text(encoding="utf-8") == "\n".join(matrix_text.markdown(found)) + "\n"
    assert (KEPT / "matrix.html").read_text(encoding="utf-8") == matrix_page.page(found)


def test_every_deviation_of_the_kept_matrix_has_a_trace_that_is_there_or_a_rate() -> None:
    found = read(KEPT / "matrix.json")
    deviating = [cell for row in found["rows"] for cell in row["cells"] if cell["state"] == "deviates"]
    assert deviating
    for cell in deviating:
        assert cell["count"] > 0 and cell["seen"]
        for trace in cell["traces"]:
            assert (KEPT / trace).is_file(), trace
