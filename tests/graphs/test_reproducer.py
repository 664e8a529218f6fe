"""A saved finding as a text to mail: rules, timeline, exact version, and the command for git bisect."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from house import ROOT

from psci.cli.implementations.mailing import write_reproducers

FINDING = ROOT / "tests/regression/qemu/qemu-cpu-on-returns-0x0-28a0b56e.json"


def written(folder: Path) -> str:
    """The text beside a copy of the finding."""
    copy = folder / FINDING.name
    copy.write_bytes(FINDING.read_bytes())
    assert write_reproducers([{"file": str(copy)}, {"file": None}]) == []
    return copy.with_suffix(".txt").read_text(encoding="utf-8")


def test_it_says_what_happened_by_which_rule_and_how_to_see_it_again(tmp_path: Path) -> None:
    text = written(tmp_path)
    version = json.loads(FINDING.read_text(encoding="utf-8"))["version"]
    assert version in " ".join(text.split())
    for word in ("CPU_ON returns 0x0", "CPU_ON.on_pending", "CPU_ON-7", "6.6 (5)", "allowed are only", "core 0x0"):
        assert word in text, word
    assert f"    psci replay {FINDING.name}\n" in text
    prose = [line for line in text.splitlines() if not line.startswith(("    git", "Under test"))]
    assert max(map(len, prose)) < 120


def test_the_command_for_bisecting_leaves_out_what_does_not_build(tmp_path: Path) -> None:
    """The command is run as it stands, with a `make` and a `psci` that end as they are told to."""
    (line,) = [line for line in written(tmp_path).splitlines() if line.startswith("    git bisect run ")]
    command = line.removeprefix("    git bisect run ")
    assert "--qemu" in command
    for build, replay, status in ((0, 0, 0), (0, 1, 1), (0, 3, 125), (1, 0, 125)):
        functions = tmp_path / "bin"
        functions.mkdir(exist_ok=True)
        for name, ends in (("make", build), ("psci", replay)):
            (functions / name).write_text(f"#!/bin/sh\nexit {ends}\n", encoding="utf-8")
            (functions / name).chmod(0o755)
        done = subprocess.run(
            ["sh", "-c", command], env={"PATH": f"{functions}:/bin:/usr/bin"}, timeout=20, check=False
        )
        assert done.returncode == status


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (problem,) = write_reproducers([{"file": str(tmp_path / "gone.json")}])
    assert "gone.txt: cannot be written" in problem
