"""From one life of a program to the bytes that the stub runs."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from psci.oracle.peers.program import ArgumentValue, CallStep, EntrySlot, ObserveStep, PauseStep, ProgramStep, WakeStep
from psci.oracle.peers.stub import layout

_MASK64 = (1 << 64) - 1
_CPU_ON = frozenset({0x8400_0003, 0xC400_0003})
"""Only decides how long others wait for the core that such a call should start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StubMachine:
    """The machine that the stub runs on."""

    image: int
    """The address that the stub's image is loaded at; every other address of the stub follows from it."""
    mpidrs: tuple[int, ...]
    """Affinity fields of each core; the boot core first."""
    smc: bool = False
    gic: layout.Gic = layout.Gic.NONE
    gicd: int = 0
    gicc: int = 0
    ends_rings: bool = False
    """Whether a ring is taken by ending it: an interrupt controller of a hypervisor may know no other way."""
    observe_doorbell: int = 0
    """Where an observe step stores the index of its target (32 bits); 0: observe steps do nothing."""
    waiting_doorbell: int = 0
    """Where a core stores its index (32 bits) each time it has looked in vain whether its turn has come; 0: nowhere."""
    finished_doorbell: int = 0
    """Where a core stores its index (32 bits) when it has no steps left; 0: nowhere."""

    @property
    def exchange(self) -> int:
        """The address of the exchange area."""
        return layout.exchange_address(self.image)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long cores wait for each other, in microseconds."""

    short: int = 300
    """For a core that is off, or in a call that is not expected to return."""
    long: int = 20_000
    """For any other core."""
    spin: int = 0
    """Look again and again this long before sleeping, where the stub can sleep at all."""
    meet: int = 200
    """How long cores with steps of the same turn wait for each other to arrive."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes to write at an offset of the exchange area."""

    offset: int
    data: bytes


ARM = Segment(layout.H_ARMED, struct.pack("<I", layout.Armed.YES))
"""Written last, by itself: the boot core starts."""


def idle(platform: StubMachine, patience: Patience | None = None) -> tuple[Segment, ...]:
    """A header without a life: a machine that boots with it waits to be armed.

    Raises:
        ValueError: the platform has more cores than the stub serves, or none.
    """
    return (Segment(0, _header(platform, patience or Patience())),)


def life(platform: StubMachine, steps: Sequence[ProgramStep], patience: Patience | None = None) -> tuple[Segment, ...]:
    """What must be written before a life is armed with `ARM`.

    Args:
        platform: the machine; core *i* of a step is `platform.mpidrs[i]`.
        steps: in the order in which each core is to run its own; turns must not decrease within a core.
        patience: how long cores wait for each other.

    Raises:
        ValueError: a step cannot be encoded; the message names it.
    """
    cores = len(platform.mpidrs)
    by_core = _by_core(steps, cores)
    turns = sorted({step.turn for step in steps})
    runners = {turn: sum(1 << core for core in {s.cpu for s in steps if s.turn == turn}) for turn in turns}
    following = {turn: runners[later] for turn, later in itertools.pairwise(turns)}
    done_before = _done_before(by_core, turns)
    segments = [
        Segment(0, _header(platform, patience or Patience())),
        Segment(layout.CORES_OFFSET, _core_blocks([len(own) for own in by_core])),
    ]
    for core, own in enumerate(by_core):
        alone = ~(1 << core)
        data = b"".join(
            _step(platform, step, following.get(step.turn, 0), runners[step.turn] & alone, done_before[step.turn])
            for step in own
        )
        if data:
            segments.append(Segment(layout.steps_offset(core), data))
    return tuple(segments)


def call_args(platform: StubMachine, step: CallStep) -> tuple[int, ...]:
    """x1, x2, ... of a call with every symbol replaced by its address."""
    return tuple(_value(platform, argument) for argument in step.args)


def _by_core(steps: Sequence[ProgramStep], cores: int) -> list[list[ProgramStep]]:
    own: list[list[ProgramStep]] = [[] for _ in range(cores)]
    for number, step in enumerate(steps):
        if not 0 <= step.cpu < cores:
            raise ValueError(f"step {number}: core {step.cpu}, but the machine has {cores}")
        if own[step.cpu] and own[step.cpu][-1].turn > step.turn:
            raise ValueError(f"step {number}: turn {step.turn} after turn {own[step.cpu][-1].turn} of the same core")
        own[step.cpu].append(step)
    if any(len(mine) > layout.MAX_STEPS for mine in own):
        raise ValueError(f"a core has more than {layout.MAX_STEPS} steps in one life")
    return own


