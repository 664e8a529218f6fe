"""All questions together: the jobs, run side by side, and what they found, grouped by cause and ranked.

Each job is small and stands by itself, so that the first findings come early and two cores share the work.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import partial

from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.consistency.conflicts import refuted
from psci.explorer.consistency.discovery import (
    ambiguous_values,
    declared_symbols,
    features_against_behaviour,
    one_value_for_two,
    silences,
    untold,
)
from psci.explorer.consistency.findings import FindingKind, RulesFinding, best
from psci.explorer.consistency.prototypes import prototypes
from psci.explorer.consistency.readings import of_reading
from psci.explorer.consistency.settings import (
    ENDS,
    EVERYBODY,
    ONE_WIDTH,
    DeclaredSetting,
    domains,
    odd_claims,
    ordinary,
    others,
    reads_domains,
    symbols_of,
    with_reading,
)
from psci.explorer.consistency.walk import Walk
from psci.model.environment import (
    BOOT,
    ENTER,
    GO_DOWN,
    LOOK,
    LOSE_POWER,
    MOVES,
    REEVALUATE,
    SIGNAL,
    START,
    STOP,
    WAKEUP,
)
from psci.model.errors import InputError
from psci.model.language.rules import Modality, Rule
from psci.model.language.terms import FALSE
from psci.model.return_codes import by_default
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.readings import READINGS
from psci.model.tables.versions import V1_3, Version
from psci.properties.claims import CLAIMS

WIDE = Abstraction(broken_duties=True)
"""Callers that also set what they should not."""
EVERY_CALL = "every-call"
"""The subject of a finding that concerns many calls alike."""
SEVERAL = 3
"""So many subjects with the same cause and title are one finding."""


@dataclass(frozen=True)
class CheckQuestion:
    """What is asked, of which rules."""

    specification: Specification = SPECIFICATION
    version: Version = V1_3
    cpus: int = 3
    readings: tuple[tuple[str, str], ...] = ()
    """Options that are chosen, by the name of the reading; all others are at their default."""


@dataclass
class CheckResult:
    """What a job found, and which rules its walks used."""

    findings: list[RulesFinding] = field(default_factory=list)
    used: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Job:
    """One part of the work."""

    name: str
    run: Callable[[], CheckResult]


def jobs(
    question: CheckQuestion, kinds: frozenset[FindingKind] = frozenset(FindingKind), only: str | None = None
) -> list[Job]:
    """The work, what is likely to find something soon first; `only` is the one subject that is asked about."""
    found: list[Job] = []
    if kinds & {FindingKind.GAP, FindingKind.ORDER, FindingKind.CHOICE, FindingKind.DEAD, FindingKind.REDUNDANT}:
        found += _walks(question, only if only in question.specification.rules else None)
    if FindingKind.PROTOTYPE in kinds:
        found.append(_job("prototypes", lambda: prototypes(question.specification, question.version)))
    if FindingKind.CONFLICT in kinds:
        found += [_claim(question, i) for i, claim in enumerate(CLAIMS) if only in (None, claim.cites[0])]
    if FindingKind.READING in kinds:
        found += [
            _reading(question, name)
            for name in READINGS
            if only in (None, name) and name not in dict(question.readings)
        ]
    if FindingKind.DISCOVERY in kinds:
        for ask in (ambiguous_values, one_value_for_two, silences, features_against_behaviour):
            found.append(_asked(question, ask))
        found += [_untold(question, name) for name in declared_symbols(question.specification, question.version)]
    return found


def check(
    question: CheckQuestion, *, processes: int = 1, kinds: frozenset[FindingKind] = frozenset(FindingKind),
    only: str | None = None,
    progress: Callable[[int, int, list[RulesFinding]], None] | None = None,
) -> list[RulesFinding]:  # fmt: skip
    """Everything that is to be said about the rules, grouped and ranked.

    Args:
        question: what is asked.
        processes: how many jobs run side by side.
        kinds: which kinds of findings are looked for.
        only: the one call, fact or reading that is asked about; others are left out where that is cheap.
        progress: told after each job how many of how many are done, and what it found.
    """
    work = jobs(question, kinds, only)
    used: set[str] = set()
    alone: set[str] = set()
    findings: list[RulesFinding] = []
    # which rules are idle is known once all walks are done
    owners = list(owners_of(question)) if FindingKind.DEAD in kinds else []
    owners = [only] if only in owners else owners
    total = len(work) + len(owners)
    for done, answer in enumerate(_answers(work, processes), start=1):
        used |= answer.used
        alone |= answer.alone
        findings += answer.findings
        if progress is not None:
            progress(done, total, answer.findings)
    last = [_job(owner, partial(unused, question, used, (owner,))) for owner in owners]
    for done, answer in enumerate(_answers(last, processes), start=len(work) + 1):
        findings += answer.findings
        if progress is not None:
            progress(done, total, answer.findings)
    if FindingKind.REDUNDANT in kinds:
        findings += redundant(question, used, alone)
    return best(grouped(finding for finding in best(findings) if finding.kind in kinds))


def _answers(work: list[Job], processes: int) -> Iterator[CheckResult]:
    if processes <= 1:
        for job in work:
            yield job.run()
        return
    global _WORK  # noqa: PLW0603  # a forked process finds its work here; jobs hold functions, which cannot be sent
    _WORK = work
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_begin) as pool:
        left = [pool.submit(_run, place) for place in range(len(work))]
        try:
            yield from (done.result() for done in as_completed(left))
        except BrokenProcessPool:
            raise InputError(
                "a process that looked at the rules was ended from outside, perhaps for want of memory: try --jobs 1"
            ) from None
        finally:
            # who stops early does not wait for what nobody will read
            pool.shutdown(wait=False, cancel_futures=True)
            if not all(one.done() for one in left):
                for process in multiprocessing.active_children():
                    process.terminate()


_WORK: list[Job] = []


def _begin() -> None:
    """A worker ends quietly: whoever started it says what happened."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run(place: int) -> CheckResult:
    return _WORK[place].run()


