"""A log of QEMU's becomes the trace of what it ran, or an error that says what to log."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from house import ROOT
from logged_qemu import run_logged

from psci.host.requirements import Missing
from psci.model.events import BootEvent, CallEvent, EndEvent, Event, MachineEvent, ReturnEvent
from psci.oracle.checker.checker import check
from psci.oracle.logs.importing.log import LogError
from psci.oracle.logs.importing.machine import LogTerms
from psci.oracle.logs.importing.sources import import_trace
from psci.oracle.peers.qemu.__main__ import DEMO

KEPT = (ROOT / "tests" / "oracle" / "logs" / "importing" / "qemu-hvc.log").read_text(encoding="utf-8")
BLOCK = (
    "Trace {cpu}: 0x7f0000000100 [0/0/0/0]\n PC={pc:016x} X00={x0:016x} X01={x1:016x}\nX02={x2:016x} X03={x3:016x}\n"
)
HVC = "Taking exception 11 [Hypervisor Call] on CPU {cpu}\n...from EL1 to EL2\n...with ESR 0x16/0x5a000000\n"
HANDLED = "...handled as PSCI call\n"
TAKEN = "...to EL2 PC 0x800 PSTATE 0x3c9\n"


def imported(log: str, terms: LogTerms | None = None) -> list[Event]:
    return import_trace("qemu", io.BytesIO(log.encode()), "qemu.log", terms)


def block(cpu: int, pc: int, x0: int, x1: int = 0, x2: int = 0, x3: int = 0) -> str:
    return BLOCK.format(cpu=cpu, pc=pc, x0=x0, x1=x1, x2=x2, x3=x3)


def called(cpu: int, x0: int, x1: int = 0, x2: int = 0, x3: int = 0, pc: int = 0x400) -> str:
    return block(cpu, pc, x0, x1, x2, x3) + HVC.format(cpu=cpu)


def test_the_kept_log_is_a_trace_that_conforms() -> None:
    events = imported(KEPT)
    assert events[0] == MachineEvent(psci="1.1", cpus=(0, 1, 2), boot_cpu=0, conduit="hvc", peer="a log of QEMU")
    assert [event.k for event in events[1:]] == [
        "call", "return", "call", "return", "call", "enter", "return", "enter", "call", "return", "call", "call",
        "call", "return", "call", "boot", "call",
    ]  # fmt: skip
    assert check(events).verdict.value == "conforms"


def test_a_wrong_answer_in_the_kept_log_is_found() -> None:
    line = next(line for line in KEPT.splitlines() if "X00=fffffffffffffffc" in line)
    report = check(imported(KEPT.replace(line, line.replace("fffffffffffffffc", "0000000000000000"))))
    assert report.verdict.value == "deviates"


@pytest.mark.peer
def test_a_new_log_tells_what_the_peer_saw(tmp_path: Path) -> None:
    log = tmp_path / "qemu.log"
    try:
        seen = run_logged(DEMO, log, tmp_path)
    except Missing as missing:
        pytest.skip(f"REAL PEER NOT TESTED: {missing}")
    told = imported(log.read_text(encoding="utf-8"))
    assert check(told).verdict.value == "conforms"
    # The interpreter in the guest logs a call before it makes it, and a return when it has the next turn.
    assert _life(told, 0, CallEvent) == _life(seen, 0, CallEvent)
    for cpu in range(1, 4):
        assert _life(told, cpu, CallEvent)[: len(_life(seen, cpu, CallEvent))] == _life(seen, cpu, CallEvent)
    for cpu in range(4):
        assert _life(told, cpu, ReturnEvent)[: len(_life(seen, cpu, ReturnEvent))] == _life(seen, cpu, ReturnEvent)


def _life(trace: list[Event] | tuple[Event, ...], cpu: int, kind: type[Event]) -> list[object]:
    """What a core called, or what it was answered, up to the first reset."""
    found: list[object] = []
    for event in trace:
        if isinstance(event, BootEvent | EndEvent):
            break
        if isinstance(event, kind) and getattr(event, "cpu", None) == cpu:
            found.append(event.fn if isinstance(event, CallEvent) else getattr(event, "x0", None))
    return found


def test_a_call_stands_before_what_it_causes_although_qemu_logs_its_end_later() -> None:
    log = called(0, 0xC400_0003, 1, 0x8000, 7) + block(1, 0x8000, 7) + HANDLED + block(0, 0x404, 0)
    assert [event.k for event in imported(log, LogTerms(psci="1.1"))] == ["machine", "call", "enter", "return"]


def test_calls_of_two_cores_are_told_apart_although_their_lines_interleave() -> None:
    log = called(0, 0x8400_0000) + called(1, 0x8400_000A, 0x8400_0000, pc=0x900) + HANDLED + HANDLED
    log += block(1, 0x904, 0) + block(0, 0x404, 0x1_0001)
    calls = [(event.k, getattr(event, "cpu", None)) for event in imported(log)[1:]]
    assert calls == [("call", 0), ("call", 1), ("return", 1), ("return", 0)]


def test_a_conduit_instruction_that_the_guests_own_hypervisor_takes_is_no_call() -> None:
    log = called(0, 0x8400_0000) + HANDLED + block(0, 0x404, 0x1_0001) + called(0, 0x8600_0000) + TAKEN
    assert [event.k for event in imported(log)] == ["machine", "call", "return"]


def test_an_interrupt_between_a_call_and_its_return_is_skipped() -> None:
    log = called(0, 0x8400_0000) + HANDLED + "Taking exception 5 [IRQ] on CPU 0\n...to EL1 PC 0x280 PSTATE 0x3c5\n"
    log += block(0, 0x280, 0x1_0001) + block(0, 0x404, 0x1_0001)
    assert imported(log)[2] == ReturnEvent(cpu=0, x0=0x1_0001)


def test_qemus_trace_event_tells_the_affinity_fields() -> None:
    told = "arm_psci_call PSCI Call x0=0x0000000084000000 x1=0x0 x2=0x0 x3=0x0 cpuid=0x200\n"
    log = called(9, 0x8400_0000) + told + HANDLED + block(9, 0x404, 0x1_0001)
    assert {getattr(event, "cpu", 0x200) for event in imported(log)} == {0x200}


@pytest.mark.parametrize(
    ("log", "error"),
    [
        ("", "1: the log holds no call, no return and no entry; is this the right kind of log?"),
        ("hello\n" * 3, "3: the log holds no call, no return and no entry; is this the right kind of log?"),
        (HVC.format(cpu=0),
         "1: the registers before the call of CPU 0 are not in the log; log with -d int,exec,cpu,nochain"),
        (called(0, 0x8400_0001) + HANDLED + called(0, 0x8400_0001),
         "11: core 0x0 calls again, and its call at line 4 did not return to 0x404; log one instruction a block "
         "(-accel tcg,one-insn-per-tb=on), and let -dfilter hold that address"),
        (called(0, 0x8400_0002),
         "6: the log does not tell the version: nothing asks for PSCI_VERSION; give --psci"),
        (called(9, 0x8400_0000),
         "6: the affinity fields of CPU 9 are not in the log; give --cpus"),
        ("Trace 99999: 0x1 [\n", "1: CPU 99999: at most 4,096 cores are judged"),
        ("x" * 20_000, "1: the line is longer than 16,384 bytes; is this the right kind of log?"),
        (called(0, 0x8400_0000) + called(1, 0x8400_0000, pc=0x900) + TAKEN,
         "13: CPUs [0, 1] ran a conduit instruction at once, and one was no call of QEMU's PSCI; the log does not tell "
         "which: use a machine without EL2 and EL3 of its own"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_with_its_line(log: str, error: str) -> None:
    with pytest.raises(LogError) as raised:
        imported(log)
    assert str(raised.value) == f"qemu.log:{error}"
