"""A real kernel's KVM runs programs, and its traces tell what happened."""

from __future__ import annotations

import os
import signal
import threading
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
    MachineEvent,
    ObserveEvent,
    ReturnEvent,
    SystemEvent,
    TimeoutEvent,
    UnwakeEvent,
    WakeEvent,
)
from psci.oracle.peers.kvm import adapter
from psci.oracle.peers.kvm.adapter import Filter, Handler, KvmLimits, KvmPeer
from psci.oracle.peers.peer import PeerDied, PeerError
from psci.oracle.peers.program import CallStep, EntrySlot, ObserveStep, PauseStep, Program, ProgramStep, WakeStep

IMAGE = 0x4008_0000
VERSION, FEATURES, OFF = 0x8400_0000, 0x8400_000A, 0x8400_0002
SUSPEND, ON, INFO = 0xC400_0001, 0xC400_0003, 0xC400_0004
SYSTEM_OFF, SYSTEM_RESET, SYSTEM_SUSPEND = 0x8400_0008, 0x8400_0009, 0xC400_000E
SYSTEM_RESET2, SYSTEM_OFF2 = 0xC400_0012, 0xC400_0015
NOT_SUPPORTED, INVALID_PARAMETERS, DENIED, ALREADY_ON = ((1 << 64) - n for n in (1, 2, 3, 4))

AWHILE = 50_000
"""Microseconds in which a busy machine finishes what a call has begun."""

pytestmark = pytest.mark.peer


def make(series: str = "latest", **options: object) -> KvmPeer:
    try:
        return adapter.emulated(series, **options)  # type: ignore[arg-type]  # the tests' own options
    except Missing as missing:
        pytest.skip(f"REAL PEER NOT TESTED: {missing}")


@pytest.fixture(scope="module")
def peer() -> Iterator[KvmPeer]:
    with make() as one:
        yield one


def slot(number: int) -> int:
    return IMAGE + 0x1000 + 4 * number


def call(turn: int, cpu: int, fn: int, *args: int | EntrySlot, returns: bool = True) -> CallStep:
    return CallStep(turn=turn, cpu=cpu, fn=fn, args=args, returns=returns)


def run(
    peer: KvmPeer, *lives: tuple[ProgramStep, ...], cpus: int = 2, psci: str | None = None, **options: str
) -> tuple[Event, ...]:
    (trace,) = peer.run([Program(cpus=cpus, lives=lives, psci=psci, options=options)])
    assert isinstance(trace[0], MachineEvent)
    assert isinstance(trace[-1], EndEvent)
    return trace


def returns(trace: tuple[Event, ...]) -> list[int]:
    return [event.x0 for event in trace if isinstance(event, ReturnEvent)]


def systems(trace: tuple[Event, ...]) -> list[tuple[str, int | None]]:
    return [(event.event, event.flags) for event in trace if isinstance(event, SystemEvent)]


def test_the_machine_is_described_by_what_it_reports(peer: KvmPeer) -> None:
    machine = run(peer, (call(0, 0, VERSION),), cpus=3)[0]
    assert isinstance(machine, MachineEvent)
    assert (machine.psci, machine.cpus, machine.boot_cpu, machine.conduit) == ("1.3", (0, 1, 2), 0, "hvc")
    assert machine.cores == {cpu: {"isa": "aarch64", "el": 1, "world": "normal"} for cpu in (0, 1, 2)}
    assert machine.peer == f"kvm:latest ({peer.version})"
    assert "TCG" in peer.version
    assert "QEMU" in peer.version


def test_psci_version_is_what_the_machine_line_says(peer: KvmPeer) -> None:
    assert returns(run(peer, (call(0, 0, VERSION),), cpus=1)) == [0x1_0003]


def test_the_version_can_be_pinned(peer: KvmPeer) -> None:
    trace = run(peer, (call(0, 0, VERSION), call(1, 0, FEATURES, SYSTEM_OFF2), call(2, 0, SYSTEM_OFF2)), psci="1.1")
    assert isinstance(trace[0], MachineEvent)
    assert trace[0].psci == "1.1"
    assert returns(trace) == [0x1_0001, NOT_SUPPORTED, NOT_SUPPORTED]


