"""A campaign: programs are generated, run on a peer and judged, until there were enough calls or no more time."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from psci.host.requirements import CannotRun
from psci.model.events import Event, MachineEvent
from psci.model.specification import SPECIFICATION
from psci.oracle.campaign.judging import Deviation, DeviationKey, Judge, Judgement, Overlap, entries_of
from psci.oracle.campaign.reach import in_reach
from psci.oracle.checker.report import Finding, Report, Verdict
from psci.oracle.generating.generator import Generator, ProgramShape
from psci.oracle.peers.peer import Peer, PeerDied, PeerError
from psci.oracle.peers.program import Program
from psci.oracle.peers.quirks import Quirk, amended, is_stale
from psci.oracle.profiles.asking import declared_in, inferred, questions
from psci.oracle.profiles.declaration import machine_from

REPEATS = 3
"""So often is a program with an unanswered call repeated, with more patience; where no answer is missing then, it was
slow."""
PATIENCE = 10.0
"""How many times the usual limits a repetition may take."""
DEATHS_OF_A_PROGRAM = 2
"""How often a program that the peer dies of is run: once may be an accident."""
DEADLY_PROGRAMS_IN_A_ROW = 3
"""After so many programs that the peer died of every time the campaign gives up."""
DEATH = "PEER"
"""What is named where a peer died."""
STARTS = 3
"""How often a peer that dies at its start is tried."""
EPOCH = 64
"""Programs that are generated with one memory of what was covered: an epoch depends on the seed and its number only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPlan:
    """What a campaign is to do."""

    seed: int
    calls: int | None = None
    """End after so many calls..."""
    seconds: float | None = None
    """...or after so many seconds of running, whichever comes first."""
    cpus: int = 4
    psci: str | None = None
    """The version to ask the peer for, where it offers a choice, and to judge against."""
    profile: Mapping[str, Any] = field(default_factory=dict)
    options: tuple[Mapping[str, str], ...] = ({},)
    quirks: tuple[Quirk, ...] = ()
    shape: ProgramShape = field(default_factory=ProgramShape)
    first: int = 0
    """The number of the first program to run."""
    job: int = 0
    jobs: int = 1
    """Every so-manyth epoch, from epoch `job` on, belongs to this campaign."""
    until_found: bool = False
    """End at the first deviation."""


@dataclass(slots=True)
class FoundDeviation:
    """A deviation, how often it was seen, and the first program that showed it."""

    deviation: Deviation
    judgement: Judgement
    program: Program
    number: int
    """Which of the campaign's programs it was."""
    count: int = 1


@dataclass(slots=True)
class CampaignResult:
    """What a campaign found out, so far."""

    plan: CampaignPlan
    version: str = ""
    psci: str = ""
    programs: int = 0
    calls: int = 0
    events: int = 0
    seconds: float = 0.0
    """From the first program to the last verdict."""
    running: float = 0.0
    """Of these, waiting for the peer."""
    checking: float = 0.0
    generating: float = 0.0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    exercised: Counter[str] = field(default_factory=Counter)
    permissions: Counter[str] = field(default_factory=Counter)
    situations: Counter[str] = field(default_factory=Counter)
    overlap: Overlap = field(default_factory=Overlap)
    found: dict[DeviationKey, FoundDeviation] = field(default_factory=dict)
    consequential: int = 0
    repeated: int = 0
    """Programs that were run again because a call had no answer."""
    slow: int = 0
    """Of these, those in which every call had an answer in the end."""
    died: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    next: int = 0
    """The number of the next program."""
    widest: int = 1
    interrupted: bool = False
    gave_up: bool = False
    profiles: list[Mapping[str, Any]] = field(default_factory=list)
    """What was declared and inferred, for each set of options."""
    in_reach: dict[str, None] = field(default_factory=dict)
    """The rules of calls that the peer can show, as far as its profiles tell."""

    @property
    def quirks_used(self) -> Mapping[str, int]:
        """How often each quirk explained what no rule does."""
        return {quirk.name: self.permissions[quirk.name] for quirk in self.plan.quirks}

    @property
    def stale_quirks(self) -> list[Quirk]:
        """The quirks that no longer occur although their condition was met."""
        return [q for q in self.plan.quirks if is_stale(q, self.situations[q.name], self.permissions[q.name])]

    @property
    def permissions_used(self) -> Mapping[str, int]:
        """How often only a permission of DEN0022 explained an answer."""
        listed = {quirk.name for quirk in self.plan.quirks}
        return {name: count for name, count in sorted(self.permissions.items()) if name not in listed}


