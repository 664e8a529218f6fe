"""A life becomes bytes that say the same."""

from __future__ import annotations

import struct

import pytest

from psci.oracle.peers.program import CallStep, EntrySlot, ObserveStep, PauseStep, ProgramStep, WakeStep
from psci.oracle.peers.stub import encode, layout

PLATFORM = encode.StubMachine(
    image=0x4008_0000, mpidrs=(0, 1, 0x100), gic=layout.Gic.V2, gicd=0x800_0000, gicc=0x801_0000
)
CPU_ON = 0xC400_0003


def memory(segments: tuple[encode.Segment, ...]) -> bytearray:
    area = bytearray(layout.EXCHANGE_SIZE)
    for segment in segments:
        area[segment.offset : segment.offset + len(segment.data)] = segment.data
    return area


def step_words(area: bytearray, core: int, number: int) -> tuple[int, ...]:
    """op, flags, turn, starts, ring, partners, value."""
    return struct.unpack_from("<7I", area, layout.steps_offset(core) + number * layout.STEP_SIZE)


def registers(area: bytearray, core: int, number: int) -> tuple[int, ...]:
    return struct.unpack_from("<8Q", area, layout.steps_offset(core) + number * layout.STEP_SIZE + layout.S_X0)


def need(area: bytearray, core: int, number: int) -> tuple[int, ...]:
    return struct.unpack_from("<8H", area, layout.steps_offset(core) + number * layout.STEP_SIZE + layout.S_NEED)


def test_a_call_has_its_registers_with_symbols_resolved() -> None:
    step = CallStep(turn=0, cpu=0, fn=CPU_ON, args=(1, EntrySlot(3, 1), 1 << 64 | 7))
    area = memory(encode.life(PLATFORM, [step]))
    assert registers(area, 0, 0) == (CPU_ON, 1, 0x4008_1000 + 3 * 4 + 1, 7, 0, 0, 0, 0)
    assert encode.call_args(PLATFORM, step) == (1, 0x4008_100D, 7)


def test_the_conduit_and_the_silence_of_a_call_are_flags() -> None:
    steps = [CallStep(turn=0, cpu=0, fn=1), CallStep(turn=1, cpu=0, fn=1, returns=False)]
    hvc = memory(encode.life(PLATFORM, steps))
    smc = memory(encode.life(encode.StubMachine(image=0x4008_0000, mpidrs=(0,), smc=True), steps))
    assert [step_words(hvc, 0, i)[1] for i in (0, 1)] == [0, layout.Flag.SILENT]
    assert [step_words(smc, 0, i)[1] for i in (0, 1)] == [layout.Flag.SMC, layout.Flag.SMC | layout.Flag.SILENT]


def test_a_turn_waits_for_all_steps_of_earlier_turns_of_the_others() -> None:
    steps: list[ProgramStep] = [
        CallStep(turn=0, cpu=0, fn=1), CallStep(turn=0, cpu=1, fn=1), CallStep(turn=5, cpu=1, fn=1),
        CallStep(turn=5, cpu=2, fn=1), CallStep(turn=9, cpu=0, fn=1),
    ]  # fmt: skip
    area = memory(encode.life(PLATFORM, steps))
    assert need(area, 0, 0) == (0,) * 8
    assert need(area, 1, 1) == (1, 0, 0, 0, 0, 0, 0, 0)
    assert need(area, 2, 0) == (1, 1, 0, 0, 0, 0, 0, 0)
    assert need(area, 0, 1) == (0, 2, 1, 0, 0, 0, 0, 0)


def test_a_step_rings_the_cores_of_the_next_turn_and_meets_those_of_its_own() -> None:
    steps: list[ProgramStep] = [
        CallStep(turn=0, cpu=0, fn=1), CallStep(turn=0, cpu=1, fn=1), CallStep(turn=5, cpu=2, fn=1),
    ]  # fmt: skip
    area = memory(encode.life(PLATFORM, steps))
    assert step_words(area, 0, 0)[4:6] == (0b100, 0b010)
    assert step_words(area, 1, 0)[4:6] == (0b100, 0b001)
    assert step_words(area, 2, 0)[4:6] == (0, 0)


