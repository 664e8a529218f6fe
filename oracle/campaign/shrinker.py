"""Making a program that shows a deviation as small as it can be.

Our own loop, because races make a test's answer uncertain: every candidate is run as often as the
rate of the deviation demands. The order of candidates is fixed, so that a deterministic peer always
ends at the same program.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from psci.oracle.peers.program import ArgumentValue, CallStep, EntrySlot, ObserveStep, Program, ProgramStep, WakeStep

Test: TypeAlias = Callable[[Program], bool]
"""Runs a program once and tells whether it shows the deviation."""

_MISSES_ALLOWED = 0.05
"""How likely it may be that a candidate is given up although it can show the deviation."""
_FEWEST_RUNS_OF_A_RACE = 4
_MOST_RUNS = 25
_RUNS_TO_STAY_CERTAIN = 2
_RUNS_TO_LOOK_AGAIN = 5
_RUNS_TO_SETTLE = 12
_SHORT = 12
"""Steps of a life that is short enough to try what costs many runs."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a deviation was seen."""

    seen: int
    of: int

    @property
    def certain(self) -> bool:
        """Seen in every run."""
        return self.seen == self.of

    @property
    def runs(self) -> int:
        """How many runs it takes to be fairly sure to see it once."""
        if self.certain:
            return 1
        share = max(self.seen, 0.5) / self.of
        wanted = math.ceil(math.log(_MISSES_ALLOWED) / math.log(1 - share))
        return max(_FEWEST_RUNS_OF_A_RACE, min(wanted, _MOST_RUNS))


def measure(program: Program, test: Test, runs: int, may_go_on: Callable[[], bool] = lambda: True) -> Rate:
    """Run a program so many times, or fewer where time is over, but once at least."""
    rate = Rate(int(test(program)), 1)
    while rate.of < runs and may_go_on():
        rate = Rate(rate.seen + test(program), rate.of + 1)
    return rate


@dataclass(slots=True)
class Shrinker:
    """Shrinks one program.

    `mpidrs` are those of the machine's cores: where cores change places, so do the arguments that
    name them. `may_go_on` is asked before every run; when it says no, the smallest program so far
    is the result.
    """

    test: Test
    mpidrs: Sequence[int]
    rate: Rate
    may_go_on: Callable[[], bool] = lambda: True
    hint: Callable[[Program], Iterator[Program]] = lambda program: iter(())
    """Programs that probably show it too, by what the last run of this one showed; the boldest first."""
    runs: int = 0
    smallest: Program | None = None
    """The smallest program so far: what there is when somebody interrupts."""

    def shrink(self, program: Program) -> Program:
        """The smallest program found that still shows the deviation."""
        self.smallest = program
        smallest = normal(program)
        if smallest != program and not self._shows(smallest):
            smallest = program
        smallest = self._once(smallest)
        if self.may_go_on():
            # A long program may show a race every time, and a short one not: then candidates were given up too soon.
            self.rate = self._measured(smallest, _RUNS_TO_SETTLE)
            if not self.rate.certain and self.rate.seen:
                smallest = self._once(smallest)
        return smallest

    def _measured(self, program: Program, runs: int) -> Rate:
        rate = measure(program, self.test, runs, self.may_go_on)
        self.runs += rate.of
        return rate

    def _once(self, smallest: Program) -> Program:
        """Every kind of candidate, until none is smaller."""
        seen: set[str] = set()
        progress = True
        while progress:
            progress = False
            structural = (
                self.hint,
                _fewer_lives,
                _fewer_steps,
                _apart,
                _after_others,
                self._fewer_cores,
                self._other_roles,
            )
            for candidates in (*structural, _plainer_steps, _plainer_arguments):
                bold = candidates in structural
                while (found := self._first(candidates(smallest), smallest, seen, bold)) is not None:
                    smallest, progress = found, True
                    self.smallest = found
                    self._look_again(found)
        return smallest

    def _as_often(self, program: Program) -> bool:
        """A program that is only plainer has to show it as reliably: else the plainer one is worth less."""
        return not self.rate.certain or self._measured(program, _RUNS_TO_STAY_CERTAIN).certain

    def _first(self, candidates: Iterator[Program], than: Program, seen: set[str], structural: bool) -> Program | None:
        size = weight(than)
        for candidate in map(normal, candidates):
            text = repr(candidate)
            if text in seen or weight(candidate) >= size:
                continue
            seen.add(text)
            if not self.may_go_on():
                return None
            if self._shows(candidate) and (structural or self._as_often(candidate)):
                return candidate
        return None

    def _shows(self, program: Program) -> bool:
        for _ in range(self.rate.runs):
            if not self.may_go_on():
                return False
            self.runs += 1
            if self.test(program):
                return True
        return False

    def _look_again(self, program: Program) -> None:
        """A smaller program may show a race more often, and then costs fewer runs; or less often, and needs more."""
        if not self.may_go_on():
            return
        if self.rate.certain:
            rate = self._measured(program, _RUNS_TO_STAY_CERTAIN)
            if rate.certain:
                return
        self.rate = self._measured(program, _RUNS_TO_LOOK_AGAIN)
        if not self.rate.seen:
            self.rate = Rate(1, _RUNS_TO_LOOK_AGAIN + 1)

    def _fewer_cores(self, program: Program) -> Iterator[Program]:
        used = _cores_in(program)
        for cpus in range(1 + max(used), program.cpus):
            yield replace(program, cpus=cpus)
        for gap in sorted(set(range(1, program.cpus)) - used):
            for core in sorted(core for core in used if core > gap):
                yield _swapped(program, core, gap, self.mpidrs)
        for core in sorted(used - {0}):
            yield _each_life(program, partial(_moved_to_boot_core, core))
        for number, life in enumerate(program.lives):
            for at, step in enumerate(life):
                if step.cpu:
                    yield _with_life(program, number, (*life[:at], replace(step, cpu=0), *life[at + 1 :]))

    def _other_roles(self, program: Program) -> Iterator[Program]:
        """A few steps less, and two cores exchange their roles from there on: such a detour has no shorter part."""
        pairs = list(itertools.combinations(sorted(_cores_in(program)), 2))
        for number, life in enumerate(program.lives):
            if len(life) > _SHORT:
                continue
            for size, start, (one, other) in itertools.product((1, 2, 3), range(len(life)), pairs):
                if start + size < len(life):
                    rest = Program(cpus=program.cpus, lives=(life[start + size :],))
                    exchanged = _swapped(rest, one, other, self.mpidrs).lives[0]
                    yield _with_life(program, number, (*life[:start], *exchanged))


