from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from house import ROOT

from psci.model.events import MachineEvent
from psci.oracle import check
from psci.oracle.traces.file import as_line, read_trace

TRACES = ROOT / "tests" / "oracle" / "traces"
SHIPPED = sorted(TRACES.glob("*.ndjson"))


def expected(path: Path) -> dict[str, Any]:
    machine = next(iter(read_trace(path)))
    assert isinstance(machine, MachineEvent)
    expectation: dict[str, Any] = machine.extra["x-expect"]
    return expectation


def test_there_are_at_least_100_and_all_verdicts_occur() -> None:
    assert len(SHIPPED) >= 100
    assert {expected(path)["verdict"] for path in SHIPPED} >= {
        "conforms", "deviates", "unknown", "unpredictable", "harness-error",
    }  # fmt: skip


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_trace_has_its_verdict(path: Path) -> None:
    expectation = expected(path)
    report = check(read_trace(path))
    found = [{"event": f.event, **({"consequential": True} if f.consequential else {})} for f in report.findings]
    wanted = [{k: v for k, v in finding.items() if k != "facts"} for finding in expectation.get("findings", [])]
    assert (report.verdict.value, found) == (expectation["verdict"], wanted), "\n".join(report.lines())
    for finding, wants in zip(report.findings, expectation.get("findings", []), strict=True):
        named = {*finding.cites, *(finding.nearest.cites if finding.nearest else ())}
        assert set(wants.get("facts", ())) <= named, "\n".join(report.lines())
    if "permission" in expectation:
        assert list(report.permissions) == [expectation["permission"]]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_trace_is_written_as_it_is_read(path: Path) -> None:
    assert "".join(as_line(event) + "\n" for event in read_trace(path)) == path.read_text(encoding="utf-8")


def test_the_files_are_those_of_their_sources() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.oracle.traces.write", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