def _job(name: str, ask: Callable[[], Iterable[RulesFinding]]) -> Job:
    return Job(name, lambda: CheckResult(list(ask())))


def _claim(question: CheckQuestion, place: int) -> Job:
    def run() -> CheckResult:
        found = refuted(question.specification, question.version, CLAIMS[place])
        return CheckResult([] if found is None else [found])

    return Job(CLAIMS[place].name, run)


def _reading(question: CheckQuestion, name: str) -> Job:
    return _job(name, lambda: of_reading(question.specification, question.version, question.cpus, READINGS[name]))


def _asked(question: CheckQuestion, ask: Callable[[Specification, Version], Iterator[RulesFinding]]) -> Job:
    return _job(ask.__name__, lambda: ask(question.specification, question.version))


def _untold(question: CheckQuestion, symbol: str) -> Job:
    return _job(symbol, lambda: untold(question.specification, question.version, symbol))


# ---- walks


def _walks(question: CheckQuestion, only: str | None) -> Iterator[Job]:
    """The walks: an ordinary machine, one with power domains, all callers, boots, and every other declaration."""
    specification, version = question.specification, question.version
    calls = [call.name for call in specification.calls if call.exists_in(version) and only in (None, call.name)]
    moves = [move.name for move in MOVES if only in (None, move.name)]
    about_domains = [n for n in calls if reads_domains(specification.of(n, version))]
    plain = [name for name in calls if name not in about_domains]
    life = frozenset({"LOSE_POWER", "SIGNAL"})
    base = ordinary(version, 2)
    on_the_way = [name for name in moves if name in (GO_DOWN.name, ENTER.name, START.name, STOP.name)]
    yield _walk(question, base, (*plain, *on_the_way), without=life)
    counted = [name for name in about_domains if name.startswith("PSCI_STAT")]
    yield _walk(question, base, (*counted, *(name for name in moves if name == WAKEUP.name)), limit=1_000)
    yield _walk(question, base, tuple(calls), abstraction=EVERYBODY, limit=40)
    # a core that freezes or suspends by default adds states, and no refusal of CPU_SUSPEND
    fewer = ENDS | {"CPU_FREEZE", "CPU_DEFAULT_SUSPEND"}
    if question.cpus > 2 and "CPU_SUSPEND" in calls:
        yield _walk(question, domains(version, question.cpus), ("CPU_SUSPEND",), without=fewer, limit=4_000)
    counting = [name for name in moves if name == REEVALUATE.name]
    yield _walk(question, domains(version, 2), (*about_domains, *counting), limit=1_500)
    booting = [name for name in moves if name in (BOOT.name, LOSE_POWER.name)]
    yield _walk(question, base, booting, without=frozenset({"SIGNAL"}), limit=2_500)
    yield _walk(
        question,
        base,
        [name for name in moves if name in (SIGNAL.name, LOOK.name)],
        without=life - {"SIGNAL"},
        limit=400,
    )
    for setting, owners in _varied(question, calls, moves):
        # what ends a life of the machine, or wakes it up, matters to moves only
        yield _walk(question, setting, owners, without=ENDS if set(owners) <= set(calls) else frozenset(), limit=400)


