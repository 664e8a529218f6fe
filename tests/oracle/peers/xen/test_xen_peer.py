"""A real Xen runs programs of its first domain, and its traces tell what happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from psci.host.requirements import Missing
from psci.model.events import (
    BootEvent,
    CallEvent,
    EndEvent,
    EnterEvent,
    Event,
    HostEvent,
    MachineEvent,
    ReturnEvent,
    SystemEvent,
    TimeoutEvent,
    UnwakeEvent,
    WakeEvent,
)
from psci.model.tables.codes import ALREADY_ON
from psci.oracle import peers
from psci.oracle.peers import Peer, PeerDied, UnknownPeer
from psci.oracle.peers.emulated.board import BoardLimits
from psci.oracle.peers.program import CallStep, EntrySlot, Program, ProgramStep, WakeStep
from psci.oracle.peers.xen import adapter

VERSION, OFF, ON, INFO, SUSPEND = 0x8400_0000, 0x8400_0002, 0xC400_0003, 0xC400_0004, 0xC400_0001
SYSTEM_OFF, SYSTEM_RESET = 0x8400_0008, 0x8400_0009


@pytest.fixture(scope="module")
def xen() -> Iterator[Peer]:
    try:
        peer = peers.open_peer(peers.request_for("xen"))
    except Missing as missing:
        pytest.skip(f"REAL PEER NOT TESTED: {missing}")
    yield peer
    peer.close()


def call(turn: int, cpu: int, fn: int, *args: int | EntrySlot, returns: bool = True) -> CallStep:
    return CallStep(turn=turn, cpu=cpu, fn=fn, args=args, returns=returns)


def run(peer: Peer, *lives: tuple[ProgramStep, ...], cpus: int = 2) -> tuple[Event, ...]:
    (trace,) = peer.run([Program(cpus=cpus, lives=lives)])
    assert isinstance(trace[0], MachineEvent) and isinstance(trace[-1], EndEvent)
    return trace


def answers(trace: tuple[Event, ...], cpu: int) -> list[int]:
    return [event.x0 for event in trace if isinstance(event, ReturnEvent) and event.cpu == cpu]


@pytest.mark.peer
def test_the_first_domain_runs_at_el1_and_calls_by_hvc(xen: Peer) -> None:
    trace = run(xen, (call(0, 0, VERSION),))
    machine = trace[0]
    assert isinstance(machine, MachineEvent)
    assert (machine.cpus, machine.conduit, machine.psci) == ((0, 1), "hvc", "1.1")
    assert machine.cores is not None and machine.cores[0]["el"] == 1
    assert answers(trace, 0) == [0x1_0001]
    assert "xen-hypervisor-" in xen.version and "QEMU emulator version" in xen.version


@pytest.mark.peer
def test_a_core_starts_goes_off_and_starts_again(xen: Peer) -> None:
    trace = run(xen, (
        call(0, 0, INFO, 1, 0), call(1, 0, ON, 1, EntrySlot(1), 11), call(2, 1, VERSION), call(3, 0, INFO, 1, 0),
        call(4, 1, OFF, returns=False), call(5, 0, INFO, 1, 0), call(6, 0, ON, 1, EntrySlot(2), 12), call(7, 1,
        VERSION),
    ))  # fmt: skip
    off_in_time, too_early = [1, 0], [0, ALREADY_ON.word(64)]
    first, then = answers(trace, 0)[:3], answers(trace, 0)[3:]
    assert first == [1, 0, 0] and then in (off_in_time, too_early)
    entered = [event for event in trace if isinstance(event, EnterEvent)]
    assert [(event.cpu, event.x0) for event in entered] == [(1, 11), (1, 12)][: 2 if then == off_in_time else 1]
    assert all(later.pc - entered[0].pc == 4 for later in entered[1:])


@pytest.mark.peer
def test_a_wakeup_ends_a_suspend_and_is_withdrawn(xen: Peer) -> None:
    trace = run(xen, (
        call(0, 0, ON, 1, EntrySlot(1), 0), call(1, 1, SUSPEND, 0, 0, 0, returns=False), WakeStep(turn=2,
        cpu=0, target=1),
        call(3, 1, VERSION),
    ))  # fmt: skip
    kinds = [type(event) for event in trace if getattr(event, "cpu", None) == 1]
    assert kinds == [EnterEvent, CallEvent, WakeEvent, ReturnEvent, UnwakeEvent, CallEvent, ReturnEvent]
    assert not any(isinstance(event, TimeoutEvent) for event in trace)


@pytest.mark.peer
def test_every_life_is_a_cold_boot_and_time_goes_on(xen: Peer) -> None:
    trace = run(
        xen,
        (call(0, 0, ON, 1, EntrySlot(1), 5), call(1, 1, SYSTEM_RESET, returns=False)),
        (call(0, 0, INFO, 1, 0), call(1, 0, SYSTEM_OFF, returns=False)),
        (call(0, 0, INFO, 1, 0),),
        (call(0, 0, INFO, 1, 0),),
    )
    said = [event.event for event in trace if isinstance(event, SystemEvent)]
    assert said == ["reset", "off"]
    assert [type(event) for event in trace].count(BootEvent) == 3 and sum(isinstance(e, HostEvent) for e in trace) == 1
    assert answers(trace, 0) == [0, 1, 1, 1]
    stamps = [event.t for event in trace if event.t is not None]
    assert stamps == sorted(stamps)


@pytest.mark.peer
def test_a_hypervisor_that_does_not_start_the_stub_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = tmp_path / "xen"
    nothing.write_bytes(b"\x14\0\0\x14".ljust(4096, b"\0"))
    monkeypatch.setattr(adapter, "LIMITS", BoardLimits(arrival=0.5))
    try:
        peer = peers.open_peer(peers.request_for("xen", firmware=str(nothing)))
    except Missing as missing:
        pytest.skip(f"REAL PEER NOT TESTED: {missing}")
    with pytest.raises(PeerDied, match=r"the stub was not started within 0\.5 s"):
        run(peer, (call(0, 0, VERSION),))
    peer.close()


def test_a_series_is_two_numbers() -> None:
    assert peers.request_for("xen:4.17").family == "xen"
    with pytest.raises(UnknownPeer, match="unknown peer 'xen:new'"):
        peers.request_for("xen:new")


def test_a_hypervisor_of_the_users_own_must_be_there() -> None:
    with pytest.raises(Missing, match="no such file: give --firmware FILE"):
        peers.open_peer(peers.request_for("xen", firmware="/nowhere/xen"))