@pytest.mark.parametrize(
    ("fn", "args", "starts"),
    [
        (CPU_ON, (0x100, EntrySlot(1), 0), 3),
        (0x8400_0003, (1, EntrySlot(1), 0), 2),
        (CPU_ON, (0x100, EntrySlot(1, 4), 0), 0),
        (CPU_ON, (0x100, 0x4000_0000, 0), 0),
        (CPU_ON, (7, EntrySlot(1), 0), 0),
        (0xC400_0001, (1, EntrySlot(1), 0), 0),
    ],
)
def test_only_a_cpu_on_that_can_succeed_lets_others_expect_a_core(
    fn: int, args: tuple[int | EntrySlot, ...], starts: int
) -> None:
    area = memory(encode.life(PLATFORM, [CallStep(turn=0, cpu=0, fn=fn, args=args)]))
    assert step_words(area, 0, 0)[3] == starts


def test_the_other_steps() -> None:
    steps: list[ProgramStep] = [
        WakeStep(turn=0, cpu=0, target=2),
        ObserveStep(turn=1, cpu=0, target=1),
        PauseStep(turn=2, cpu=0, microseconds=9),
    ]
    area = memory(encode.life(PLATFORM, steps))
    assert [(step_words(area, 0, i)[0], step_words(area, 0, i)[6], registers(area, 0, i)[0]) for i in range(3)] == [
        (layout.Opcode.WAKE, 1 << 18 | layout.WAKE_SGI, 2),
        (layout.Opcode.OBSERVE, 0, 1),
        (layout.Opcode.PAUSE, 9, 0),
    ]


def test_a_life_leaves_the_machine_unarmed_and_every_core_fresh() -> None:
    area = bytearray(b"\xff" * layout.EXCHANGE_SIZE)
    for segment in encode.life(PLATFORM, [CallStep(turn=0, cpu=1, fn=1)]):
        area[segment.offset : segment.offset + len(segment.data)] = segment.data
    assert struct.unpack_from("<I", area, layout.H_ARMED) == (layout.Armed.NO,)
    for core, count in enumerate((0, 1, 0, 0, 0, 0, 0, 0, 0)):
        block = bytes(area[layout.core_offset(core) : layout.core_offset(core + 1)])
        assert struct.unpack_from("<I", block, layout.C_STEPS) == (count,)
        assert not any(block[: layout.C_STEPS]) and not any(block[layout.C_STEPS + 4 :])
    assert struct.unpack("<I", encode.ARM.data) == (layout.Armed.YES,)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([CallStep(turn=0, cpu=3, fn=1)], "step 0: core 3, but the machine has 3"),
        ([CallStep(turn=1, cpu=0, fn=1), CallStep(turn=0, cpu=0, fn=1)], "step 1: turn 0 after turn 1"),
        ([CallStep(turn=0, cpu=0, fn=1, args=(0,) * 8)], "8 arguments"),
        ([CallStep(turn=0, cpu=0, fn=1, args=(EntrySlot(4096),))], "entry slot 4096"),
        ([WakeStep(turn=0, cpu=0, target=3)], "aims at core 3"),
        ([PauseStep(turn=0, cpu=0, microseconds=1 << 32)], "pause of 4294967296"),
        ([ProgramStep(turn=0, cpu=0)], "cannot run a ProgramStep"),
        ([CallStep(turn=0, cpu=0, fn=1)] * 1025, "more than 1024 steps"),
    ],
)
def test_what_cannot_be_run_is_refused_with_a_reason(steps: list[ProgramStep], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode.life(PLATFORM, steps)


def test_a_life_may_be_empty() -> None:
    assert [segment.offset for segment in encode.life(PLATFORM, [])] == [0, layout.CORES_OFFSET]


@pytest.mark.parametrize("cores", [0, 9])
def test_a_machine_of_another_size_is_refused(cores: int) -> None:
    with pytest.raises(ValueError, match=f"{cores} cores: the stub serves 1 to 8"):
        encode.idle(encode.StubMachine(image=0, mpidrs=tuple(range(cores))))
