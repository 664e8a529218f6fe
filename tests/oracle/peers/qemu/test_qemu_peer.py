"""A real QEMU runs programs, and its traces tell what happened."""

from __future__ import annotations

import gc
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from psci.host.packages import Packages
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
from psci.oracle.peers.emulated.board import BoardLimits
from psci.oracle.peers.emulated.machine import apart
from psci.oracle.peers.peer import PeerDied, PeerError
from psci.oracle.peers.program import CallStep, EntrySlot, Program, ProgramStep, WakeStep
from psci.oracle.peers.qemu.adapter import QemuPeer, requirements
from psci.oracle.peers.stub import build, layout

IMAGE = 0x4008_0000
VERSION, OFF, ON, INFO, SUSPEND = 0x8400_0000, 0x8400_0002, 0xC400_0003, 0xC400_0004, 0xC400_0001
SYSTEM_OFF, SYSTEM_RESET = 0x8400_0008, 0x8400_0009
NOT_SUPPORTED, INVALID_PARAMETERS, ALREADY_ON, ON_PENDING = ((1 << 64) - n for n in (1, 2, 4, 5))

pytestmark = pytest.mark.peer


def make(**options: object) -> QemuPeer:
    try:
        return QemuPeer(**{"find": Packages().find, **options})  # type: ignore[arg-type]  # the tests' own options
    except Missing as missing:
        pytest.skip(f"REAL PEER NOT TESTED: {missing}")


@pytest.fixture(scope="module", params=["hvc", "smc"])
def peer(request: pytest.FixtureRequest) -> Iterator[QemuPeer]:
    with make(conduit=request.param) as one:
        yield one


@pytest.fixture(scope="module")
def hvc() -> Iterator[QemuPeer]:
    with make() as one:
        yield one


def call(turn: int, cpu: int, fn: int, *args: int | EntrySlot, returns: bool = True) -> CallStep:
    return CallStep(turn=turn, cpu=cpu, fn=fn, args=args, returns=returns)


def run(peer: QemuPeer, *lives: tuple[ProgramStep, ...], cpus: int = 4) -> tuple[Event, ...]:
    (trace,) = peer.run([Program(cpus=cpus, lives=lives)])
    assert isinstance(trace[0], MachineEvent) and isinstance(trace[-1], EndEvent)
    return trace


def answers(trace: tuple[Event, ...], cpu: int | None = None) -> list[int]:
    return [event.x0 for event in trace if isinstance(event, ReturnEvent) and cpu in (None, event.cpu)]


def entries(trace: tuple[Event, ...]) -> list[tuple[int, int, int]]:
    return sorted((event.cpu, event.pc, event.x0) for event in trace if isinstance(event, EnterEvent))


def slot(number: int) -> int:
    return layout.slot_address(IMAGE, number)


def test_the_machine_says_what_it_is(peer: QemuPeer) -> None:
    machine = run(peer, (call(0, 0, VERSION),), cpus=2)[0]
    assert isinstance(machine, MachineEvent)
    assert machine.cpus == (0, 1) and machine.boot_cpu == 0
    assert machine.psci == peer.psci
    assert machine.conduit == ("smc" if "virtualization" in peer.version else "hvc")
    assert machine.cores is not None and machine.cores[1]["el"] == (2 if machine.conduit == "smc" else 1)
    assert machine.peer is not None and peer.version in machine.peer and "QEMU emulator version" in peer.version
    assert machine.clock is not None and machine.clock.startswith("system counter, 1/")


def test_the_version_it_answers_is_the_one_to_judge_against(peer: QemuPeer) -> None:
    major, minor = (int(part) for part in peer.psci.split("."))
    assert answers(run(peer, (call(0, 0, VERSION),))) == [major << 16 | minor]


