"""A matrix says of each implementation what was seen of it, no more and no less."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from psci.oracle.matrix import columns
from psci.oracle.matrix.columns import MatrixError, Wanted
from psci.oracle.matrix.table import CHOICES, ELSEWHERE, Cell, difference, matrix, read


def column(label: str, **fields: Any) -> dict[str, Any]:
    """What `psci.oracle.matrix.columns.column` makes, as far as a table needs it."""
    empty = {
        "label": label, "peer": label, "version": f"{label} 1", "psci": "1.1", "command": "psci fuzz", "seed": 1,
        "programs": 1, "calls": 10, "seconds": 1.0, "calls_per_second": 10.0, "problems": [], "died": [],
        "overlap": {"share": 0.0}, "rules_in_reach": 3, "rules_exercised": {}, "rules_never_exercised": [],
        "permissions": {}, "deviations": [], "profiles": [{}],
    }  # fmt: skip
    return empty | fields


def deviation(what: str, observed: str, *rules: str, count: int = 2, file: str | None = None) -> dict[str, Any]:
    seen = {"times": 3, "of": 10}
    return {"what": what, "observed": observed, "rules": list(rules), "facts": ["SM-8"], "count": count,
            "seen": seen, "file": file}  # fmt: skip


ONE = column(
    "one", rules_exercised={"CPU_ON.already_on": 7, "CPU_SUSPEND.downgraded": 2, "CPU_ON.accepted": 4},
    rules_never_exercised=["CPU_ON.on_pending"], permissions={"CPU_SUSPEND.downgraded": 2},
    profiles=[{"functions": {"SYSTEM_SUSPEND": False, "SYSTEM_RESET2": True}, "power_state_format": "original"},
              {"functions": {"SYSTEM_SUSPEND": True, "SYSTEM_RESET2": True}, "power_state_format": "original"}],
)  # fmt: skip
OTHER = column(
    "other", psci="1.3", rules_exercised={"CPU_ON.on_pending": 1, "CPU_ON.accepted": 3},
    deviations=[deviation("CPU_ON", "returns INVALID_PARAMETERS", "CPU_ON.already_on", file="traces/a.json"),
                deviation("ENTER", "unexpected", "SM-8")],
)  # fmt: skip


def cells(found: dict[str, Any], row: str) -> list[str]:
    return [cell["state"] for cell in next(r for r in found["rows"] if r["row"] == row)["cells"]]


def test_a_cell_says_what_was_seen() -> None:
    found = matrix([ONE, OTHER], {"kvm": "no arm64"}, "2030-01-02")
    assert cells(found, "CPU_ON.already_on") == [Cell.CONFORMS, Cell.DEVIATES]
    assert cells(found, "CPU_ON.on_pending") == [Cell.NOT_EXERCISED, Cell.CONFORMS]
    assert cells(found, "CPU_SUSPEND.downgraded") == [Cell.PERMISSION, Cell.OUT_OF_REACH]
    assert cells(found, "PSCI") == [Cell.CHOICE, Cell.CHOICE]
    assert cells(found, "ENTER unexpected") == [Cell.NOT_EXERCISED, Cell.DEVIATES]
    assert found["not_executed"] == [{"peer": "kvm", "why": "no arm64"}]
    assert found["rows"][0]["section"] == CHOICES and found["rows"][-1]["section"] == ELSEWHERE


def test_a_deviating_cell_has_its_rate_and_its_trace() -> None:
    found = matrix([OTHER], {}, "2030-01-02")
    (cell,) = next(row for row in found["rows"] if row["row"] == "CPU_ON.already_on")["cells"]
    assert cell == {
        "state": "deviates", "count": 2, "conforming": 0, "observed": ["returns INVALID_PARAMETERS"],
        "seen": [{"times": 3, "of": 10}], "traces": ["traces/a.json"],
    }  # fmt: skip


def test_what_a_switch_of_the_host_decides_is_told_as_that() -> None:
    found = matrix([ONE], {}, "2030-01-02")
    values = {row["row"]: row["cells"][0].get("value") for row in found["rows"] if row["section"] == CHOICES}
    assert values["SYSTEM_SUSPEND"] == "depends on the host"
    assert values["SYSTEM_RESET2"] == "present" and values["MEM_PROTECT"] is None
    assert values["format of power_state"] == "original"


def test_a_difference_is_what_a_guest_notices_and_not_what_was_not_looked_at() -> None:
    found = matrix([ONE, OTHER], {}, "2030-01-02")
    rows = {row["row"] for row in difference(found, "one", "other")}
    assert {"PSCI", "CPU_ON.already_on", "ENTER unexpected"} <= rows
    assert not {"CPU_ON.on_pending", "CPU_ON.accepted"} & rows
    with pytest.raises(MatrixError, match="no column 'none': choose two of one, other"):
        difference(found, "one", "none")


def test_a_file_that_is_no_matrix_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "matrix.json"
    for text in ("{", "[]", '{"kind": "psci-matrix", "format": 2}'):
        path.write_text(text)
        with pytest.raises(MatrixError, match=r"matrix\.json: "):
            read(path)
    found = matrix([ONE, OTHER], {}, "2030-01-02")
    found["rows"][0]["cells"].pop()
    path.write_text(json.dumps(found))
    with pytest.raises(MatrixError, match="a row does not have 2 cells"):
        read(path)


def test_a_column_is_kept_and_found_again(tmp_path: Path) -> None:
    wanted = Wanted(seed=1, seconds=0.5, cpus=2, folder=tmp_path)
    made = columns.column("model@1.1", wanted, lambda so_far: None)
    assert (made["label"], made["psci"], made["deviations"]) == ("model@1.1", "1.1", [])
    assert made["calls"] > 0
    columns.keep(made, tmp_path)
    assert columns.kept("model@1.1", tmp_path) == json.loads(json.dumps(made))
    assert columns.kept("model@1.0", tmp_path) is None
    columns.drop(["model@1.1"], tmp_path)
    assert columns.kept("model@1.1", tmp_path) is None


def test_what_is_kept_under_a_label_must_be_that_column(tmp_path: Path) -> None:
    (tmp_path / "columns").mkdir()
    (tmp_path / "columns" / "qemu.json").write_text('{"label": "xen"}')
    with pytest.raises(MatrixError, match="no column of qemu: remove it"):
        columns.kept("qemu", tmp_path)