def _varied(
    question: CheckQuestion, calls: list[str], moves: list[str]
) -> Iterator[tuple[DeclaredSetting, tuple[str, ...]]]:
    """Each other declaration, with the calls and moves whose rules ask for it."""
    specification, version = question.specification, question.version
    asks = {name: symbols_of(specification.of(name, version)) for name in (*calls, *moves)}
    plain, deep = ordinary(version, 2), domains(version, 2)
    for symbol in sorted(set().union(*asks.values())):
        owners = [name for name, symbols in asks.items() if symbol in symbols]
        if symbol == "has":
            continue
        on_domains = [name for name in owners if name in calls and reads_domains(specification.of(name, version))]
        for base, part in ((plain, [n for n in owners if n not in on_domains]), (deep, on_domains)):
            for setting in others(base, (symbol,)) if part else ():
                yield setting, tuple(part)


def _walk(
    question: CheckQuestion, setting: DeclaredSetting, owners: Sequence[str], *,
    abstraction: Abstraction = ONE_WIDTH, without: frozenset[str] = ENDS, limit: int = 2_500,
) -> Job:  # fmt: skip
    def run() -> CheckResult:
        there = [name for name in owners if question.specification.of(name, question.version)]
        if not there:
            return CheckResult()
        here = with_reading(setting, question.readings)
        walk = Walk(here, question.specification, there, abstraction=abstraction, without=without, limit=limit)
        return CheckResult(list(walk.findings()), frozenset(walk.used), frozenset(walk.alone))

    return Job(f"walk {setting.differs or 'ordinary'}: {', '.join(owners[:3])}", run)


# ---- rules that nothing uses, or that another implies


def owners_of(question: CheckQuestion) -> Iterator[str]:
    """The calls and moves that have rules in this version."""
    specification, version = question.specification, question.version
    there = {call.name for call in specification.calls if call.exists_in(version)} | {
        m.name for m in specification.moves
    }
    yield from (name for name in specification.rules if name in there)