def test_each_core_begins_at_its_own_entry_with_its_own_context(peer: QemuPeer) -> None:
    steps = tuple(call(core, 0, ON, core, EntrySlot(1000 + core), 1 << 63 | core) for core in (1, 2, 3))
    trace = run(peer, steps)
    assert answers(trace) == [0, 0, 0]
    assert entries(trace) == [(core, slot(1000 + core), 1 << 63 | core) for core in (1, 2, 3)]
    entered = next(event for event in trace if isinstance(event, EnterEvent))
    assert entered.regs is not None and entered.regs["daif"] == 0x3C0 and entered.regs["sctlr"] & 0x1005 == 0


def test_off_and_on_again_is_seen_by_others(peer: QemuPeer) -> None:
    trace = run(peer, (
        call(0, 0, INFO, 1, 0), call(1, 0, ON, 1, EntrySlot(1), 11), call(2, 1, VERSION), call(3, 0, INFO, 1, 0),
        call(4, 1, OFF, returns=False), call(5, 0, INFO, 1, 0), call(6, 0, ON, 1, EntrySlot(2), 12), call(7, 1,
        VERSION),
    ))  # fmt: skip
    assert answers(trace, 0) == [1, 0, 0, 1, 0]
    assert entries(trace) == [(1, slot(1), 11), (1, slot(2), 12)]
    assert len(answers(trace, 1)) == 2


def test_a_wakeup_ends_a_suspend_and_is_withdrawn(peer: QemuPeer) -> None:
    trace = run(peer, (
        call(0, 0, ON, 1, EntrySlot(1), 0), call(1, 1, SUSPEND, 0, 0, 0, returns=False), WakeStep(turn=2, cpu=0,
        target=1),
        call(3, 1, VERSION),
    ))  # fmt: skip
    ofcore1 = [event for event in trace if getattr(event, "cpu", None) == 1]
    assert [type(event) for event in ofcore1] == [
        EnterEvent,
        CallEvent,
        WakeEvent,
        ReturnEvent,
        UnwakeEvent,
        CallEvent,
        ReturnEvent,
    ]
    assert answers(trace, 1)[0] == 0
    assert not any(isinstance(event, TimeoutEvent) for event in trace)


def test_a_wakeup_before_the_suspend_is_enough(peer: QemuPeer) -> None:
    trace = run(peer, (WakeStep(turn=0, cpu=0, target=0), call(1, 0, SUSPEND, 0, 0, 0)))
    assert [type(event) for event in trace[1:-1]] == [WakeEvent, CallEvent, ReturnEvent, UnwakeEvent]


def test_a_suspend_that_nobody_ends_is_a_timeout(peer: QemuPeer) -> None:
    trace = run(peer, (call(0, 0, SUSPEND, 0, 0, 0, returns=False),))
    assert [type(event) for event in trace[1:]] == [CallEvent, TimeoutEvent, EndEvent]


def test_rings_and_timers_of_the_stub_are_no_wakeups(hvc: QemuPeer) -> None:
    chatter: list[ProgramStep] = [call(0, 0, ON, 1, EntrySlot(1), 0), call(0, 0, ON, 2, EntrySlot(2), 0)]
    chatter += [call(turn, 1 + turn % 2, VERSION) for turn in range(1, 30)]
    chatter += [call(30, 0, SUSPEND, 0, 0, 0, returns=False)]
    chatter += [call(turn, 1 + turn % 2, VERSION) for turn in range(31, 60)]
    for _ in range(5):
        trace = run(hvc, tuple(chatter))
        assert [event.cpu for event in trace if isinstance(event, TimeoutEvent)] == [0]


@pytest.mark.parametrize(
    ("fn", "args", "answer"),
    [
        (0x8400_00FF, (), NOT_SUPPORTED),
        (ON, (77, EntrySlot(1), 0), INVALID_PARAMETERS),
        (ON, (1, EntrySlot(1, 1), 0), INVALID_PARAMETERS),
        (ON, (0, EntrySlot(1), 0), ALREADY_ON),
        (INFO, (77, 0), INVALID_PARAMETERS),
    ],
)
def test_bad_arguments_are_answered(hvc: QemuPeer, fn: int, args: tuple[int | EntrySlot, ...], answer: int) -> None:
    trace = run(hvc, (call(0, 0, fn, *args),))
    assert answers(trace) == [answer]
    assert entries(trace) == []


