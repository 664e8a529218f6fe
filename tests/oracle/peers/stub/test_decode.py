"""Logs become events, and memory that the stub cannot have written is refused."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psci.host.requirements import CannotRun
from psci.model.events import CallEvent, EnterEvent, ReturnEvent, UnwakeEvent, WakeEvent
from psci.oracle.peers.peer import PeerError
from psci.oracle.peers.program import CallStep, EntrySlot, ProgramStep, WakeStep
from psci.oracle.peers.stub import decode, encode, layout
from psci.oracle.peers.stub.layout import RecordKind, Status

PLATFORM = encode.StubMachine(image=0x4008_0000, mpidrs=(0, 1))
STEPS: tuple[ProgramStep, ...] = (
    CallStep(turn=0, cpu=0, fn=0xC400_0003, args=(1, EntrySlot(1), 0x2A)),
    CallStep(turn=1, cpu=1, fn=0xC400_0001, args=(0,), returns=False),
    WakeStep(turn=2, cpu=0, target=1),
)
BOOT = (0x4008_0000, 0x4200_0000, 1, 0xC5_0838, 0x3C0, 1, 0x8000_0000, 62_500_000)
ENTER = (0x4008_1004, 0x2A, 1, 0xC5_0838, 0x3C0, 1, 0x8000_0001, 62_500_000)


class Memory:
    """An exchange area as the stub would leave it, and ways to spoil it."""

    def __init__(self) -> None:
        self.area = bytearray(layout.EXCHANGE_SIZE)
        for segment in encode.life(PLATFORM, STEPS):
            self.area[segment.offset : segment.offset + len(segment.data)] = segment.data
        self.counts = [0] * (layout.MAX_CORES + 1)

    def log(
        self, core: int, kind: int, t0: int, t1: int | None = None, *, step: int = layout.NO_STEP,
        regs: Sequence[int] = (), changed: int = 0, guard: int | None = None,
    ) -> Memory:  # fmt: skip
        number = self.counts[core]
        at = layout.log_offset(core) + number * layout.RECORD_SIZE
        mark = layout.GUARD + number if guard is None else guard
        padded = [*regs, *([0] * (layout.RECORD_REGS - len(regs)))]
        last = t0 if t1 is None else t1
        struct.pack_into("<IIQQI4x18QQ", self.area, at, kind, step, t0, last, mark, *padded, changed)
        self.counts[core] += 1
        return self.word(core, layout.C_COUNT, number + 1)

    def word(self, core: int, field: int, value: int) -> Memory:
        struct.pack_into("<I", self.area, layout.core_offset(core) + field, value)
        return self

    def read(self, offset: int, size: int) -> bytes:
        return bytes(self.area[offset : offset + size])

    def life(self, origin: int = 0) -> decode.StubLife:
        return decode.life(self.read, PLATFORM, STEPS, origin)


def lived() -> Memory:
    """Core 0 starts core 1, which suspends; core 0 wakes it."""
    memory = Memory()
    memory.log(0, RecordKind.BOOT, 100, regs=BOOT)
    memory.log(0, RecordKind.CALL, 110, step=0)
    memory.log(0, RecordKind.RETURN, 120, step=0, regs=(0, 1, 2))
    memory.log(0, RecordKind.WAKE, 150, 160, step=1, regs=(1,))
    memory.log(0, RecordKind.FINISHED, 170)
    memory.log(1, RecordKind.ENTER, 115, regs=ENTER)
    memory.log(1, RecordKind.CALL, 120, step=0)
    memory.log(1, RecordKind.RETURN, 155, step=0, regs=(0,))
    memory.log(1, RecordKind.ACK, 156, 158, regs=(0,))
    return memory.word(0, layout.C_STATUS, Status.FINISHED).word(1, layout.C_STATUS, Status.RUNNING)


def test_logs_are_merged_by_the_counter_and_a_call_comes_before_what_has_the_same_stamp() -> None:
    life = lived().life(origin=100)
    assert [(type(event), event.t, getattr(event, "cpu", None)) for event in life.events] == [
        (CallEvent, 10, 0), (EnterEvent, 15, 1), (CallEvent, 20, 1), (ReturnEvent, 20, 0), (WakeEvent, 50, 1),
        (ReturnEvent, 55, 1), (UnwakeEvent, 58, 1),
    ]  # fmt: skip
    assert life.unanswered == ()
    assert [boot.frequency for boot in life.boots] == [62_500_000]


def test_events_carry_what_the_core_saw() -> None:
    call, enter, suspend, answer, wake, *_ = lived().life().events
    assert call == CallEvent(cpu=0, fn=0xC400_0003, args=(1, 0x4008_1004, 0x2A), t=110, t0=110, t1=110)
    regs = {"sctlr": 0xC5_0838, "daif": 0x3C0, "spsel": 1, "mpidr": 0x8000_0001, "cntfrq": 62_500_000}
    assert enter == EnterEvent(cpu=1, pc=0x4008_1004, x0=0x2A, el=1, isa="aarch64", regs=regs, t=115, t0=115, t1=115)
    assert isinstance(suspend, CallEvent) and suspend.args == (0,)
    assert isinstance(answer, ReturnEvent) and answer.regs is not None
    assert answer.x0 == 0 and set(answer.regs) == {f"x{n}" for n in range(1, 18)} and answer.regs["x1"] == 1
    assert wake == WakeEvent(cpu=1, cause="irq", t=150, t0=150, t1=160, extra={"x-by": "0x0"})


def test_a_cores_own_order_survives_equal_stamps() -> None:
    memory = (
        Memory()
        .log(1, RecordKind.ENTER, 5, regs=ENTER)
        .log(1, RecordKind.CALL, 5, step=0)
        .log(1, RecordKind.ENTER, 5, regs=ENTER)
    )
    assert [type(event) for event in memory.life().events] == [EnterEvent, CallEvent, EnterEvent]


def test_a_call_without_an_answer_is_open_until_the_core_is_entered_again() -> None:
    memory = Memory().log(1, RecordKind.CALL, 5, step=0)
    assert memory.life().unanswered == (1,)
    assert memory.log(1, RecordKind.ENTER, 6, regs=ENTER).life().unanswered == ()


def test_a_fault_stands_in_the_next_event_of_its_core_or_remains() -> None:
    memory = (
        Memory()
        .log(1, RecordKind.CALL, 5, step=0)
        .log(1, RecordKind.FAULT, 6, regs=(0x200_0000, 0x4008_6000, 0, 0x3C5, 4))
    )
    fault = {
        "cpu": "0x1", "esr": "0x2000000", "elr": "0x40086000", "far": "0x0", "spsr": "0x3c5", "vector": "0x4",
    }  # fmt: skip
    assert memory.life().faults == (fault,)
    life = memory.log(1, RecordKind.RETURN, 7, step=0, regs=(1,)).life()
    assert life.faults == ()
    assert life.events[-1].extra == {"x-faults": [fault]}


def test_registers_that_came_back_changed_are_named() -> None:
    memory = Memory().log(1, RecordKind.CALL, 5, step=0).log(1, RecordKind.RETURN, 7, step=0, changed=1 << 19 | 1 << 30)
    assert memory.life().events[-1].extra == {"x-changed": ["x19", "x30"]}


def test_progress_is_read_without_the_logs() -> None:
    memory = lived().word(1, layout.C_NEXT, 1).word(1, layout.C_ENTRIES, 3).word(0, layout.C_STARTED + 4, 4)
    assert decode.cores(memory.read, 2)[1] == decode.CoreProgress(
        status=Status.RUNNING, started=1, done=0, expected=True, records=4, overflow=False
    )
    assert not decode.cores(memory.word(1, layout.C_ENTRIES, 4).read, 2)[1].expected


def test_the_boot_is_known_as_soon_as_it_is_logged() -> None:
    assert decode.boot(Memory().read, PLATFORM) is None
    boot = decode.boot(lived().read, PLATFORM)
    assert boot is not None and (boot.t, boot.pc, boot.x0, boot.el) == (100, 0x4008_0000, 0x4200_0000, 1)
    with pytest.raises(PeerError, match="not a boot"):
        decode.boot(Memory().log(0, RecordKind.FINISHED, 1).read, PLATFORM)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda m: m.word(0, layout.C_STATUS, 99), "status 0x63"),
        (lambda m: m.word(0, layout.C_COUNT, layout.MAX_RECORDS + 1), "2049 records"),
        (lambda m: m.word(0, layout.C_NEXT, 5), "0 of 5 of 2 steps"),
        (lambda m: m.word(0, layout.C_PROGRESS, 1), "1 of 0 of 2 steps"),
        (lambda m: m.word(0, layout.C_STEPS, 0xFFFF_FFFF), "of 4294967295 steps"),
        (lambda m: m.word(0, layout.C_OVERFLOW, 1), "log of 2048 records is full"),
        (lambda m: m.log(0, 99, 1), "kind 0x63"),
        (lambda m: m.log(0, RecordKind.CALL, 1, step=0, guard=layout.GUARD + 1), "guard 0x5053434a"),
        (lambda m: m.log(0, RecordKind.FINISHED, 5).log(0, RecordKind.FINISHED, 4), "stamps 4 and 4 after 5"),
        (lambda m: m.log(0, RecordKind.WAKE, 5, 4, step=1), "stamps 5 and 4 after 0"),
        (lambda m: m.log(0, RecordKind.CALL, 1, step=2), "step 2 of 2"),
        (lambda m: m.log(0, RecordKind.CALL, 1, step=1), "a call by step 1, which is a WakeStep"),
        (lambda m: m.log(0, RecordKind.WAKE, 1, step=0), "a wake by step 0, which is a CallStep"),
        (lambda m: m.log(0, RecordKind.RETURN, 1, step=0), "a return to step 0 while step None"),
        (lambda m: m.log(0, RecordKind.CALL, 1, step=0).log(0, RecordKind.CALL, 2, step=0), "inside another call"),
        (lambda m: m.log(0, RecordKind.ENTER, 1, regs=ENTER), "MPIDR 0x80000001"),
        (lambda m: m.log(1, RecordKind.ENTER, 1, regs=(*ENTER[:2], 4, *ENTER[3:])), "an entry at EL4"),
        (lambda m: m.log(1, RecordKind.ENTER, 1, regs=ENTER[:7]), "a counter of 0 Hz"),
        (
            lambda m: m.log(8, RecordKind.ENTER, 1, regs=ENTER),
            "core with MPIDR 0x80000001, which this machine does not have",
        ),
    ],
)
def test_what_the_stub_cannot_have_written_is_refused(spoil: Callable[[Memory], Memory], message: str) -> None:
    with pytest.raises(PeerError, match=message):
        spoil(Memory()).life()


def test_an_area_that_is_too_short_is_refused() -> None:
    with pytest.raises(PeerError, match="ends 1024 bytes too early behind offset 0x1000"):
        decode.life(lambda offset, size: b"", PLATFORM, STEPS)


@given(st.lists(st.tuples(st.integers(0, 0x2000), st.binary(min_size=1, max_size=16)), min_size=1, max_size=8))
def test_noise_gives_a_life_or_a_peer_error_and_nothing_else(noise: list[tuple[int, bytes]]) -> None:
    memory = lived()
    for where, what in noise:
        # The blocks and the first records of both cores.
        base = (layout.CORES_OFFSET, layout.log_offset(0), layout.log_offset(1))[where % 3]
        at = base + where // 3
        memory.area[at : at + len(what)] = what
    try:
        cores = memory.life().cores
    except CannotRun:
        return
    assert len(cores) == 2
