"""One trace of a campaign: its verdict, what its deviations are, the overlap it reached, the rules it exercised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

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
)
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.specification import SPECIFICATION, Specification
from psci.oracle.checker.checker import Checker, TraceError, detail_of
from psci.oracle.checker.configuration import Configuration
from psci.oracle.checker.report import Finding, Report, Verdict, result_text
from psci.oracle.checker.silent_moves import PERMISSIONS
from psci.oracle.checker.worlds import Detail
from psci.oracle.peers.program import CallStep, EntrySlot, Program, ProgramStep
from psci.oracle.profiles.narrowing import narrowed


class DeviationKey(NamedTuple):
    """What a deviation is: two findings with the same key are the same deviation."""

    what: str
    """The function that was called, or the kind of event."""
    observed: str
    rules: tuple[str, ...]
    """The rules whose outcomes were allowed instead; where no call is judged, the facts that are broken."""

    def __str__(self) -> str:
        return f"{self.what} {self.observed} [{', '.join(self.rules)}]"


def alike(one: DeviationKey, other: DeviationKey) -> bool:
    """Whether two deviations are of the same kind: what is undeclared in a trace may leave other rules open."""
    same = one.what == other.what and one.observed == other.observed
    return same and (one.rules == other.rules or bool(set(one.rules) & set(other.rules)))


@dataclass(frozen=True, slots=True)
class Deviation:
    """One deviation in one trace."""

    key: DeviationKey
    finding: Finding
    at: int
    """The index of its event in the trace."""
    cites: tuple[str, ...]


@dataclass(slots=True)
class Overlap:
    """How many calls were in flight together with a call of another core; waiting for a wakeup does not count."""

    calls: int = 0
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By the names of the two functions, in alphabetical order."""

    def add(self, other: Overlap) -> None:
        """Count those of another trace too."""
        self.calls += other.calls
        self.pairs.update(other.pairs)


@dataclass(slots=True)
class Judgement:
    """What the oracle says of one trace."""

    trace: tuple[Event, ...]
    report: Report
    deviations: list[Deviation] = field(default_factory=list)
    unanswered: list[Deviation] = field(default_factory=list)
    """Calls without an answer that no rule explains; to be repeated with more patience."""
    exercised: Counter[str] = field(default_factory=Counter)
    """How often each rule of a call explained what was seen."""
    situations: Counter[str] = field(default_factory=Counter)
    """How often each amendment's condition held."""
    overlap: Overlap = field(default_factory=Overlap)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the trace."""
        return self.report.verdict


class Judge:
    """Judges traces of one implementation; what was compiled for a machine is used again for the next trace of it."""

    def __init__(
        self,
        specification: Specification = SPECIFICATION,
        *,
        psci: str | None = None,
        profile: Mapping[str, Any] | None = None,
        reading: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare to judge.

        Args:
            specification: the rules, with the amendments of the implementation's quirks.
            psci: the version to judge against; default: the one that a trace names.
            profile: what the implementation declares.
            reading: how DEN0022 is read where it can be read in two ways.
        """
        self.specification = specification
        self._psci = psci
        self._profile = profile
        self._reading = reading
        self._prepared: dict[Any, Checker] = {}
        self._amended = {
            owner for owner, rules in specification.rules.items() if any(r.modality is Modality.AMENDS for r in rules)
        }

    def declared(self, trace: Sequence[Event]) -> tuple[Event, ...]:
        """The trace, with the version, profile and readings that it is judged by in its machine event."""
        machine, *rest = trace
        if not isinstance(machine, MachineEvent):
            raise TraceError("event 1: a trace begins with a machine event")
        machine = replace(
            machine,
            psci=self._psci or machine.psci,
            profile=machine.profile if self._profile is None else narrowed(self._profile, machine.cpus),
            reading=machine.reading if self._reading is None else self._reading,
        )
        return (machine, *rest)

    def judge(self, trace: Sequence[Event], reporting: Container[int] | None = None) -> Judgement:
        """Judge a trace.

        Args:
            trace: what happened.
            reporting: the addresses at which a core that is entered can say so; a core that was sent elsewhere is lost,
                and its silence means nothing. None: every address.

        Raises:
            TraceError: the events are not a trace.
        """
        events = self.declared(trace)
        machine = events[0]
        assert isinstance(machine, MachineEvent)
        checker = self._checker(machine, detail_of(events))
        judgement = Judgement(events, checker.report, overlap=overlap(events, self.specification))
        _Watch(checker, judgement, self._amended, reporting).run(events)
        return judgement

    def _checker(self, machine: MachineEvent, detail: Detail) -> Checker:
        # The exact text of the declarations decides what is folded into the compiled rules.
        key = (
            detail,
            repr((machine.psci, machine.cpus, machine.boot_cpu, machine.profile, machine.reading, machine.topology)),
        )
        checker = Checker(machine, self.specification, like=self._prepared.get(key), detail=detail)
        self._prepared[key] = checker
        return checker