def test_a_reset_begins_a_second_life(peer: QemuPeer) -> None:
    trace = run(
        peer,
        (call(0, 0, ON, 1, EntrySlot(1), 5), call(1, 1, SYSTEM_RESET, returns=False)),
        (call(0, 0, INFO, 1, 0), call(1, 0, ON, 1, EntrySlot(2), 6)),
    )
    kinds = [type(event) for event in trace]
    assert kinds.count(SystemEvent) == kinds.count(BootEvent) == 1
    at = kinds.index(SystemEvent)
    assert kinds[at : at + 2] == [SystemEvent, BootEvent]
    assert [getattr(event, "event", None) or getattr(event, "cause", None) for event in trace[at : at + 2]] == [
        "reset", "cold",
    ]  # fmt: skip
    assert answers(trace, 0) == [0, 1, 0]
    assert entries(trace) == [(1, slot(1), 5), (1, slot(2), 6)]
    stamps = [event.t for event in trace if event.t is not None]
    assert stamps == sorted(stamps)


def test_off_ends_a_life_and_the_next_program_finds_a_machine(peer: QemuPeer) -> None:
    for _ in range(2):
        trace = run(peer, (call(0, 0, SYSTEM_OFF, returns=False),), (call(0, 0, VERSION),))
        assert [type(event) for event in trace[1:]] == [
            CallEvent,
            SystemEvent,
            BootEvent,
            CallEvent,
            ReturnEvent,
            EndEvent,
        ]
        assert isinstance(trace[2], SystemEvent) and (trace[2].event, trace[2].source) == ("off", "qmp")


def test_a_life_that_just_ends_is_followed_by_a_restart_of_the_hosts(hvc: QemuPeer) -> None:
    trace = run(hvc, (call(0, 0, VERSION),), (call(0, 0, VERSION),))
    assert [type(event) for event in trace[1:]] == [
        CallEvent,
        ReturnEvent,
        HostEvent,
        BootEvent,
        CallEvent,
        ReturnEvent,
        EndEvent,
    ]


def test_calls_of_the_same_turn_overlap_and_the_trace_says_who_won(hvc: QemuPeer) -> None:
    overlapped = 0
    for number in range(10):
        trace = run(hvc, (
            call(0, 0, ON, 1, EntrySlot(1), 0), call(1, 1, VERSION),
            call(2, 0, ON, 2, EntrySlot(10 + number), 100), call(2, 1, ON, 2, EntrySlot(40 + number), 101),
        ))  # fmt: skip
        # Whether both may succeed is for the oracle to say; here each entry must be one that was asked for.
        both = answers(trace, 0)[-1], answers(trace, 1)[-1]
        asked = [(2, slot(10 + number), 100), (2, slot(40 + number), 101)]
        allowed = {entry for entry, answer in zip(asked, both, strict=True) if answer == 0}
        assert allowed and set(both) <= {0, ALREADY_ON, ON_PENDING}
        assert {entry for entry in entries(trace) if entry[0] == 2} <= allowed
        calls = [event for event in trace if isinstance(event, (CallEvent, ReturnEvent))][-4:]
        overlapped += [type(event) for event in calls[:2]] == [CallEvent, CallEvent]
    # With a single host CPU nothing can overlap.
    assert overlapped or len(os.sched_getaffinity(0)) == 1


def test_a_core_that_is_lost_does_not_hold_up_the_next_program(hvc: QemuPeer) -> None:
    trace = run(hvc, (call(0, 0, ON, 1, 0xDEAD_BEEF_0000, 0), call(1, 1, VERSION), call(2, 0, VERSION)))
    assert answers(trace)[0] == 0 and len(answers(trace, 0)) == 2
    assert entries(trace) == []
    assert len(answers(run(hvc, (call(0, 0, VERSION),)))) == 1