def weight(program: Program) -> tuple[int, ...]:
    """How big a program is: lives, steps, cores, steps that overlap or are too early, cores' numbers, arguments."""
    steps = [step for life in program.lives for step in life]
    turns = sum(len({step.turn for step in life}) for life in program.lives)
    return (
        len(program.lives),
        len(steps),
        program.cpus,
        len(steps) - turns,
        sum(_too_early(life) for life in program.lives),
        sum(step.cpu + getattr(step, "target", 0) for step in steps),
        sum(len(step.args) for step in steps if isinstance(step, CallStep)),
        sum(_argument_weight(a) for step in steps if isinstance(step, CallStep) for a in step.args),
        sum(step.fn for step in steps if isinstance(step, CallStep)),
    )


def _too_early(life: Sequence[ProgramStep]) -> int:
    """Steps of other cores than the first that stand before anything that could have started them."""
    return sum(bool(step.cpu) and all(other.cpu == step.cpu for other in life[:at]) for at, step in enumerate(life))


def _argument_weight(argument: ArgumentValue) -> int:
    if isinstance(argument, EntrySlot):
        return argument.slot + 4096 * argument.offset
    return argument


def normal(program: Program) -> Program:
    """The same program with turns counted from 0 without gaps, steps in the order of their turns, and slots from 1."""
    return _each_life(program, _normal_life)


def _normal_life(life: Sequence[ProgramStep]) -> list[ProgramStep]:
    rank = {turn: number for number, turn in enumerate(sorted({step.turn for step in life}))}
    ordered = sorted((replace(step, turn=rank[step.turn]) for step in life), key=lambda step: step.turn)
    slots: dict[int, int] = {}
    for step in ordered:
        for argument in step.args if isinstance(step, CallStep) else ():
            if isinstance(argument, EntrySlot):
                slots.setdefault(argument.slot, len(slots) + 1)
    return [
        replace(step, args=tuple(replace(a, slot=slots[a.slot]) if isinstance(a, EntrySlot) else a for a in step.args))
        if isinstance(step, CallStep)
        else step
        for step in ordered
    ]


def _moved_to_boot_core(core: int, life: Sequence[ProgramStep]) -> list[ProgramStep]:
    return [replace(step, cpu=0) if step.cpu == core else step for step in life]


def _each_life(program: Program, change: Callable[[Sequence[ProgramStep]], Sequence[ProgramStep]]) -> Program:
    return replace(program, lives=tuple(tuple(change(life)) for life in program.lives))


def _with_life(program: Program, number: int, life: Sequence[ProgramStep]) -> Program:
    return replace(program, lives=(*program.lives[:number], tuple(life), *program.lives[number + 1 :]))