def _done_before(by_core: Sequence[Sequence[ProgramStep]], turns: Sequence[int]) -> dict[int, list[int]]:
    """For each turn, how many steps of each core belong to earlier turns."""
    counts = {turn: [0] * layout.MAX_CORES for turn in turns}
    for core, own in enumerate(by_core):
        done = 0
        for turn in turns:
            while done < len(own) and own[done].turn < turn:
                done += 1
            counts[turn][core] = done
    return counts


def _header(platform: StubMachine, patience: Patience) -> bytes:
    cores = len(platform.mpidrs)
    if not 1 <= cores <= layout.MAX_CORES:
        raise ValueError(f"{cores} cores: the stub serves 1 to {layout.MAX_CORES}")
    # H_ARMED stays zero (`Armed.NO`): nothing starts before `ARM` is written.
    head = bytearray(layout.H_MPIDRS + 8 * layout.MAX_CORES)
    struct.pack_into("<QII", head, layout.H_MAGIC, layout.MAGIC, layout.VERSION, cores)
    struct.pack_into(
        "<6I", head, layout.H_GIC,
        platform.gic, patience.short, patience.long, patience.spin, patience.meet, layout.VIRTUAL_TIMER_INTID,
    )  # fmt: skip
    struct.pack_into(
        "<5Q", head, layout.H_GICD,
        platform.gicd, platform.gicc,
        platform.observe_doorbell, platform.waiting_doorbell, platform.finished_doorbell,
    )  # fmt: skip
    struct.pack_into("<I", head, layout.H_ENDS_RINGS, platform.ends_rings)
    struct.pack_into(f"<{cores}Q", head, layout.H_MPIDRS, *platform.mpidrs)
    return bytes(head)


def _core_blocks(steps: Sequence[int]) -> bytes:
    blocks = bytearray(layout.CORE_SIZE * (layout.MAX_CORES + 1))
    for core, count in enumerate(steps):
        struct.pack_into("<I", blocks, core * layout.CORE_SIZE + layout.C_STEPS, count)
    return bytes(blocks)


_STEP = struct.Struct("<6IIxxxx8Q8H")


def _step(platform: StubMachine, step: ProgramStep, ring: int, partners: int, need: Sequence[int]) -> bytes:
    op, flags, starts, value = layout.Opcode.CALL, layout.Flag(0), 0, 0
    registers: tuple[int, ...] = ()
    match step:
        case CallStep():
            arguments = call_args(platform, step)
            if len(arguments) > 7:
                raise ValueError(f"a call has {len(arguments)} arguments; x1 to x7 hold 7")
            registers = (step.fn & _MASK64, *arguments)
            starts = _starts(platform, step, arguments)
            flags = (layout.Flag.SMC if platform.smc else layout.Flag(0)) | (
                layout.Flag(0) if step.returns else layout.Flag.SILENT
            )
        case WakeStep():
            op, registers = layout.Opcode.WAKE, (_target(platform, step.target),)
            value = 1 << (16 + step.target) | layout.WAKE_SGI
        case ObserveStep():
            op, registers = layout.Opcode.OBSERVE, (_target(platform, step.target),)
        case PauseStep():
            op, value = layout.Opcode.PAUSE, step.microseconds
            if not 0 <= value < 1 << 32:
                raise ValueError(f"a pause of {value} microseconds; 0 to 2^32 - 1 can be told")
        case _:
            raise ValueError(f"the stub cannot run a {type(step).__name__}")
    padded = registers + (0,) * (8 - len(registers))
    return _STEP.pack(
        op, flags, step.turn & 0x7FFF_FFFF, starts, ring, partners, value, *padded, *_without(need, step.cpu)
    ).ljust(layout.STEP_SIZE, b"\0")


def _without(need: Sequence[int], core: int) -> list[int]:
    """No core waits for itself: its own earlier steps are behind it."""
    return [0 if other == core else count for other, count in enumerate(need)]


def _target(platform: StubMachine, index: int) -> int:
    if not 0 <= index < len(platform.mpidrs):
        raise ValueError(f"a step aims at core {index}, but the machine has {len(platform.mpidrs)}")
    return index


def _value(platform: StubMachine, argument: ArgumentValue) -> int:
    if isinstance(argument, EntrySlot):
        return (layout.slot_address(platform.image, argument.slot) + argument.offset) & _MASK64
    return argument & _MASK64


def _starts(platform: StubMachine, step: CallStep, arguments: Sequence[int]) -> int:
    """1 + the index of the core that this call starts where it succeeds, or 0."""
    starts = (
        step.fn in _CPU_ON
        and len(step.args) > 1
        and isinstance(step.args[1], EntrySlot)
        and step.args[1].offset == 0
        and arguments[0] in platform.mpidrs
    )
    return 1 + platform.mpidrs.index(arguments[0]) if starts else 0
