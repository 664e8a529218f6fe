"""The QEMU of another suite is another peer."""

from __future__ import annotations

from pathlib import Path

import pytest

from psci.host.packages import Packages
from psci.host.requirements import Missing
from psci.oracle import peers
from psci.oracle.peers import UnknownPeer
from psci.oracle.peers.program import CallStep, Program


@pytest.mark.parametrize("name", ["qemu:latest", "qemu:11", "qemu:10.0", "qemu:7.2+smc", "qemu:latest+smc"])
def test_names(name: str) -> None:
    assert peers.request_for(name).family == "qemu"


@pytest.mark.parametrize("name", ["qemu:", "qemu:new", "qemu:11+hvc", "qemu:11.1.3"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(UnknownPeer, match="unknown peer"):
        peers.request_for(name)


def test_options_that_contradict_a_name_are_refused() -> None:
    with pytest.raises(UnknownPeer, match="called by smc"):
        peers.request_for("qemu:11+smc", conduit="hvc")
    with pytest.raises(UnknownPeer, match="a QEMU of the suites"):
        peers.request_for("qemu:11", qemu="/bin/qemu")


def test_a_qemu_of_another_suite_is_not_this_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psci.host.packages.own_suite", lambda: "bookworm")
    monkeypatch.setenv("PATH", "")
    for suite, version in (("bookworm", "1:7.2+dfsg-7"), ("sid", "1:11.1.3+ds-1"), ("trixie", "1:10.0.2+ds-2")):
        launcher = tmp_path / "trees" / f"qemu-system-arm-{suite}-123" / "launch" / "qemu-system-aarch64"
        launcher.parent.mkdir(parents=True)
        launcher.touch()
        (launcher.parent.parent / "packages.txt").write_text(f"libc6 2.40\nqemu-system-arm {version}\n")
    packages = Packages(tmp_path)
    assert "bookworm" in str(packages.find("qemu-system-aarch64"))
    assert "sid" in str(packages.fetched_qemu())
    assert "trixie" in str(packages.fetched_qemu("10.0")) and "trixie" in str(packages.fetched_qemu("10"))
    assert packages.fetched_qemu("1") is None


@pytest.mark.peer
def test_the_newest_qemu_answers() -> None:
    try:
        peer = peers.open_peer(peers.request_for("qemu:latest"))
    except Missing as missing:
        pytest.skip(f"REAL PEER NOT TESTED: {missing}")
    (trace,) = peer.run([Program(cpus=1, lives=((CallStep(turn=0, cpu=0, fn=0x8400_0000),),))])
    peer.close()
    assert [getattr(event, "x0", None) for event in trace if event.k == "return"] == [0x1_0001]
    assert peer.name == "qemu:latest" and peer.version.startswith("QEMU emulator version")
