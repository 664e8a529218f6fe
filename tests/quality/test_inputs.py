"""Broken input, and output that cannot be written, end in one line and a status that means it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz_inputs import all_broken
from house import ROOT

from psci.cli.main import run

SAMPLE = 60
DEVIATES = ROOT / "docs" / "examples" / "accepted-twice.ndjson"
SURROGATE = (
    '{"k":"machine","format":1,"psci":"1.1","cpus":["0x0"],"peer":"\\udc80x"}\n'
    '{"k":"call","cpu":"0x0","fn":"0x84000000"}\n'
)


def test_mutated_input_is_taken_well() -> None:
    assert list(all_broken(0, SAMPLE)) == []
    # a dump of registers in which one line is missing
    assert list(all_broken(483, 1)) == []


@pytest.mark.parametrize("arguments", [["check"], ["show"], ["import", "ftrace"]])
def test_a_path_inside_a_file_is_bad_input(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    assert run(["trace", *arguments, str(file / "inside")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_report_that_cannot_be_written_is_no_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    assert run(["trace", "check", "--junit", str(file / "x.xml"), str(DEVIATES)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_half_a_character_is_drawn(tmp_path: Path) -> None:
    trace = tmp_path / "half.ndjson"
    trace.write_text(SURROGATE, encoding="utf-8")
    assert run(["trace", "show", str(trace), "-o", str(tmp_path / "half.svg")]) == 0


@pytest.mark.parametrize("limit", [["--time-limit", "nan"], ["--time-limit", "-1"], ["--memory-limit", "0"]])
def test_a_limit_is_a_number_above_zero(limit: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trace", "check", *limit, str(DEVIATES)]) == 2
    assert limit[0] in capsys.readouterr().err


def test_a_limit_holds_from_the_first_event(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trace", "check", "--memory-limit", "1", str(DEVIATES)]) == 3
    assert "the memory limit of 1 MB" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_device_is_one_line_and_no_finding() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from psci.cli.main import main; main()", "trace", "check", "--json", str(DEVIATES)],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "psci: [Errno 28] No space left on device\n")


def test_a_closed_pipe_is_no_finding() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", "from psci.cli.main import main; main()", "trace", "check", str(DEVIATES)],
        stdout=write, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")