@pytest.mark.parametrize("cpus", [1, 8])
def test_machines_of_other_sizes(hvc: QemuPeer, cpus: int) -> None:
    steps = tuple(call(0, 0, ON, core, EntrySlot(core), core) for core in range(1, cpus))
    assert entries(run(hvc, steps, cpus=cpus)) == [(core, slot(core), core) for core in range(1, cpus)]


def test_a_version_that_qemu_does_not_offer_is_refused(hvc: QemuPeer) -> None:
    with pytest.raises(PeerError, match=r"PSCI 9\.9 was asked for"):
        list(hvc.run([Program(cpus=1, lives=((call(0, 0, VERSION),),), psci="9.9")]))


def test_a_program_that_cannot_be_run_is_refused_and_the_machine_kept(hvc: QemuPeer) -> None:
    run(hvc, (call(0, 0, VERSION),))
    before = hvc.pids
    with pytest.raises(PeerError, match="option 'system_suspend'"):
        list(hvc.run([Program(cpus=4, lives=(), options={"system_suspend": "on"})]))
    with pytest.raises(PeerError, match="the program cannot be run: step 0: core 7"):
        run(hvc, (call(0, 7, VERSION),))
    assert hvc.pids == before


def test_an_empty_life_is_a_life(hvc: QemuPeer) -> None:
    assert [type(event) for event in run(hvc, (), ())[1:]] == [HostEvent, BootEvent, EndEvent]


def test_the_stub_runs_with_its_memory_mapped(tmp_path: Path) -> None:
    with make() as plain:
        mapped = tmp_path / "mapped.bin"
        mapped.write_bytes(build.configured(plain.image.read_bytes(), layout.Config.MMU))
    with make(image=mapped) as peer:
        trace = run(peer, (call(0, 0, ON, 1, EntrySlot(1), 7), call(1, 1, VERSION)))
    assert entries(trace) == [(1, slot(1), 7)]


def test_a_conduit_that_is_undefined_is_a_fault_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QemuPeer, "_machine_option", "virt,gic-version=2")
    with make(conduit="smc", psci="1.1") as peer:
        trace = run(peer, (call(0, 0, VERSION),), cpus=1)
    (answer,) = (event for event in trace if isinstance(event, ReturnEvent))
    assert answer.x0 == VERSION
    assert answer.extra["x-faults"][0]["esr"] == "0x2000000"


# --- what goes wrong ---------------------------------------------------------------------------------------


def fake(tmp_path: Path, behaviour: str) -> QemuPeer:
    make().close()
    path = tmp_path / "qemu"
    path.write_text(f'#!/bin/sh\ncase "$1" in --version) echo "QEMU emulator version 0";; *) {behaviour};; esac\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return QemuPeer(qemu=path, find=Packages().find, limits=BoardLimits(launch=0.5))


PROGRAM = Program(cpus=1, lives=((CallStep(turn=0, cpu=0, fn=VERSION),),))


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("echo 'no such machine' >&2; exit 1", "no such machine"),
        ("sleep 100", "did not answer within 0.5 s"),
        ("yes >&2", "within 0.5 s|QEMU"),
        ("kill -SEGV $$", "SIGSEGV"),
    ],
)
def test_a_qemu_that_does_not_start_properly_is_one_line(tmp_path: Path, behaviour: str, message: str) -> None:
    with fake(tmp_path, behaviour) as peer, pytest.raises(PeerDied, match=message) as died:
        list(peer.run([PROGRAM]))
    assert "\n" not in str(died.value)


def test_a_program_that_is_no_qemu_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="did not answer like QEMU"):
        QemuPeer(qemu="/bin/true")
    with pytest.raises(Missing, match="is not on this machine"):
        QemuPeer(qemu=tmp_path / "nothing")