class _Watch:
    """Feeds a checker and notes what its report does not tell."""

    def __init__(
        self, checker: Checker, judgement: Judgement, amended: set[str], reporting: Container[int] | None
    ) -> None:
        self.checker = checker
        self.judgement = judgement
        self.amended = amended
        self.reporting = reporting
        self.open: dict[int, tuple[str, bool, list[Rule]]] = {}
        """For each core: the function it called, whether by its SMC64 id, and the rules by which it need not return."""

    def run(self, events: Sequence[Event]) -> None:
        report = self.judgement.report
        for at, event in enumerate(events[1:], start=1):
            if isinstance(event, EndEvent):
                break
            if isinstance(event, TimeoutEvent) and self._is_lost(event.cpu):
                continue
            deviations, unknown = report.verdicts[Verdict.DEVIATES], report.verdicts[Verdict.UNKNOWN]
            promised = self._promised(event)
            before = self.checker.configurations
            self.checker.feed(event)
            if report.verdicts[Verdict.DEVIATES] > deviations:
                self.judgement.deviations.append(self._deviation(at, event, report.findings[-1], before))
            elif report.verdicts[Verdict.UNKNOWN] > unknown and isinstance(event, TimeoutEvent):
                self.judgement.unanswered.append(self._unanswered(at, event, promised))
            else:
                self._ended_silently(event)
            self._follow(event)
        self.judgement.exercised.update(report.rules)

    def _is_lost(self, cpu: int) -> bool:
        """Whether the core may have been started at an address where it cannot report its entry."""
        if self.reporting is None:
            return False
        core = self.checker.machine.core_of[cpu]
        states = [configuration.state for configuration in self.checker.configurations]
        return any(
            (state.power[core] == "ON_PENDING" or state.activity[core] in ("ENTERING", "POWERDOWN"))
            and state.entry[core] not in self.reporting
            for state in states
        )

    def _follow(self, event: Event) -> None:
        match event:
            case CallEvent(cpu=cpu, fn=fn):
                function, wide = self.checker.stepper.function(fn)
                name = function.name if function else "UNKNOWN"
                self.open[cpu] = (name, wide, self._silent_rules(cpu, name))
            case ReturnEvent(cpu=cpu) | EnterEvent(cpu=cpu):
                self.open.pop(cpu, None)
            case SystemEvent() | BootEvent():
                self.open.clear()

    def _silent_rules(self, cpu: int, name: str) -> list[Rule]:
        """The rules by which the call that a core just made need not return; counts the conditions of amendments."""
        stepper = self.checker.stepper
        rules = [rule for rule in stepper.specification.rules[name] if rule.completion is not Completion.RETURNS]
        if not rules and name not in self.amended:
            return []
        core = self.checker.machine.core_of[cpu]
        silent: set[str] = set()
        situations: set[str] = set()
        for configuration in self.checker.configurations:
            pending = configuration.call_of(core)
            if pending is None or pending.outcome is not None:
                continue
            allowed = next(stepper.under_all_answers(configuration.state, pending.call, configuration.assumptions))
            plain = {(o.completion, o.value) for o in allowed.outcomes if o.rule.modality is not Modality.AMENDS}
            for outcome in allowed.outcomes:
                # Where a rule gives the same answer, the amendment cannot show.
                if outcome.rule.modality is Modality.AMENDS and (outcome.completion, outcome.value) not in plain:
                    situations.add(outcome.rule.name)
            silent |= {o.rule.name for o in allowed.outcomes if o.rule.completion is not Completion.RETURNS}
        self.judgement.situations.update(situations)
        return [rule for rule in rules if rule.name in silent]

    def _ended_silently(self, event: Event) -> None:
        """A call that did not return exercised the rule that lets it, once something else explains the core."""
        ended: Iterator[tuple[str, bool, list[Rule]]] = iter(())
        if isinstance(event, EnterEvent | TimeoutEvent) and event.cpu in self.open:
            ended = iter((self.open[event.cpu],))
        elif isinstance(event, SystemEvent | BootEvent):
            ended = iter(self.open.values())
        for _, _, rules in ended:
            names = {rule.name for rule in rules}
            self.judgement.exercised.update(names)

    def _promised(self, event: Event) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The rules and facts that promise an answer to the core that timed out."""
        if not isinstance(event, TimeoutEvent):
            return (), ()
        core = self.checker.machine.core_of[event.cpu]
        rules: dict[str, Rule] = {}
        for configuration in self.checker.configurations:
            pending = configuration.call_of(core)
            if pending is not None and pending.outcome is not None:
                rules[pending.outcome.rule.name] = pending.outcome.rule
            elif pending is not None:
                for allowed in self.checker.stepper.under_all_answers(
                    configuration.state, pending.call, configuration.assumptions
                ):
                    answering = [o.rule for o in allowed.outcomes if o.rule.completion is not Completion.NEVER]
                    rules.update({rule.name: rule for rule in answering})
        if not rules:
            return ("START.initialised",), ("CPU_ON-23", "SM-8")
        return tuple(sorted(rules)), tuple(dict.fromkeys(fact for rule in rules.values() for fact in rule.cites))

    def _unanswered(self, at: int, event: TimeoutEvent, promised: tuple[tuple[str, ...], tuple[str, ...]]) -> Deviation:
        rules, cites = promised
        name = self.open[event.cpu][0] if event.cpu in self.open else "START"
        key = DeviationKey(name, "gives no answer", _without_amendments(rules, self.checker.stepper.specification))
        wanted = f"an answer by {', '.join(rules)}"
        finding = Finding(at, f"core {event.cpu:#x} gave no answer", wanted, rules, cites, None)
        return Deviation(key, finding, at, cites)

    def _certain(self, configurations: Iterable[Configuration], cpu: int) -> set[str]:
        """The rules that speak about a core's call in every explanation, whatever is undeclared; else those of any."""
        core = self.checker.machine.core_of[cpu]
        groups: list[set[str]] = []
        for configuration in configurations:
            pending = configuration.call_of(core)
            # Where the call was decided at once, its rules are known from before.
            if pending is not None and pending.outcome is None:
                groups += [
                    _binding([outcome.rule for outcome in allowed.outcomes])
                    for allowed in self.checker.stepper.under_all_answers(
                        configuration.state, pending.call, configuration.assumptions
                    )
                ]
        return set.intersection(*groups) or set.union(*groups) if groups else set()

    def _deviation(self, at: int, event: Event, finding: Finding, before: Iterable[Configuration]) -> Deviation:
        specification = self.checker.stepper.specification
        if isinstance(event, ReturnEvent):
            name, wide, _ = self.open.get(event.cpu, ("UNKNOWN", True, []))
            rules = _without_amendments(sorted(self._certain(before, event.cpu)), specification)
            key = DeviationKey(name, f"returns {answer_text(event.x0, wide)}", rules)
            near = finding.nearest.cites if finding.nearest else ()
            return Deviation(key, finding, at, tuple(dict.fromkeys((*finding.cites, *near))))
        return Deviation(DeviationKey(*_event_text(event), finding.cites), finding, at, finding.cites)