def test_a_version_that_kvm_does_not_offer_is_refused_and_the_peer_lives_on(peer: KvmPeer) -> None:
    with pytest.raises(PeerError, match="this kernel's KVM does not offer that PSCI version"):
        run(peer, (call(0, 0, VERSION),), psci="9.9")
    assert returns(run(peer, (call(0, 0, VERSION),))) == [0x1_0003]


def test_every_cpu_on_has_its_own_entry_and_context(peer: KvmPeer) -> None:
    trace = run(
        peer,
        (
            call(0, 0, ON, 1, EntrySlot(17), 0x1234_5678_9ABC_DEF0),
            call(1, 1, OFF, returns=False),
            PauseStep(turn=2, cpu=0, microseconds=AWHILE),
            call(3, 0, ON, 1, EntrySlot(4095), 0x2A),
            call(4, 0, INFO, 1, 0),
            call(5, 0, ON, 1, EntrySlot(3), 0),
        ),
    )
    entered = [event for event in trace if isinstance(event, EnterEvent)]
    assert [(event.cpu, event.pc, event.x0, event.el) for event in entered] == [
        (1, slot(17), 0x1234_5678_9ABC_DEF0, 1),
        (1, slot(4095), 0x2A, 1),
    ]
    assert all(event.regs and not event.regs["sctlr"] & 0x1005 and event.regs["daif"] == 0x3C0 for event in entered)
    assert returns(trace) == [0, 0, 0, ALREADY_ON]


def test_affinity_info_follows_a_core(peer: KvmPeer) -> None:
    trace = run(
        peer,
        (
            call(0, 0, INFO, 1, 0),
            call(1, 0, ON, 1, EntrySlot(1), 0),
            call(2, 0, INFO, 1, 0),
            call(3, 1, OFF, returns=False),
            PauseStep(turn=4, cpu=0, microseconds=AWHILE),
            call(5, 0, INFO, 1, 0),
        ),
    )
    assert returns(trace) == [1, 0, 0, 1]


def test_a_suspended_core_returns_when_it_is_woken(peer: KvmPeer) -> None:
    trace = run(
        peer,
        (
            call(0, 0, ON, 1, EntrySlot(1), 0),
            call(1, 1, SUSPEND, 0, 0, 0, returns=False),
            PauseStep(turn=2, cpu=0, microseconds=AWHILE),
            WakeStep(turn=3, cpu=0, target=1),
            call(4, 1, VERSION),
        ),
    )
    mine = [
        event
        for event in trace
        if isinstance(event, (CallEvent, ReturnEvent, WakeEvent, UnwakeEvent)) and event.cpu == 1
    ]
    assert [event.k for event in mine] == ["call", "wake", "return", "unwake", "call", "return"]
    assert isinstance(mine[1], WakeEvent)
    assert isinstance(mine[2], ReturnEvent)
    assert (mine[1].cause, mine[2].x0) == ("irq", 0)


def test_a_core_that_nobody_wakes_is_a_timeout_and_does_not_hang_the_peer(peer: KvmPeer) -> None:
    trace = run(peer, (call(0, 0, SUSPEND, 0, 0, 0),), cpus=1)
    assert [event.cpu for event in trace if isinstance(event, TimeoutEvent)] == [0]


@pytest.mark.parametrize("kind", [0, 1])
def test_hibernate_is_told_by_the_flag_of_the_exit(peer: KvmPeer, kind: int) -> None:
    trace = run(peer, (call(0, 0, SYSTEM_OFF2, kind, 0, returns=False),))
    (system,) = [event for event in trace if isinstance(event, SystemEvent)]
    assert (system.event, system.source, system.flags) == ("hibernate", "kvm", 1)
    assert system.raw == {"type": 1, "ndata": 1, "data": ["0x1"], "vcpu": "0x0"}
    assert returns(trace) == []


def test_hibernate_types_and_cookies_that_are_reserved_are_refused(peer: KvmPeer) -> None:
    trace = run(peer, (call(0, 0, SYSTEM_OFF2, 2, 0), call(1, 0, SYSTEM_OFF2, 1, 1), call(2, 0, FEATURES, SYSTEM_OFF2)))
    assert returns(trace) == [INVALID_PARAMETERS, INVALID_PARAMETERS, 1]
    assert systems(trace) == []


