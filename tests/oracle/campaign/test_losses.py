"""A peer that is killed, a full disk, Ctrl-C: no more is lost than the step in flight, and nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from house import ROOT

from psci.oracle import peers
from psci.oracle.campaign.campaign import CampaignPlan
from psci.oracle.campaign.jobs import SoFar, campaign
from psci.oracle.campaign.measuring import command_of
from psci.oracle.campaign.session import Order

SMALL_PSCI = ROOT / "oracle" / "peers" / "exec" / "examples" / "small_psci.py"
KILLS = 20
MAIN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from psci.cli.main import main; main()"
"""What is started in the background ignores the signal of Ctrl-C, and so does all that it starts."""


def order(folder: Path, name: str, **plan: Any) -> Order:
    given: dict[str, Any] = {"seed": 1, **plan}
    return Order(request=peers.request_for(name), plan=CampaignPlan(**given), folder=folder, command="psci fuzz")


def processes_of(marker: str) -> list[int]:
    """The processes that have a word in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.endswith(marker.encode()) for word in words):
            found.append(int(path.parent.name))
    return found


def kept(folder: Path) -> list[dict[str, Any]]:
    """What is in a folder of findings; every file in it is whole."""
    for path in folder.rglob("*"):
        assert path.is_dir() or path.suffix in (".json", ".txt"), f"left behind: {path.name}"
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.json"))]


class Killer:
    """Kills a program, again and again, at a random moment after the campaign went on."""

    def __init__(self, marker: str) -> None:
        self.marker = marker
        self.kills = 0
        self.went_on = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        random = Random(1)
        while self.kills < KILLS:
            self.went_on.wait()
            self.went_on.clear()
            time.sleep(random.random() * 0.05)
            for pid in processes_of(self.marker):
                os.kill(pid, signal.SIGKILL)
                self.kills += 1

    def told(self, _: SoFar) -> None:
        self.went_on.set()
        if self.kills >= KILLS:
            raise KeyboardInterrupt


def test_a_peer_that_is_killed_twenty_times_costs_only_the_programs_in_flight(tmp_path: Path) -> None:
    program = tmp_path / "small_psci_that_is_killed.py"
    program.write_text(SMALL_PSCI.read_text(encoding="utf-8"), encoding="utf-8")
    killer = Killer(program.name)
    document = campaign(order(tmp_path / "found", f"exec:{sys.executable} {program}"), 1, killer.told)
    killer.thread.join(60)
    assert document["interrupted"] and not document["gave_up"] and killer.kills >= KILLS
    # The last one may have come when no program was in flight any more.
    assert killer.kills - len(document["died"]) in (0, 1)
    deaths = Counter(death.partition(":")[0] for death in document["died"])
    lost = sum(count > 1 for place, count in deaths.items() if place.startswith("program"))
    note = next(found for found in kept(tmp_path / "found") if found["kind"] == "psci campaign")
    # Every program that was not killed each time was judged, besides the questions at the start.
    assert document["programs"] - 1 == note["next"] - lost
    assert {found["what"] for found in document["deviations"] + document["observations"]} <= {"PEER"}
    assert processes_of(program.name) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that is full after some kilobytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("FULL DISK NOT TESTED: only root, where it may mount, can make a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_on_a_full_disk_findings_are_elsewhere_and_no_file_is_cut_off(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    name = "exec:" + command_of("drops-contexts", 1)
    document = campaign(order(small_disk / "found", name, calls=400), 1, lambda so_far: None)
    assert document["status"] == 1 and document["unsaved"] == []
    assert any("findings are in" in problem for problem in document["problems"])
    files = [Path(found["file"]) for found in document["deviations"]]
    assert files and all(json.loads(path.read_text(encoding="utf-8"))["program"]["lives"] for path in files)
    assert not all(path.is_relative_to(small_disk) for path in files)
    kept(small_disk)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.5, 5.0])
def test_ctrl_c_at_any_moment_leaves_whole_files_and_no_process(tmp_path: Path, seconds: float) -> None:
    marker = f"small_psci_until_{seconds}.py"
    program = tmp_path / marker
    # It refuses an SMC32 CPU_ON: there is something to confirm and to make small.
    text = SMALL_PSCI.read_text(encoding="utf-8").replace("if fn in (0x8400_0003, 0xC400_0003)", "if fn == 0xC400_0003")
    program.write_text(text, encoding="utf-8")
    words = [sys.executable, "-c", MAIN, "fuzz", f"exec:{sys.executable} {program}", "--calls", "300", "--seed", "1",
             "--save", str(tmp_path / "found"), "--json"]  # fmt: skip
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        # The moments count from the start of the program under test: before that there is nothing to lose.
        while set(processes_of(marker)) <= {process.pid} and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(seconds)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        printed, complaints = process.communicate(timeout=120)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode in (1, 130) and b"Traceback" not in complaints
    assert processes_of(marker) == []
    documents = kept(tmp_path / "found") if (tmp_path / "found").exists() else []
    if process.returncode == 130 and printed:
        document = json.loads(printed)
        assert document["interrupted"]
        for found in document["deviations"]:
            assert Path(found["file"]).is_file()
    assert all(document["kind"].startswith("psci ") for document in documents)
