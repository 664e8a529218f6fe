"""From a deviation that a campaign found to the smallest program that shows it, and how reliably."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from psci.host.requirements import CannotRun
from psci.model.events import BootEvent, CallEvent, EnterEvent, MachineEvent, ReturnEvent, SystemEvent
from psci.model.specification import SPECIFICATION
from psci.oracle.campaign.campaign import DEATH, CampaignResult, FoundDeviation, death_of
from psci.oracle.campaign.judging import Deviation, DeviationKey, Judge, Judgement, alike, entries_of
from psci.oracle.campaign.saved import SavedDeviation
from psci.oracle.campaign.shrinker import Rate, Shrinker, measure
from psci.oracle.peers.peer import Peer, PeerDied
from psci.oracle.peers.program import CallStep, Program, ProgramStep

_SHORT_RUNS = 2
_FIRST_RUNS = 5
_LAST_RUNS = 10
_RUNS_OF_A_RACE = 60
"""How often a small program that showed a race in a loop is run by itself."""
_LOOP = (2, 32)
"""The fewest and the most times that the lives of a race are repeated in one run..."""
_STEPS_OF_A_LOOP = 160
"""...which has about so many steps: what shows once in ten times then shows in most runs, and none takes long."""


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A shrunk program, what it showed last, and how often it shows it."""

    found: FoundDeviation
    program: Program
    judgement: Judgement
    rate: Rate

    @property
    def is_observation(self) -> bool:
        """Seen once in a whole campaign and never again, although it was tried."""
        return self.found.count == 1 and self.rate.of > 0 and self.rate.seen == 0

    def saved(self, request: Mapping[str, str], result: CampaignResult, command: str) -> SavedDeviation:
        """What is written to a file."""
        machine = self.judgement.trace[0] if self.judgement.trace else None
        psci, profile = result.psci, {}
        if isinstance(machine, MachineEvent):
            psci = machine.psci
            profile = dict(machine.profile) if isinstance(machine.profile, Mapping) else {}
        deviation = shown(self.judgement, self.found.deviation.key) or self.found.deviation
        return SavedDeviation(
            peer=request, version=result.version, command=command, seed=result.plan.seed, number=self.found.number,
            psci=psci, profile=profile, key=deviation.key, facts=deviation.cites,
            text=tuple(deviation.finding.lines()), rate=self.rate, program=self.program, trace=self.judgement.trace,
        )  # fmt: skip


def as_found(found: FoundDeviation) -> Reproduced:
    """A deviation as it was seen, not yet run again."""
    return Reproduced(found, found.program, found.judgement, Rate(1, 1))