# ---- candidates, the boldest first


def _fewer_lives(program: Program) -> Iterator[Program]:
    count = len(program.lives)
    for number in range(count):
        yield replace(program, lives=(program.lives[number],))
    for number in range(count):
        yield replace(program, lives=(*program.lives[:number], *program.lives[number + 1 :])) if count > 1 else program


def _fewer_steps(program: Program) -> Iterator[Program]:
    for number, life in enumerate(program.lives):
        size = len(life)
        while size:
            for start in range(0, len(life), size):
                left = (*life[:start], *life[start + size :])
                if left or len(program.lives) > 1:
                    yield _with_life(program, number, left)
            size //= 2


def _apart(program: Program) -> Iterator[Program]:
    """Every step in a turn of its own: what still shows the deviation then is not a race."""
    yield _each_life(program, lambda life: [replace(step, turn=turn) for turn, step in enumerate(life)])
    for number, life in enumerate(program.lives):
        for at in range(1, len(life)):
            if life[at].turn == life[at - 1].turn:
                later = [replace(step, turn=step.turn + 1) for step in life[at:]]
                yield _with_life(program, number, (*life[:at], *later))


def _after_others(program: Program) -> Iterator[Program]:
    """Two neighbours in another order: turns are a wish, and a reader takes them for the order of what happened."""
    for number, life in enumerate(program.lives):
        if not _too_early(life):
            continue
        for at in range(1, len(life)):
            one, other = life[at - 1 : at + 1]
            if one.cpu != other.cpu and one.turn != other.turn:
                swapped = (replace(other, turn=one.turn), replace(one, turn=other.turn))
                yield _with_life(program, number, (*life[: at - 1], *swapped, *life[at + 1 :]))


def _plainer_steps(program: Program) -> Iterator[Program]:
    """One core or target after the other replaced by the boot core; SMC32 ids for SMC64 ones."""
    for number, life in enumerate(program.lives):
        for at, step in enumerate(life):
            if isinstance(step, WakeStep | ObserveStep) and step.target:
                yield _with_life(program, number, (*life[:at], replace(step, target=0), *life[at + 1 :]))
            elif isinstance(step, CallStep) and step.fn & 0x4000_0000:
                plain = replace(step, fn=step.fn & ~0x4000_0000)
                yield _with_life(program, number, (*life[:at], plain, *life[at + 1 :]))


def _plainer_arguments(program: Program) -> Iterator[Program]:
    for number, life in enumerate(program.lives):
        for at, step in enumerate(life):
            if not isinstance(step, CallStep):
                continue
            if step.args:
                yield _with_life(program, number, (*life[:at], replace(step, args=step.args[:-1]), *life[at + 1 :]))
            for position, argument in enumerate(step.args):
                for plainer in _plainer(argument):
                    args = (*step.args[:position], plainer, *step.args[position + 1 :])
                    yield _with_life(program, number, (*life[:at], replace(step, args=args), *life[at + 1 :]))


def _plainer(argument: ArgumentValue) -> Iterator[ArgumentValue]:
    if isinstance(argument, EntrySlot):
        yield from (replace(argument, offset=offset) for offset in range(argument.offset))
        return
    yield from (value for value in (0, 1, 2, argument & 0xFFFF_FFFF, argument & 0xFF) if value < argument)
    for bit in range(argument.bit_length() - 1, -1, -1):
        if argument >> bit & 1:
            yield argument & ~(1 << bit)
    lowest = argument & -argument
    if argument != lowest:
        yield lowest
        yield 1 << (argument.bit_length() - 1)


def _cores_in(program: Program) -> set[int]:
    steps = [step for life in program.lives for step in life]
    targets = {step.target for step in steps if isinstance(step, WakeStep | ObserveStep)}
    return {0} | {step.cpu for step in steps} | targets


def _swapped(program: Program, one: int, other: int, mpidrs: Sequence[int]) -> Program:
    """The program with two cores' roles exchanged."""
    places = {one: other, other: one}
    names = {mpidrs[one]: mpidrs[other], mpidrs[other]: mpidrs[one]}

    def change(step: ProgramStep) -> ProgramStep:
        step = replace(step, cpu=places.get(step.cpu, step.cpu))
        if isinstance(step, WakeStep | ObserveStep):
            return replace(step, target=places.get(step.target, step.target))
        if isinstance(step, CallStep):
            return replace(step, args=tuple(a if isinstance(a, EntrySlot) else names.get(a, a) for a in step.args))
        return step

    return _each_life(program, lambda life: [change(step) for step in life])


__all__ = ["Rate", "Shrinker", "measure", "normal", "weight"]