def test_each_life_is_a_cold_boot_after_the_machine_went(peer: KvmPeer) -> None:
    version = call(0, 0, VERSION)
    trace = run(
        peer,
        (version, call(1, 0, SYSTEM_RESET2, 0, 0, returns=False)),
        (version, call(1, 0, SYSTEM_RESET, returns=False)),
        (version, call(1, 0, SYSTEM_OFF, returns=False)),
        (version,),
    )
    assert systems(trace) == [("reset", 1), ("reset", 0), ("off", 0)]
    assert [(event.cpu, event.cause) for event in trace if isinstance(event, BootEvent)] == [(0, "cold")] * 3
    assert returns(trace) == [0x1_0003] * 4
    stamps = [event.t for event in trace if event.t is not None]
    assert stamps == sorted(stamps)


def test_a_core_is_seen_from_outside(peer: KvmPeer) -> None:
    trace = run(peer, (ObserveStep(turn=0, cpu=0, target=1), call(1, 0, ON, 1, EntrySlot(1), 0), call(2, 1, VERSION)))
    seen = [(event.k, event.cpu) for event in trace if isinstance(event, (WakeEvent, ObserveEvent, UnwakeEvent))]
    assert seen == [("wake", 1), ("observe", 1), ("unwake", 1), ("observe", 0), ("observe", 1)]
    looked = [event for event in trace if isinstance(event, ObserveEvent)]
    assert [(event.power, event.source) for event in looked] == [
        ("off", "KVM_GET_MP_STATE"), ("on", "KVM_GET_MP_STATE"), ("on", "KVM_GET_MP_STATE"),
    ]  # fmt: skip
    assert all(event.t0 is not None and event.t1 is not None and event.t0 <= event.t1 for event in looked)


def test_looking_at_a_suspended_core_wakes_it_and_says_so(peer: KvmPeer) -> None:
    trace = run(
        peer,
        (
            call(0, 0, ON, 1, EntrySlot(1), 0),
            call(1, 1, SUSPEND, 0, 0, 0, returns=False),
            PauseStep(turn=2, cpu=0, microseconds=AWHILE),
            ObserveStep(turn=3, cpu=0, target=1),
            PauseStep(turn=4, cpu=0, microseconds=AWHILE),
        ),
    )
    mine = [event.k for event in trace if isinstance(event, (CallEvent, ReturnEvent, WakeEvent)) and event.cpu == 1]
    assert mine == ["call", "wake", "return"]


def test_system_suspend_is_an_option(peer: KvmPeer) -> None:
    suspend = call(1, 0, SYSTEM_SUSPEND, EntrySlot(1), 7)
    assert returns(run(peer, (suspend,))) == [NOT_SUPPORTED]
    assert systems(run(peer, (suspend,), system_suspend="on")) == [("suspend", None)]
    refused = run(peer, (call(0, 0, ON, 1, EntrySlot(1), 0), suspend), system_suspend="on")
    assert returns(refused) == [0, DENIED]
    assert systems(refused) == []


def test_a_core_that_runs_garbage_harms_no_later_program(peer: KvmPeer) -> None:
    bad = (call(0, 0, ON, 1, 0xDEAD_0000, 7), call(1, 0, ON, 2, 8, 7), call(2, 0, INFO, 1, 0), call(3, 0, VERSION))
    assert returns(run(peer, bad, cpus=3)) == [0, 0, 0, 0x1_0003]
    assert returns(run(peer, (call(0, 0, VERSION),))) == [0x1_0003]


def overlaps(trace: tuple[Event, ...]) -> int:
    """How many pairs of calls of the first two cores were open at the same time."""
    calls: dict[int, int] = {}
    spans: dict[int, list[tuple[int, int]]] = {0: [], 1: []}
    for event in trace:
        if isinstance(event, CallEvent):
            calls[event.cpu] = event.t or 0
        elif isinstance(event, ReturnEvent):
            spans[event.cpu].append((calls[event.cpu], event.t or 0))
    return sum(a < d and c < b for a, b in spans[0] for c, d in spans[1])