def unused(
    question: CheckQuestion, used: Collection[str], owners: Iterable[str], names: Collection[str] = ()
) -> Iterator[RulesFinding]:
    """The rules that no walk used, but for those that wait for a reading, or stand in for a mandatory function.

    Args:
        question: the rules.
        used: the names of those that were used.
        owners: the calls and moves whose rules are looked at.
        names: those of their rules that are looked at; all where none are given.
    """
    moves = {move.name for move in question.specification.moves}
    for owner in owners:
        idle = []
        for rule in question.specification.of(owner, question.version):
            waits = rule.guard is not FALSE and by_default(rule.guard) is FALSE
            # what moves do may wait for a function of a later version
            waits |= owner in moves and rule.until > question.version
            if not (rule.name in used or waits or _is_presence(rule) or (names and rule.name not in names)):
                idle.append(rule)
        used_elsewhere = _used_elsewhere(question, owner, [rule for rule in idle if rule.guard is not FALSE])
        for rule in idle:
            if rule.name not in used_elsewhere:
                title = f"no reachable state uses the rule: {question.specification.sentence(rule)}"
                own = rule.name.partition(".")[2]
                yield RulesFinding(FindingKind.DEAD, owner, (own,), title, rules=(rule.name,), searched="all walks")


def _used_elsewhere(question: CheckQuestion, owner: str, rules: Sequence[Rule]) -> set[str]:
    """Those of some rules of a call or move that are used where a reading is chosen otherwise, or a wakeup is pending.

    Each setting is walked once, as long as a rule that asks for what it declares waits to be used.
    """
    version = question.version
    waiting = {rule.name: symbols_of([rule]) for rule in rules}
    bases = [ordinary(version, 2), domains(version, 2), odd_claims(version)]
    settings: list[tuple[DeclaredSetting, frozenset[str]]] = []
    for base in bases:
        for reading in (one for one in READINGS.values() if any(one.symbol in asked for asked in waiting.values())):
            chosen = [with_reading(base, ((reading.name, option),)) for option in reversed(list(reading.options))]
            settings += [(one, frozenset({reading.symbol})) for one in chosen]
        settings.append((base, frozenset()))
    for base in bases[:2]:
        for symbol in sorted(frozenset[str]().union(*waiting.values())):
            settings += [(one, frozenset({symbol})) for one in others(base, (symbol,))]
    for setting, declared in settings:
        if any(declared <= asked for asked in waiting.values()):
            walk = Walk(setting, question.specification, (owner,), abstraction=WIDE, without=frozenset(), limit=250)
            list(walk.findings())
            waiting = {name: asked for name, asked in waiting.items() if name not in walk.used}
    return {rule.name for rule in rules} - waiting.keys()


def _is_presence(rule: Rule) -> bool:
    """The sentence on presence is made for every function; where one cannot be absent, or is, half of it is idle."""
    own = rule.name.partition(".")[2]
    return own in ("absent", "smc64_absent") or own.endswith(("_absent", "_implemented", "_hidden", "_apart"))


def redundant(question: CheckQuestion, used: set[str], alone: set[str]) -> Iterator[RulesFinding]:
    """Refusals that were used, and never without another refusal with the same code."""
    specification, version = question.specification, question.version
    for owner in specification.rules:
        for rule in specification.of(owner, version):
            refuses = rule.modality is Modality.MUST_REFUSE and not rule.effect.updates
            if refuses and rule.name in used and rule.name not in alone and not _is_presence(rule):
                title = f"wherever it applies, another rule refuses with the same code: {specification.sentence(rule)}"
                yield RulesFinding(
                    FindingKind.REDUNDANT, owner, (rule.name.partition(".")[2],), title, rules=(rule.name,)
                )


# ---- one finding for one cause


def grouped(findings: Iterable[RulesFinding]) -> Iterator[RulesFinding]:
    """Findings of many calls with one cause and one title as one."""
    groups: dict[tuple[object, ...], list[RulesFinding]] = {}
    for finding in findings:
        title = finding.title.replace(finding.subject, "a call")
        groups.setdefault((finding.kind, finding.causes, title), []).append(finding)
    for found in groups.values():
        if len(found) < SEVERAL:
            yield from found
            continue
        names = ", ".join(finding.subject for finding in found)
        first = min(found, key=lambda finding: finding.rank)
        yield replace(first, subject=EVERY_CALL, text=(*first.text, f"It concerns {len(found)} functions: {names}."))
