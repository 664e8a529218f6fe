"""Nothing that is found is lost: it is on disk at once, whatever ends the campaign."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fake_peer import SILENCE, FakePeer
from house import ROOT

from psci.model.errors import InputError
from psci.model.step import Invocation, Outcome
from psci.oracle import peers
from psci.oracle.campaign import saved
from psci.oracle.campaign.campaign import EPOCH, CampaignPlan
from psci.oracle.campaign.document import after, merged
from psci.oracle.campaign.jobs import campaign
from psci.oracle.campaign.keeping import Keeper
from psci.oracle.campaign.saved import SavedError
from psci.oracle.campaign.session import Order, Session
from psci.oracle.peers.qemu.family import Qemu

WRONG = (1 << 64) - 3
SMALL_PSCI = ROOT / "oracle" / "peers" / "exec" / "examples" / "small_psci.py"


def cookie_ignored(state: Any, call: Invocation, right: Outcome) -> int | None:
    return WRONG if right.rule.name == "SYSTEM_OFF2.cookie_set" else None


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakePeer:
    peer = FakePeer()
    monkeypatch.setattr(peers, "open_peer", lambda request, times=1.0: peer)
    monkeypatch.setattr(Qemu, "profile", lambda self: {})
    return peer


def order(folder: Path, name: str = "qemu", **plan: Any) -> Order:
    given: dict[str, Any] = {"seed": 1, "calls": 600, **plan}
    return Order(
        request=peers.request_for(name), plan=CampaignPlan(**given), folder=folder, command="psci fuzz --seed 0"
    )


def findings(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))


def test_a_finding_is_on_disk_before_the_next_program_runs(fake: FakePeer, tmp_path: Path) -> None:
    fake.fault = cookie_ignored
    seen: list[tuple[int, int]] = []
    session = Session(order(tmp_path), lambda result: seen.append((len(result.found), len(findings(tmp_path)))))
    session.run()
    assert (1, 1) in seen and all(found == files for found, files in seen)


def test_an_interrupt_while_shrinking_leaves_the_smallest_program_so_far(fake: FakePeer, tmp_path: Path) -> None:
    fake.fault = cookie_ignored
    Session(order(tmp_path / "whole")).run()
    after_the_campaign = fake.programs
    (whole,) = findings(tmp_path / "whole")
    fake.programs, fake.random = 0, FakePeer().random
    fake.interrupt_at = after_the_campaign - 20
    document = Session(order(tmp_path / "part")).run()
    assert document["interrupted"] and document["status"] == 130
    (part,) = findings(tmp_path / "part")
    assert saved.read(part).program.lives and saved.read(whole).program.lives


def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(fake: FakePeer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SavedError, match=r"cannot be written .*: name another folder with --save"):
        Session(order(tmp_path / "file" / "found")).run()
    assert fake.programs == 0


def test_checking_a_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    Keeper(tmp_path / "a" / "b").check()
    assert list(tmp_path.iterdir()) == []


def test_where_the_folder_is_full_findings_go_elsewhere_or_are_printed(
    fake: FakePeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.fault = cookie_ignored
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    written = saved.write

    def full(document: Any, folder: Path, name: str | None = None) -> Path:
        if folder == tmp_path / "found" or everything:
            raise SavedError(f"{folder}: cannot be written (No space left on device): name another folder with --save")
        return written(document, folder, name)

    monkeypatch.setattr(saved, "write", full)
    everything = False
    document = Session(order(tmp_path / "found")).run()
    (found,) = document["deviations"]
    assert "psci-deviations-" in found["file"] and Path(found["file"]).is_file() and document["unsaved"] == []
    assert len(document["problems"]) == 1 and "findings are in" in document["problems"][0]

    everything = True
    document = Session(order(tmp_path / "found")).run()
    (lost,) = document["unsaved"]
    assert lost["deviation"]["what"] == "SYSTEM_OFF2" and document["deviations"][0]["file"] is None
    assert document["status"] == 1


def test_a_deviation_that_never_comes_back_is_kept_apart_with_its_race(fake: FakePeer, tmp_path: Path) -> None:
    struck = 0

    def once(state: Any, call: Invocation, right: Outcome) -> int | None:
        nonlocal struck
        hit = right.rule.name == "PSCI_VERSION.version" and struck == 0 and fake.programs > 3
        struck += hit
        return WRONG if hit else None

    fake.fault = once
    document = Session(order(tmp_path)).run()
    assert document["status"] == 0 and document["deviations"] == []
    (seen,) = document["observations"]
    assert seen["what"] == "PSCI_VERSION" and seen["seen"]["times"] == 0 and seen["race"][0].startswith("PSCI_VERSION")
    assert Path(seen["file"]).parent.name == "observations" and findings(tmp_path) == []


def test_a_missing_answer_is_shrunk_like_anything_else(fake: FakePeer, tmp_path: Path) -> None:
    fake.fault = lambda state, call, right: SILENCE if right.rule.name == "MEM_PROTECT.switched" else None
    document = Session(order(tmp_path)).run()
    assert [(d["what"], d["observed"], d["steps"]) for d in document["deviations"]] == [
        ("MEM_PROTECT", "gives no answer", 1)
    ]


# ---- jobs and resuming


def test_a_campaign_goes_on_where_it_was_interrupted(fake: FakePeer, tmp_path: Path) -> None:
    whole = campaign(order(tmp_path / "whole", calls=900), 1, lambda so_far: None)
    ran, fake.ran = fake.ran, []
    fake.programs, fake.interrupt_at = 0, 5
    part = campaign(order(tmp_path / "part", calls=900), 1, lambda so_far: None)
    assert part["interrupted"] and part["programs"] < whole["programs"]
    fake.interrupt_at = None
    rest = campaign(order(tmp_path / "part", calls=900, seed=0), 1, lambda so_far: None, resume=True)
    assert not rest["interrupted"] and rest["seed"] == 1
    # Each asked the peer what it has at its own start; the fifth program was the one in flight.
    questions = ran[0]
    assert fake.ran.count(questions) == 2
    again = [program for program in fake.ran if program != questions]
    assert again[:3] == ran[1:4] and again[3] == again[4] and again[4:] == ran[4 : len(again)]
    assert rest["calls"] >= 900
    assert list((tmp_path / "part").glob(".campaign-*")) == []


def test_what_was_done_before_an_interruption_is_not_lost_by_the_next_one(fake: FakePeer, tmp_path: Path) -> None:
    done, programs = 0, 0
    for interrupt_at in (4, 1, 4):
        fake.programs, fake.interrupt_at = 0, interrupt_at
        part = campaign(order(tmp_path, calls=2500), 1, lambda so_far: None, resume=programs > 0)
        assert part["interrupted"] and part["calls"] >= done and part["programs"] >= programs
        done, programs = part["calls"], part["programs"]
    fake.interrupt_at = None
    rest = campaign(order(tmp_path, calls=2500), 1, lambda so_far: None, resume=True)
    assert not rest["interrupted"] and rest["calls"] >= 2500 and rest["programs"] > programs


def test_without_an_interrupted_campaign_there_is_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no interrupted campaign against qemu: leave --resume out"):
        campaign(order(tmp_path), 1, lambda so_far: None, resume=True)


def test_jobs_take_the_epochs_in_turn(tmp_path: Path) -> None:
    name = f"exec:{sys.executable} {SMALL_PSCI}"
    document = campaign(order(tmp_path, name, calls=200), 2, lambda so_far: None)
    assert document["calls"] >= 200 and document["deviations"] == [] and document["status"] == 0
    assert EPOCH * 2 > document["programs"] >= 4


def test_a_job_that_cannot_start_its_peer_says_why(tmp_path: Path) -> None:
    from psci.host.requirements import CannotRun

    with pytest.raises(CannotRun, match="no-such-program is not on this machine"):
        campaign(order(tmp_path, "exec:no-such-program"), 2, lambda so_far: None)


def test_documents_are_merged_by_adding_and_the_shortest_reproducer_wins() -> None:
    def part(calls: int, steps: int, **changes: Any) -> dict[str, Any]:
        found = {
            "what": "CPU_ON", "observed": "returns DENIED", "rules": ["CPU_ON.accepted"], "facts": [], "count": 2,
            "text": [], "file": f"{steps}.json", "seen": {"times": 1, "of": 1}, "steps": steps, "replay": None,
        }  # fmt: skip
        return {
            "status": 1, "peer": "qemu", "version": "1", "psci": "1.1", "command": "", "seed": 1, "programs": 1,
            "calls": calls, "events": calls, "seconds": 2.0, "calls_per_second": None, "quirks": [],
            "seconds_to_first_verdict": 1.0, "share_of_time": {"peer": 0.5}, "peak_memory_mib": 10,
            "verdicts": {"conforms": calls}, "rules_exercised": {"A": 1}, "rules_never_exercised": ["B"],
            "permissions": {}, "profiles": [{}],
            "overlap": {"calls": 1, "share": 0, "pairs": {"x": 1}, "distinct_pairs": 1},
            "deviations": [found], "observations": [], "unsaved": [], "consequential": 0,
            "repeated": {"programs": 0}, "died": [], "problems": [], "interrupted": False, "gave_up": False,
            **changes,
        }  # fmt: skip

    found = merged([part(100, 5), part(50, 3)])
    assert (found["calls"], found["seconds"], found["calls_per_second"], found["status"]) == (150, 2.0, 75.0, 1)
    assert [(d["count"], d["file"]) for d in found["deviations"]] == [(4, "3.json")]
    seen = [{**part(1, 1)["deviations"][0], "race": []}]
    twice = merged([part(1, 1, deviations=[], observations=seen), part(1, 1, deviations=[], observations=seen)])
    assert len(twice["deviations"]) == 1 and twice["observations"] == [] and twice["status"] == 1
    once = merged([part(1, 1, deviations=[], observations=seen), part(1, 1, deviations=[])])
    assert once["observations"] == seen and once["status"] == 0
    resumed = after(part(1, 1, interrupted=True), part(1, 1))
    assert resumed["seconds"] == 4.0 and not resumed["interrupted"]


def test_ctrl_c_leaves_no_process_and_no_half_file(tmp_path: Path) -> None:
    marker = tmp_path / "small_psci_under_test.py"
    marker.write_text(SMALL_PSCI.read_text(encoding="utf-8"), encoding="utf-8")
    # what is started in the background ignores the signal, and so does all that it starts
    hears = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{hears}; from psci.cli.main import main; main()"
    words = [sys.executable, "-c", program, "fuzz", f"exec:{sys.executable} {marker}",
             "--calls", "100000", "--jobs", "2", "--save", str(tmp_path / "found"), "--json"]  # fmt: skip
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    try:
        while not list((tmp_path / "found").glob(".campaign-*")) and time.monotonic() < deadline:
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGINT)
        printed, _ = process.communicate(timeout=120)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 130 and json.loads(printed)["interrupted"]
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _readable(path)]
    assert not any(marker.name.encode() in line for line in running)
    for path in (tmp_path / "found").iterdir():
        assert json.loads(path.read_text(encoding="utf-8"))["kind"] == "psci campaign"


def _readable(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False