def test_calls_of_several_cores_overlap(peer: KvmPeer) -> None:
    steps = [call(0, 0, ON, 1, EntrySlot(1), 0)]
    steps += [call(1 + number // 2, number % 2, INFO, (number // 2) % 2, 0) for number in range(200)]
    # On a machine that has more to do than to run us, the two cores may never run at the same time.
    assert any(overlaps(run(peer, tuple(steps))) for _ in range(30))


def test_eight_cores_is_the_most(peer: KvmPeer) -> None:
    chain = tuple(call(core, core, ON, core + 1, EntrySlot(core), core) for core in range(7))
    trace = run(peer, chain, cpus=8)
    assert [event.cpu for event in trace if isinstance(event, EnterEvent)] == list(range(1, 8))


HANDLER = Handler(module="answers", function="make", sources={"numbers": "VERSION = 0x10003", "answers": """
from numbers import VERSION

def make():
    def answer(machine, vcpu, function, arguments):
        if function == 0x84000000:
            return VERSION
        if function == 0x8400000A:
            return (1, 2, 3, 4)
        if function & 0xFFFF == 0x15 and arguments[1] == 0:
            raise Stop(1, 1)
        return -2
    return answer
"""})  # fmt: skip


def test_forwarded_calls_are_answered_beside_a_kernel_that_lacks_them() -> None:
    filters = [Filter(base=base) for base in (VERSION, FEATURES, 0x8400_0015, SYSTEM_OFF2)]
    with make("6.12", filters=filters, handler=HANDLER, psci="1.3") as peer:
        trace = run(
            peer,
            (
                call(0, 0, VERSION),
                call(1, 0, FEATURES, SYSTEM_OFF2),
                call(2, 0, INFO, 1, 0),
                call(3, 0, SYSTEM_OFF2, 1, 9),
                call(4, 0, SYSTEM_OFF2, 1, 0, returns=False),
            ),
            (call(0, 0, VERSION),),
        )
    assert isinstance(trace[0], MachineEvent)
    assert trace[0].psci == "1.3"
    assert trace[0].extra["x-filter"] == [
        "0x84000000+1 forward", "0x8400000a+1 forward", "0x84000015+1 forward", "0xc4000015+1 forward",
    ]  # fmt: skip
    assert [(event.x0, event.by) for event in trace if isinstance(event, ReturnEvent)] == [
        (0x1_0003, "vmm"), (1, "vmm"), (1, "kernel"), (INVALID_PARAMETERS, "vmm"), (0x1_0003, "vmm"),
    ]  # fmt: skip
    (system,) = [event for event in trace if isinstance(event, SystemEvent)]
    assert (system.event, system.source, system.flags) == ("hibernate", "vmm", 1)


def test_a_kernel_without_a_filter_says_so() -> None:
    message = r"this kernel has no SMCCC filter \(it came with 6\.4\)"
    with make("6.1", filters=[Filter(base=VERSION)]) as peer, pytest.raises(PeerError, match=message):
        run(peer, (call(0, 0, VERSION),))


def test_an_old_kernel_has_a_clock_of_its_own_in_each_life() -> None:
    with make("6.1") as peer:
        trace = run(peer, (ObserveStep(turn=0, cpu=0, target=1), call(1, 0, VERSION)), (call(0, 0, VERSION),))
    assert returns(trace) == [0x1_0001, 0x1_0001]
    stamps = [event.t for event in trace if event.t is not None]
    assert stamps == sorted(stamps)
    assert [event.k for event in trace if isinstance(event, (ObserveEvent, CallEvent))][:2] == ["observe", "call"]


def test_a_host_that_is_killed_is_replaced() -> None:
    with make() as peer:
        peer.start()
        assert peer.pid is not None
        killer = threading.Timer(0.5, os.kill, (peer.pid, signal.SIGKILL))
        killer.start()
        with pytest.raises(PeerDied, match="kvm:latest ended with status -9"):
            run(peer, (PauseStep(turn=0, cpu=0, microseconds=3_000_000),))
        assert returns(run(peer, (call(0, 0, VERSION),))) == [0x1_0003]
        pid = peer.pid
    assert not Path(f"/proc/{pid}").exists()


def test_a_kernel_that_does_not_boot_is_a_peer_that_died(tmp_path: Path) -> None:
    image = tmp_path / "Image"
    image.write_bytes(bytes(0x38) + b"ARM\x64" + bytes(1 << 20))
    with (
        make(kernel=image, limits=KvmLimits(start=3.0)) as peer,
        pytest.raises(PeerDied, match=r"gave no answer within 3 s|ended with status"),
    ):
        run(peer, (call(0, 0, VERSION),))