def _binding(rules: Sequence[Rule]) -> set[str]:
    """The names of the rules that are more than permissions; of the permissions where there is nothing else."""
    firm = {rule.name for rule in rules if rule.modality not in PERMISSIONS}
    return firm or {rule.name for rule in rules}


def answer_text(x0: int, wide: bool) -> str:
    """An answer, as one deviation names it: the code, or the number, with what is wrong with its width."""
    text = result_text(x0, wide)
    if wide and x0 >> 32 == 0 and x0 >> 31 == 1:
        return f"{result_text(x0, False)} in 32 bits"
    return text.partition(" (")[0]


def _event_text(event: Event) -> tuple[str, str]:
    match event:
        case EnterEvent():
            return "ENTER", "unexpected"
        case CallEvent():
            return "CALL", "by a core that does not run"
        case SystemEvent(event=what):
            return "SYSTEM", what
        case BootEvent(cause=cause):
            return "BOOT", cause
        case ObserveEvent(power=power):
            return "OBSERVE", power
    return event.k.upper(), "unexpected"


def _without_amendments(names: Sequence[str], specification: Specification) -> tuple[str, ...]:
    """A deviation is the same one whether or not another one is listed."""
    amendments = {rule.name for rule in specification.every_rule() if rule.modality is Modality.AMENDS}
    return tuple(sorted(set(names) - amendments))


