"""The pytest plugin: a test that takes `psci_peer` runs sequences on each peer that was named, and judges them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from house import ROOT

SMALL_PSCI = ROOT / "oracle" / "peers" / "exec" / "examples" / "small_psci.py"
TEST = """
from hypothesis import given, settings, HealthCheck
from psci.oracle.generating.strategies import sequences

def test_a_core_starts_once(psci_peer):
    start = psci_peer.call(0, "CPU_ON", 1, psci_peer.entry(1), 7)
    again = psci_peer.call(0, "CPU_ON", 1, psci_peer.entry(2), 8)
    judged = psci_peer.run([[start, again]], cpus=2)
    judged.conforms()
    assert judged.verdict == "conforms" and judged.events[-1].why == "done"

def test_a_core_wakes_up(psci_peer):
    life = [psci_peer.wake(0), psci_peer.call(0, "CPU_SUSPEND", 0, 0, 0)]
    psci_peer.run([life], cpus=1).conforms()

@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=sequences(cpus=2, psci="0.2"))
def test_sequences_of_any_kind(psci_peer, program):
    psci_peer.judge(program).conforms()
"""


def pytest_on(tmp_path: Path, *peers: str) -> str:
    (tmp_path / "test_psci.py").write_text(TEST, encoding="utf-8")
    options = [word for peer in peers for word in ("--psci-peer", peer)]
    words = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *options, "test_psci.py"]
    return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False).stdout


def test_sequences_run_on_each_peer_that_is_named(tmp_path: Path) -> None:
    out = pytest_on(tmp_path, f"exec:{sys.executable} {SMALL_PSCI}")
    assert "3 passed" in out, out


def test_a_deviation_fails_the_test_with_the_rules(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    text = SMALL_PSCI.read_text(encoding="utf-8")
    wrong.write_text(text.replace('"ON_PENDING": ON_PENDING', '"ON_PENDING": 0'), encoding="utf-8")
    out = pytest_on(tmp_path, f"exec:{sys.executable} {wrong}")
    assert "observed core 0x0 returned SUCCESS (0)" in out and "ON_PENDING (-5) [CPU_ON.on_pending]" in out, out


def test_without_a_peer_the_tests_are_skipped(tmp_path: Path) -> None:
    assert "no peer was named: pytest --psci-peer PEER" in pytest_on(tmp_path)


def test_a_peer_that_is_not_there_fails_with_one_line(tmp_path: Path) -> None:
    assert "unknown peer 'nothing'" in pytest_on(tmp_path, "nothing")