@pytest.mark.parametrize("options", [{"conduit": "abc"}, {"cpu": "a57 -s"}])
def test_options_that_qemu_cannot_be_given_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(PeerError):
        QemuPeer(**options)  # type: ignore[arg-type]  # that is the point


def test_a_qemu_that_dies_is_reported_and_replaced() -> None:
    with make() as peer:
        run(peer, (call(0, 0, VERSION),))
        (pid,) = peer.pids
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
        assert len(answers(run(peer, (call(0, 0, VERSION),)))) == 1
        assert peer.pids != (pid,)


def test_a_qemu_that_dies_in_a_call_says_which() -> None:
    with make(limits=BoardLimits(answer=30)) as peer:
        run(peer, (call(0, 0, VERSION),))
        killer = threading.Timer(0.3, os.kill, (peer.pids[0], signal.SIGKILL))
        killer.start()
        with pytest.raises(PeerDied, match=r"ended by signal SIGKILL.*core 0 was in step 0, fn 0xc4000001"):
            run(peer, (call(0, 0, SUSPEND, 0, 0, 0),))


def test_a_peer_that_is_forgotten_ends_its_qemu() -> None:
    peer = make()
    run(peer, (call(0, 0, VERSION),))
    (pid,) = peer.pids
    del peer
    gc.collect()
    assert gone(pid)


def test_a_qemu_that_is_stopped_does_not_hang_us() -> None:
    with make(limits=BoardLimits(reset=0.3, command=0.3)) as peer:
        run(peer, (call(0, 0, VERSION),))
        os.kill(peer.pids[0], signal.SIGSTOP)
        with pytest.raises(PeerDied, match=r"within 0\.3 s"):
            run(peer, (call(0, 0, VERSION),))
        assert peer.pids == ()
        assert len(answers(run(peer, (call(0, 0, VERSION),)))) == 1


def gone(pid: int) -> bool:
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


SCRIPT = """
import sys, time
from psci.host.packages import Packages
from psci.oracle.peers.qemu.adapter import QemuPeer
from psci.oracle.peers.program import CallStep, Program
peer = QemuPeer(find=Packages().find)
list(peer.run([Program(cpus=1, lives=((CallStep(turn=0, cpu=0, fn=0x84000000),),))]))
print(peer.pids[0], flush=True)
"""


@pytest.mark.parametrize("end", ["", "raise KeyboardInterrupt", "time.sleep(60)"])
def test_no_qemu_outlives_us(end: str) -> None:
    make().close()
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT + end], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        if "sleep" in end:
            child.kill()
        child.wait(20)
    assert gone(pid)


def test_ctrl_c_in_the_middle_ends_the_machine() -> None:
    with make(limits=BoardLimits(answer=30)) as peer:
        run(peer, (call(0, 0, VERSION),))
        (pid,) = peer.pids
        # Ctrl-C raises no signal where a shell has put the tests into the background; its handler does the same
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            run(peer, (call(0, 0, SUSPEND, 0, 0, 0),))
        assert gone(pid)
        assert peer.pids == ()


def test_requirements_say_what_is_there_and_what_to_do() -> None:
    qemu, stub = requirements("no-such-qemu")
    assert (qemu.what, qemu.found) == ("no-such-qemu", None)
    assert "psci peers install" in qemu.remedy and stub.remedy


@pytest.mark.parametrize(
    ("turns", "places", "expected"),
    [
        ([(0,), (1,)], 2, (None, None, None)),
        ([(0, 1)], 1, (None, None, None)),
        ([(0, 1)], 2, (0, 1, 0)),
        ([(0, 2)], 2, (0, 1, 1)),
        ([(0, 1, 2)], 4, (0, 1, 2)),
    ],
)
def test_cores_that_overlap_get_different_host_cpus(
    turns: list[tuple[int, ...]], places: int, expected: tuple[int | None, ...]
) -> None:
    steps = [CallStep(turn=turn, cpu=cpu, fn=1) for turn, cpus in enumerate(turns) for cpu in cpus]
    assert apart(steps, 3, places) == expected
