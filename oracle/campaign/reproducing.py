"""From a deviation that a campaign found to the smallest program that shows it, and how reliably."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from psci.host.requirements import CannotRun
from psci.model.events import Boot, Call, Enter, Machine, Return, System
from psci.model.specification import SPECIFICATION
from psci.oracle.campaign.campaign import Found, Result, death_of
from psci.oracle.campaign.judging import Deviation, Judge, Judgement, Key, alike, entries_of
from psci.oracle.campaign.saved import Saved
from psci.oracle.campaign.shrinker import Rate, Shrinker, measure
from psci.oracle.peers.peer import Peer, PeerDied
from psci.oracle.peers.program import Program

_FIRST_RUNS = 5
_LAST_RUNS = 10
_LOOPS = (8, 64)
"""How often the life of a race is repeated within one program, to bring the race back."""


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A shrunk program, what it showed last, and how often it shows it."""

    found: Found
    program: Program
    judgement: Judgement
    rate: Rate

    @property
    def is_observation(self) -> bool:
        """Seen once in a whole campaign and never again, although it was tried."""
        return self.found.count == 1 and self.rate.of > 0 and self.rate.seen == 0

    def saved(self, request: Mapping[str, str], result: Result, command: str) -> Saved:
        """What is written to a file."""
        machine = self.judgement.trace[0] if self.judgement.trace else None
        psci, profile = result.psci, {}
        if isinstance(machine, Machine):
            psci = machine.psci
            profile = dict(machine.profile) if isinstance(machine.profile, Mapping) else {}
        deviation = shown(self.judgement, self.found.deviation.key) or self.found.deviation
        return Saved(
            peer=request, version=result.version, command=command, seed=result.plan.seed, number=self.found.number,
            psci=psci, profile=profile, key=deviation.key, facts=deviation.cites,
            text=tuple(deviation.finding.lines()), rate=self.rate, program=self.program, trace=self.judgement.trace,
        )  # fmt: skip


def as_found(found: Found) -> Reproduced:
    """A deviation as it was seen, not yet run again."""
    return Reproduced(found, found.program, found.judgement, Rate(1, 1))


def shown(judgement: Judgement, key: Key) -> Deviation | None:
    """The deviation of that kind in a trace; a consequence of another one does not count."""
    for deviation in (*judgement.deviations, *judgement.unanswered):
        if alike(deviation.key, key) and not deviation.finding.consequential:
            return deviation
    return None


@dataclass(slots=True)
class Reproducer:
    """Runs the program of one deviation again, and smaller ones.

    Whoever interrupts it finds in `so_far` what there is.
    """

    peer: Peer
    judge: Judge
    found: Found
    may_go_on: Callable[[], bool]
    """Says no when the time for it is over."""
    last: Judgement = field(init=False)
    so_far: Reproduced = field(init=False)
    _shrinker: Shrinker | None = None

    def __post_init__(self) -> None:
        self.last = self.found.judgement
        self.so_far = as_found(self.found)

    def confirm(self) -> Reproduced:
        """Run the program again; a race that does not come back is looked for in a loop of the life that showed it."""
        rate = measure(self.found.program, self.test, _FIRST_RUNS, self.may_go_on)
        program = self.found.program
        if not rate.seen:
            for candidate in _loops(self.found):
                if not self.may_go_on():
                    break
                again = measure(candidate, self.test, _FIRST_RUNS, self.may_go_on)
                if again.seen:
                    program, rate = candidate, again
                    break
        self.so_far = Reproduced(self.found, program, self.last, rate)
        return self.so_far

    def shrink(self) -> Reproduced:
        """The smallest program found, after `confirm` has seen it again."""
        start = self.so_far
        if not start.rate.seen or not self.may_go_on():
            return start
        machine = next((e for e in self.found.judgement.trace if isinstance(e, Machine)), None)
        mpidrs = machine.cpus if machine is not None else tuple(range(start.program.cpus))
        self._shrinker = Shrinker(self.test, mpidrs, start.rate, self.may_go_on)
        smallest = self._shrinker.shrink(start.program)
        final = measure(smallest, self.test, _LAST_RUNS, self.may_go_on)
        if final.seen:
            self.so_far = Reproduced(self.found, smallest, self.last, final)
        # Else it was shrunk beyond what can be shown again: the long program is worth more than a short one that
        # shows nothing.
        return self.so_far

    def interrupted(self) -> Reproduced:
        """What there is, when somebody ends it."""
        if self._shrinker is not None and self._shrinker.smallest is not None:
            return replace(self.so_far, program=self._shrinker.smallest, judgement=self.last)
        return self.so_far

    def test(self, program: Program) -> bool:
        """Run a program once; whether it shows the deviation."""
        key = self.found.deviation.key
        try:
            (trace,) = self.peer.run([program])
        except PeerDied as death:
            deviation, judgement = death_of(death)
            if deviation.key == key:
                self.last = judgement
            return deviation.key == key
        except CannotRun:
            return False
        judgement = self.judge.judge(trace, entries_of(program, trace))
        if shown(judgement, key) is None:
            return False
        self.last = judgement
        return True


def reproduce(peer: Peer, judge: Judge, found: Found, may_go_on: Callable[[], bool]) -> Reproduced:
    """Run the program that showed a deviation again, and shrink it.

    Args:
        peer: the implementation.
        judge: judges as the campaign did.
        found: the deviation.
        may_go_on: says no when the time for it is over.
    """
    made = Reproducer(peer, judge, found, may_go_on)
    made.confirm()
    return made.shrink()


def _loops(found: Found) -> list[Program]:
    """The life that showed a deviation, many times over."""
    before = found.judgement.trace[: found.deviation.at + 1]
    number = sum(isinstance(event, Boot) for event in before)
    if number >= len(found.program.lives):
        return []
    return [replace(found.program, lives=(found.program.lives[number],) * times) for times in _LOOPS]


def race_of(found: Found) -> list[str]:
    """What was in flight on other cores when a deviation was seen: the race that it may be about."""
    trace = found.judgement.trace
    if found.deviation.at >= len(trace):
        return []
    own: Any = getattr(trace[found.deviation.at], "cpu", None)
    calls: dict[int, str] = {}
    met: dict[str, None] = {}
    for event in trace[: found.deviation.at]:
        match event:
            case Call(cpu=cpu, fn=fn):
                calls[cpu] = _name(fn)
                if cpu == own:
                    # What overlaps the judged call began before it, or begins while it is open.
                    met = {f"{name} of core {other:#x}": None for other, name in calls.items() if other != own}
                elif own in calls:
                    met[f"{_name(fn)} of core {cpu:#x}"] = None
            case Return(cpu=cpu) | Enter(cpu=cpu):
                calls.pop(cpu, None)
            case System() | Boot():
                calls.clear()
                met.clear()
    if own not in calls:
        met = {f"{name} of core {other:#x}": None for other, name in calls.items() if other != own}
        return list(met)
    return [f"{calls[own]} of core {own:#x}", *met]


def _name(fn: int) -> str:
    call, _ = SPECIFICATION.call_of.get(fn & 0xFFFF_FFFF, (None, False))
    return call.name if call is not None else f"{fn:#x}"


__all__ = ["Reproduced", "Reproducer", "as_found", "race_of", "reproduce", "shown"]