class Campaign:
    """Runs programs on one peer and keeps what they showed."""

    def __init__(
        self,
        plan: CampaignPlan,
        peer: Peer,
        patient: Callable[[], Peer],
        tell: Callable[[CampaignResult], None] | None = None,
        found: Callable[[FoundDeviation], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a campaign.

        Args:
            plan: what it is to do.
            peer: the implementation under test.
            patient: opens the same implementation with `PATIENCE` times the limits.
            tell: is told the result so far, after each program.
            found: is told each deviation when it is seen for the first time.
            clock: what the seconds of the plan are measured by.
        """
        self.plan = plan
        self.peer = peer
        self.result = CampaignResult(plan, version=peer.version)
        self.specification = amended(plan.quirks)
        self._kinds: list[_Kind] = []
        self._open_patient = patient
        self._patient: Peer | None = None
        self._tell = tell or (lambda result: None)
        self._found = found or (lambda found: None)
        self._clock = clock
        self._deadly = 0

    def run(self) -> CampaignResult:
        """Run it; Ctrl-C ends it with what there is.

        Raises:
            PeerError: the peer cannot run even the first program.
        """
        try:
            kinds = self._kinds = [_Kind(self, options) for options in self.plan.options]
            self.result.running = self.result.checking = 0.0
            began = self._clock()
            for number, kind, program in self._programs(kinds):
                self._one(number, kind, program)
                self.result.next = number + 1
                self.result.seconds = self._clock() - began
                self._tell(self.result)
        except KeyboardInterrupt:
            self.result.interrupted = True
        finally:
            if self._patient is not None:
                self._patient.close()
        return self.result

    def judge_of(self, program: Program) -> Judge:
        """What judges the traces of a program of this campaign."""
        return next(kind.judge for kind in self._kinds if kind.generator.options == program.options)

    def _programs(self, kinds: Sequence[_Kind]) -> Iterator[tuple[int, _Kind, Program]]:
        plan = self.plan
        for epoch in itertools.count(plan.first // EPOCH):
            if epoch % plan.jobs != plan.job:
                continue
            for kind in kinds:
                kind.generator.forget()
            for number in range(epoch * EPOCH, (epoch + 1) * EPOCH):
                if self._enough():
                    return
                kind = kinds[number % len(kinds)]
                began = time.monotonic()
                program = kind.generator.program(Random(f"{plan.seed}:{number}"), kind.generator.memory)
                self.result.generating += time.monotonic() - began
                # One that was run before is only generated, for what the generator remembers.
                if number >= plan.first:
                    yield number, kind, program

    def _enough(self) -> bool:
        plan, result = self.plan, self.result
        return (
            result.gave_up
            or (plan.until_found and bool(result.found))
            or (plan.calls is not None and result.calls >= plan.calls)
            or (plan.seconds is not None and result.seconds >= plan.seconds)
        )

    def _one(self, number: int, kind: _Kind, program: Program) -> None:
        trace = self._trace(number, program)
        if trace is None:
            return
        judgement = self._judged(kind.judge, program, trace)
        if judgement.unanswered:
            judgement = self._with_patience(kind.judge, program, judgement)
        self._keep(number, program, judgement)

    def _trace(self, number: int, program: Program) -> tuple[Event, ...] | None:
        """The trace of a program; a peer that dies is started again, and its death is a deviation."""
        for _ in range(DEATHS_OF_A_PROGRAM):
            began = time.monotonic()
            try:
                (trace,) = self.peer.run([program])
                self._deadly = 0
                return trace
            except PeerDied as death:
                self.result.died.append(f"program {number}: {death}")
                self._add(FoundDeviation(*death_of(death), program, number))
            except CannotRun as error:
                self.result.problems.append(str(error))
                return None
            finally:
                self.result.running += time.monotonic() - began
        self._deadly += 1
        self.result.gave_up = self._deadly >= DEADLY_PROGRAMS_IN_A_ROW
        return None

    def _judged(self, judge: Judge, program: Program, trace: Sequence[Event]) -> Judgement:
        began = time.monotonic()
        judgement = judge.judge(trace, entries_of(program, trace))
        self.result.checking += time.monotonic() - began
        return judgement

    def _with_patience(self, judge: Judge, program: Program, first: Judgement) -> Judgement:
        """What a program with an unanswered call shows when we wait longer; what stays unanswered is a deviation."""
        if all(unanswered.key in self.result.found for unanswered in first.unanswered):
            first.deviations += first.unanswered
            return first
        self.result.repeated += 1
        last, missing = first, None
        for _ in range(REPEATS):
            if self._patient is None:
                self._patient = self._open_patient()
            began = time.monotonic()
            try:
                (trace,) = self._patient.run([program])
            except CannotRun as error:
                self.result.problems.append(str(error))
                return first
            finally:
                self.result.running += time.monotonic() - began
            last = self._judged(judge, program, trace)
            # In a race the answer is missing now and then, however long we wait.
            missing = missing or (last if last.unanswered else None)
        if missing is None:
            self.result.slow += 1
            return last
        missing.deviations += missing.unanswered
        return missing

    def _keep(self, number: int, program: Program, judgement: Judgement) -> None:
        result, report = self.result, judgement.report
        result.programs += 1
        result.calls += report.calls
        result.events += report.events
        result.verdicts.update(report.verdicts)
        result.exercised.update(judgement.exercised)
        result.permissions.update(report.permissions)
        result.situations.update(judgement.situations)
        result.overlap.add(judgement.overlap)
        result.problems += [] if judgement.unanswered else report.problems
        result.widest = max(result.widest, report.widest)
        for deviation in judgement.deviations:
            if deviation.finding.consequential:
                result.consequential += 1
            else:
                self._add(FoundDeviation(deviation, judgement, program, number))

    def _add(self, found: FoundDeviation) -> None:
        known = self.result.found.setdefault(found.deviation.key, found)
        if known is found:
            self._found(found)
        else:
            known.count += 1


class _Kind:
    """The machines that a peer makes with one set of its options: asked what they are, then generated for."""

    def __init__(self, campaign: Campaign, options: Mapping[str, str]) -> None:
        plan = campaign.plan
        program = questions(plan.cpus, plan.psci, options)
        began = time.monotonic()
        trace = _asked(campaign, program)
        campaign.result.running += time.monotonic() - began
        profile = {**inferred(trace), **declared_in(trace), **plan.profile}
        self.judge = Judge(campaign.specification, psci=plan.psci, profile=profile)
        self.judge_asked = self.judge.judge(trace)
        machine = self.judge_asked.trace[0]
        assert isinstance(machine, MachineEvent)
        described = machine_from(machine)
        campaign.result.in_reach |= dict.fromkeys(in_reach(described, SPECIFICATION))
        self.generator = Generator(described, campaign.specification, psci=plan.psci, options=options, shape=plan.shape)
        campaign.result.psci = machine.psci
        campaign.result.profiles.append(profile)
        campaign._keep(-1, program, self.judge_asked)
        with suppress(AttributeError):
            campaign.result.version = campaign.peer.version


def _asked(campaign: Campaign, program: Program) -> tuple[Event, ...]:
    """The answers of a peer that was just started; one that dies at once is tried again."""
    for attempt in range(STARTS):
        try:
            (trace,) = campaign.peer.run([program])
            return trace
        except PeerDied as death:
            campaign.result.died.append(f"at its start: {death}")
            if attempt == STARTS - 1:
                raise PeerError(f"{death} (at its start, {STARTS} times)") from death
    raise AssertionError


def death_of(death: PeerDied) -> tuple[Deviation, Judgement]:
    """The death of a peer as a deviation, and what is known of the trace that led there."""
    machine = death.trace[0] if death.trace else None
    report = Report(machine.psci if isinstance(machine, MachineEvent) else "")
    at = max(len(death.trace) - 1, 0)
    finding = Finding(at, str(death), "an implementation that goes on", (), (), None)
    deviation = Deviation(DeviationKey(DEATH, death.how, ()), finding, at, ())
    return deviation, Judgement(death.trace, report)


__all__ = ["Campaign", "CampaignPlan", "CampaignResult", "FoundDeviation"]