def overlap(events: Sequence[Event], specification: Specification = SPECIFICATION) -> Overlap:
    """How far the calls of different cores overlap in a trace."""
    found = Overlap()
    open_calls: dict[int, tuple[str, bool]] = {}
    counted: set[int] = set()
    for event in events:
        match event:
            case CallEvent(cpu=cpu, fn=fn):
                function, _ = specification.call_of.get(fn, (None, False))
                name = function.name if function else "UNKNOWN"
                counted.discard(cpu)
                for other, (other_name, other_returns) in open_calls.items():
                    if other_returns and other != cpu:
                        found.calls += (other not in counted) + (cpu not in counted)
                        counted |= {other, cpu}
                        first, second = sorted((name, other_name))
                        found.pairs[first, second] += 1
                waits = function is not None and any(
                    r.completion is not Completion.RETURNS for r in specification.rules[name]
                )
                open_calls[cpu] = (name, not waits)
            case ReturnEvent(cpu=cpu) | EnterEvent(cpu=cpu):
                open_calls.pop(cpu, None)
            case SystemEvent() | BootEvent():
                open_calls.clear()
    return found


def entries_of(program: Program, trace: Sequence[Event]) -> frozenset[int]:
    """The addresses of the entry slots that a program's calls named, as they are in its trace."""
    found: set[int] = set()
    life = 0
    waiting = [_calls_of_each_core(steps) for steps in program.lives]
    cores = next((event.cpus for event in trace if isinstance(event, MachineEvent)), ())
    for event in trace:
        if isinstance(event, BootEvent):
            life += 1
        elif isinstance(event, CallEvent) and life < len(waiting):
            own = waiting[life].get(cores.index(event.cpu), [])
            step = own.pop(0) if own else None
            for named, word in zip(step.args if step else (), event.args, strict=False):
                if isinstance(named, EntrySlot) and not named.offset:
                    found.add(word)
    return frozenset(found)


def _calls_of_each_core(steps: Sequence[ProgramStep]) -> dict[int, list[CallStep]]:
    own: dict[int, list[CallStep]] = {}
    for step in steps:
        if isinstance(step, CallStep):
            own.setdefault(step.cpu, []).append(step)
    return own


__all__ = [
    "Deviation",
    "DeviationKey",
    "Judge",
    "Judgement",
    "Overlap",
    "alike",
    "answer_text",
    "entries_of",
    "overlap",
]