def shown(judgement: Judgement, key: DeviationKey) -> Deviation | None:
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
    found: FoundDeviation
    may_go_on: Callable[[], bool]
    """Says no when the time for it is over."""
    last: Judgement = field(init=False)
    so_far: Reproduced = field(init=False)
    loop: bool = False
    """The lives of a program are repeated in one run."""
    _shrinker: Shrinker | None = None

    def __post_init__(self) -> None:
        self.last = self.found.judgement
        self.so_far = as_found(self.found)

    def confirm(self) -> Reproduced:
        """Run the program again; a race that does not always come back is run in a loop of the life that showed it."""
        program = self.found.program
        for candidate in self._up_to_the_deviation(program):
            # The short way is tried first: most deviations do not depend on what came before.
            if any(self.may_go_on() and self.test(candidate) for _ in range(_SHORT_RUNS)):
                program = candidate
                break
        rate = measure(program, self.test, _FIRST_RUNS, self.may_go_on)
        self.so_far = Reproduced(self.found, program, self.last, rate)
        if rate.certain:
            return self.so_far
        for candidate in self._up_to_the_deviation(program):
            if len(candidate.lives) > 1 or not self.may_go_on():
                continue
            self.loop = True
            again = measure(candidate, self.test, _FIRST_RUNS, self.may_go_on)
            if again.seen / again.of > rate.seen / rate.of:
                self.so_far = Reproduced(self.found, candidate, self.last, again)
                return self.so_far
            self.loop = False
        return self.so_far

    def shrink(self) -> Reproduced:
        """The smallest program found, after `confirm` has seen it again."""
        start = self.so_far
        if not start.rate.seen:
            return start
        smallest = start.program
        if self.may_go_on():
            machine = next((e for e in self.found.judgement.trace if isinstance(e, MachineEvent)), None)
            mpidrs = machine.cpus if machine is not None else tuple(range(start.program.cpus))
            hint = self._up_to_the_deviation
            self._shrinker = Shrinker(self.test, mpidrs, start.rate, self.may_go_on, hint=hint)
            smallest = self._shrinker.shrink(start.program)
        looped, self.loop = self.loop, False
        final = measure(smallest, self.test, _LAST_RUNS, (lambda: True) if looped else self.may_go_on)
        while looped and not final.seen and final.of < _RUNS_OF_A_RACE:
            final = Rate(int(self.test(smallest)), final.of + 1)
        if not final.seen and looped:
            smallest = repeated(smallest)
            final = measure(smallest, self.test, _FIRST_RUNS)
        if final.seen:
            self.so_far = Reproduced(self.found, smallest, self.last, final)
        # Else it was shrunk beyond what can be shown again: the long program is worth more than a short one that
        # shows nothing.
        return self.so_far

    def _up_to_the_deviation(self, program: Program) -> Iterator[Program]:
        """The life that showed it last, with the calls that had been made by then; and all lives up to that one."""
        key = self.found.deviation.key
        deviation = shown(self.last, key)
        if deviation is None and key.what != DEATH:
            return
        before = self.last.trace if deviation is None else self.last.trace[: deviation.at + 1]
        number = sum(isinstance(event, BootEvent) for event in before)
        machine = before[0] if before else None
        if (number >= len(program.lives) and not self.loop) or not isinstance(machine, MachineEvent):
            return
        number %= len(program.lives)
        boots = [at for at, event in enumerate(before) if isinstance(event, BootEvent)]
        made: Counter[int] = Counter(
            machine.cpus.index(event.cpu)
            for event in before[boots[-1] if boots else 0 :]
            if isinstance(event, CallEvent)
        )
        kept: list[ProgramStep] = []
        for step in program.lives[number]:
            if isinstance(step, CallStep):
                made[step.cpu] -= 1
            # What a core did before its last call belongs to it.
            if made[step.cpu] >= 0 and any(count > 0 for count in made.values()) | isinstance(step, CallStep):
                kept.append(step)
        yield replace(program, lives=(tuple(kept),))
        yield replace(program, lives=(program.lives[number],))
        if number > 1:
            yield replace(program, lives=(program.lives[number - 1], tuple(kept)))
        yield replace(program, lives=(*program.lives[:number], tuple(kept)))

    def interrupted(self) -> Reproduced:
        """What there is, when somebody ends it."""
        if self._shrinker is None or self._shrinker.smallest is None:
            return self.so_far
        smallest = self._shrinker.smallest
        return replace(self.so_far, program=repeated(smallest) if self.loop else smallest, judgement=self.last)

    def test(self, program: Program) -> bool:
        """Run a program once; whether it shows the deviation."""
        key = self.found.deviation.key
        program = repeated(program) if self.loop else program
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


def repeated(program: Program) -> Program:
    """The same lives many times over, in one program."""
    fewest, most = _LOOP
    steps = max(1, sum(len(life) for life in program.lives))
    return replace(program, lives=program.lives * max(fewest, min(most, _STEPS_OF_A_LOOP // steps)))


def reproduce(peer: Peer, judge: Judge, found: FoundDeviation, may_go_on: Callable[[], bool]) -> Reproduced:
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


def race_of(found: FoundDeviation) -> list[str]:
    """What was in flight on other cores when a deviation was seen: the race that it may be about."""
    trace = found.judgement.trace
    if found.deviation.at >= len(trace):
        return []
    own: Any = getattr(trace[found.deviation.at], "cpu", None)
    calls: dict[int, str] = {}
    met: dict[str, None] = {}
    for event in trace[: found.deviation.at]:
        match event:
            case CallEvent(cpu=cpu, fn=fn):
                calls[cpu] = _name(fn)
                if cpu == own:
                    # What overlaps the judged call began before it, or begins while it is open.
                    met = {f"{name} of core {other:#x}": None for other, name in calls.items() if other != own}
                elif own in calls:
                    met[f"{_name(fn)} of core {cpu:#x}"] = None
            case ReturnEvent(cpu=cpu) | EnterEvent(cpu=cpu):
                calls.pop(cpu, None)
            case SystemEvent() | BootEvent():
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
