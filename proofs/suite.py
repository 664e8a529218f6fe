"""All proofs as one run: which method for which property, the second solver, and one result a line.

Results hold text and numbers only, so that they travel between processes and into JSON.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from time import perf_counter

from psci.explorer.amendments import read_amendments
from psci.model.errors import InputError
from psci.model.specification import SPECIFICATION, Specification
from psci.proofs.certificates.files import digest, write
from psci.proofs.encoding.bounded import Bounded
from psci.proofs.encoding.queries import Query, SolverAnswer, SolverVerdict, cvc5_missing, solve, solve_with_cvc5
from psci.proofs.encoding.steps import Translations
from psci.proofs.encoding.unbounded import Unbounded
from psci.proofs.methods import exploration, ranking, totality
from psci.proofs.methods.counterexample import Counterexample, Story, explain
from psci.proofs.methods.induction import Induction, Obligation, prove
from psci.proofs.methods.search import Search, k_induction, search
from psci.proofs.questions import refinement
from psci.proofs.replay.platform import SHAPE
from psci.properties import PROPERTIES
from psci.properties.language import ClaimKind, Property
from psci.properties.runs.responses import Response

INDUCTION = "induction"
SEARCH = "search from boot"
K_INDUCTION = "k-induction"
RANKING = "ranking"
EXPLORED = "explored graph"
SIMULATION = "simulation"
TOTALITY = "totality"
ANY = "any"
THREE = "3"
K = 2
"""The steps of a k-induction, where nobody says."""
DEPTH_OF_TRACE = 9
"""The steps up to which a trace is looked for after an induction failed, or for a witness."""


@dataclass(frozen=True)
class Task:
    """One method for one property."""

    claim: str
    method: str
    cores: str
    rule: str | None = None
    second_solver: bool = True
    smtlib: str | None = None
    """The folder that queries are written to."""
    depth: int | None = None
    """The steps of a search from boot."""
    certificates: str | None = None
    """The folder that certificates are written to; then cvc5 answers with a proof."""
    lists: bool = False
    """Name every query that was proved, with the digest of its text."""
    amendments: str | None = None
    """The file with rules of the user's own, read once in each process."""


@dataclass(frozen=True)
class ProofResult:
    """What came of a task."""

    claim: str
    title: str
    sentence: str
    kind: str
    method: str
    cores: str
    verdict: SolverVerdict
    seconds: float
    queries: int = 0
    slowest: float = 0.0
    resources: int = 0
    """The most that one query used, in the first solver's units; the limit is `psci.proofs.encoding.queries.RLIMIT`."""
    by_construction: int = 0
    depth: int | None = None
    states: int | None = None
    """The states of an explored graph."""
    differences: tuple[str, ...] = ()
    """What a version changed, a rule each, with the facts that list it."""
    rests_on: tuple[str, ...] = ()
    """The lemmas, and the lemmas of these; each has a result of its own."""
    rules: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    solvers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """For each solver, how often it gave which verdict."""
    disagreements: tuple[str, ...] = ()
    """Queries on which the solvers contradict each other."""
    failed: tuple[str, ...] = ()
    """The rules whose step was not proved; of a ranking, what was not shown."""
    counterexamples: tuple[Counterexample | Story, ...] = ()
    witness: Counterexample | Story | None = None
    """The run that shows that something is possible."""
    reason: str = ""
    proved: tuple[tuple[str, str], ...] = ()
    """The queries that were proved, by name and digest, where the task lists them."""

    @property
    def trustworthy(self) -> bool:
        """Proved, and no solver says otherwise."""
        return self.verdict is SolverVerdict.PROVED and not self.disagreements


def property_named(name: str) -> Property:
    """The property of that name, or of that name and title.

    Raises:
        InputError: there is none; the message lists near names.
    """
    known = {p.name: p for p in PROPERTIES} | {p.title: p for p in PROPERTIES}
    if name in known:
        return known[name]
    other_case = [word for word in known if word.casefold() == name.casefold()]
    close = other_case or difflib.get_close_matches(name, known, n=4, cutoff=0.4) or sorted(known)[:4]
    raise InputError(f"unknown property {name!r}: did you mean {', '.join(close)}?")


def with_lemmas(properties: Iterable[Property]) -> tuple[Property, ...]:
    """The properties, each after what it rests on, and each once."""
    found: dict[str, Property] = {}
    for prop in properties:
        found.update({lemma.name: lemma for lemma in prop.all_lemmas()})
        found[prop.name] = prop
    return tuple(found.values())


def rule_named(name: str, specification: Specification = SPECIFICATION) -> str:
    """A rule's name, checked.

    Raises:
        InputError: there is none; the message lists near names.
    """
    known = [rule.name for rule in specification.every_rule()]
    if name in known:
        return name
    close = difflib.get_close_matches(name, known, n=4, cutoff=0.4) or known[:4]
    raise InputError(f"unknown rule {name!r}: did you mean {', '.join(close)}?")


def tasks(
    properties: Sequence[Property], cores: str | None = None, rule: str | None = None, smtlib: Path | None = None,
    depth: int | None = None, method: str | None = None, amendments: Path | None = None,
) -> Iterator[Task]:  # fmt: skip
    """The methods for each property: induction for any number of cores and for three; a search from boot if asked for.

    What must be possible is shown by a run of the explorer. What must happen in the end is ranked in the place of
    induction, and decided on an explored graph; so is what is said of scenarios. Versions are compared by simulation,
    for any number of cores. With a `method` (a search, or k-induction) there is only that, for three cores. With
    `amendments` the rules are those of that file.
    """
    amended = str(amendments) if amendments else None
    if method is not None:
        searched = (
            (ClaimKind.STEP, ClaimKind.INVARIANT)
            if method == K_INDUCTION
            else (ClaimKind.STEP, ClaimKind.INVARIANT, ClaimKind.WITNESS)
        )
        wanted = (prop for prop in properties if prop.kind in searched)
        yield from (Task(prop.name, method, THREE, depth=depth, amendments=amended) for prop in wanted)
        return
    second = cvc5_missing() is None
    folder = str(smtlib) if smtlib else None
    for prop in properties:
        if prop.kind is ClaimKind.REFINEMENT:
            if cores in (None, ANY):
                yield Task(prop.name, SIMULATION, ANY, rule, second, folder, amendments=amended)
            continue
        if prop.kind not in (ClaimKind.WITNESS, ClaimKind.EXPLORED):
            method = {ClaimKind.LIVENESS: RANKING, ClaimKind.TOTAL: TOTALITY}.get(prop.kind, INDUCTION)
            if cores in (None, ANY):
                yield Task(prop.name, method, ANY, rule, second, folder, amendments=amended)
            if cores in (None, THREE):
                yield Task(prop.name, method, THREE, rule, second, folder, amendments=amended)
        if prop.kind in (ClaimKind.LIVENESS, ClaimKind.EXPLORED, ClaimKind.WITNESS):
            if cores is None and rule is None and exploration.can_decide(prop):
                yield Task(prop.name, EXPLORED, str(exploration.CORES), amendments=amended)
        elif cores in (None, THREE) and rule is None and depth:
            yield Task(prop.name, SEARCH, THREE, depth=depth, amendments=amended)


def run(task: Task, specification: Specification = SPECIFICATION) -> ProofResult:
    """Carry out one task; of the rules that it names, or else of these."""
    if task.amendments is not None:
        specification = _amended(task.amendments)
    prop = property_named(task.claim)
    if task.method == SEARCH:
        return of_search(search(prop, task.depth or DEPTH_OF_TRACE, 3, specification, SHAPE, on_platform=True), SEARCH)
    if task.method == K_INDUCTION:
        return of_search(k_induction(prop, task.depth or K, 3, specification, SHAPE), K_INDUCTION)
    if task.method == EXPLORED:
        return of_exploration(exploration.decide(prop, specification))
    counts: dict[str, dict[str, int]] = {}
    disagreements: list[str] = []
    proved: list[tuple[str, str]] = []

    def ask(query: Query) -> SolverAnswer:
        if task.smtlib:
            _write(Path(task.smtlib), task.cores, query)
        answer = solve(query)
        _count(counts, "z3", answer.verdict)
        if task.lists and answer.verdict is SolverVerdict.PROVED:
            proved.append((query.name, digest(query.smtlib())))
        if task.certificates and answer.verdict is SolverVerdict.PROVED:
            _count(counts, "cvc5", write(Path(task.certificates), task.cores, query, answer.core))
        elif task.second_solver:
            # what the first solver used is enough, and is less to look at
            asked = query.only(answer.core) if answer.verdict is SolverVerdict.PROVED else query
            second = solve_with_cvc5(asked.smtlib())
            _count(counts, "cvc5", second)
            answer = replace(answer, second=second)
            if {answer.verdict, second} == {SolverVerdict.PROVED, SolverVerdict.REFUTED}:
                disagreements.append(query.name)
        return answer

    started = perf_counter()
    amended = task.amendments is not None
    rules = _amended_for(task.cores, task.amendments) if amended else translations(task.cores, specification)
    if task.method == SIMULATION:
        result = of_refinement(refinement.prove(prop, rules, task.rule, ask=ask))
        return replace(result, solvers=counts, disagreements=tuple(disagreements), proved=tuple(proved))
    if isinstance(prop, Response):
        done = ranking.prove(prop, rules, only_rule=task.rule, ask=ask)
    elif prop.kind is ClaimKind.TOTAL:
        done = totality.prove(prop, rules, only_rule=task.rule, ask=ask)
    else:
        done = prove(prop, rules, only_rule=task.rule, ask=ask)
    result = of_induction(done, task, specification)
    return replace(
        result, seconds=perf_counter() - started, solvers=counts, disagreements=tuple(disagreements),
        proved=tuple(proved),
    )  # fmt: skip


def translations(cores: str, specification: Specification = SPECIFICATION) -> Translations:
    """The rules for a number of cores, or for any; those of the specification itself are kept, and used by every proof.

    Args:
        cores: a number, or `any`.
        specification: the rules.
    """
    return _kept(cores) if specification is SPECIFICATION else _translations(cores, specification)


@cache
def _kept(cores: str) -> Translations:
    return _translations(cores, SPECIFICATION)


@cache
def _amended(path: str) -> Specification:
    return read_amendments(Path(path))


@cache
def _amended_for(cores: str, path: str) -> Translations:
    return _translations(cores, _amended(path))


def _translations(cores: str, specification: Specification) -> Translations:
    if cores == ANY:
        return Translations(Unbounded(specification=specification))
    return Translations(Bounded(int(cores), SHAPE, specification=specification))


def of_induction(done: Induction, task: Task, specification: Specification) -> ProofResult:
    """An induction as a line; where it fails, with one step from a state and, if there is one, a run from boot.

    So is a ranking; of that there are no runs from boot, because what breaks it takes for ever.
    """
    prop = done.claim
    refuted = [(o, a) for o, a in done.failures() if a.verdict is SolverVerdict.REFUTED]
    shown = [_explain(prop, o, a, specification) for o, a in refuted[:2]]
    if refuted and task.method == INDUCTION:
        found = search(prop, DEPTH_OF_TRACE, 3, specification, SHAPE, on_platform=True)
        if found.run is not None and found.verdict is SolverVerdict.REFUTED:
            shown.insert(0, found.run)
    return ProofResult(
        prop.name, prop.title, prop.sentence, prop.kind.value, task.method, done.cores, done.verdict, done.seconds,
        queries=len(done.answers),
        slowest=max((answer.seconds for _, answer in done.answers), default=0.0),
        resources=max((answer.rlimit for _, answer in done.answers), default=0),
        by_construction=done.by_construction,
        rests_on=tuple(lemma.name for lemma in prop.all_lemmas()),
        rules=done.rules_used(),
        assumptions=done.assumptions_used(),
        failed=tuple(o.label for o, _ in done.failures()),
        counterexamples=tuple(shown),
        reason="; ".join(_reason(o, a) for o, a in done.failures() if a.verdict is SolverVerdict.UNKNOWN),
    )  # fmt: skip


def _explain(
    prop: Property, found: Obligation, answer: SolverAnswer, specification: Specification
) -> Counterexample | Story:
    if isinstance(prop, Response) and isinstance(found, ranking.RankingCondition):
        return ranking.explain(prop, found, answer, specification)
    return explain(prop, found, answer, specification)


def _reason(obligation: Obligation, answer: SolverAnswer) -> str:
    return f"the solver gave up on {obligation.label}: {answer.reason}"


def of_refinement(done: refinement.Refinement) -> ProofResult:
    """A simulation as a line."""
    prop, story = done.claim, done.story
    return ProofResult(
        prop.name, prop.title, prop.sentence, prop.kind.value, SIMULATION, ANY, done.verdict, done.seconds,
        queries=len(done.answers),
        slowest=max((answer.seconds for answer in done.answers), default=0.0),
        resources=max((answer.rlimit for answer in done.answers), default=0),
        by_construction=done.alike,
        differences=tuple(difference.text() for difference in done.differences),
        rules=done.rules_used(),
        assumptions=done.provided,
        failed=done.failed,
        counterexamples=() if story is None else (story,),
        reason="; ".join(f"the solver gave up on {name}" for name in done.undecided),
    )  # fmt: skip


def of_exploration(done: exploration.ExploredClaim) -> ProofResult:
    """What an exploration decided as a line."""
    prop = done.claim
    return ProofResult(
        prop.name, prop.title, prop.sentence, prop.kind.value, EXPLORED, str(exploration.CORES), done.verdict,
        done.seconds, states=done.states, counterexamples=done.stories, witness=done.witness,
    )  # fmt: skip


def of_search(done: Search, method: str) -> ProofResult:
    """A search as a line."""
    prop = done.claim
    return ProofResult(
        prop.name, prop.title, prop.sentence, prop.kind.value, method, str(done.cores), done.verdict, done.seconds,
        queries=done.depth, depth=done.depth, reason=done.reason, solvers={"z3": {done.verdict.value: 1}},
        counterexamples=(done.run,) if done.run and done.verdict is SolverVerdict.REFUTED else (),
        witness=done.run if done.verdict is SolverVerdict.PROVED else None,
    )  # fmt: skip


def _count(counts: dict[str, dict[str, int]], solver: str, verdict: SolverVerdict) -> None:
    by_verdict = counts.setdefault(solver, {})
    by_verdict[verdict.value] = by_verdict.get(verdict.value, 0) + 1


def _write(folder: Path, cores: str, query: Query) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = query.name.replace(" ", ".")
    (folder / f"{name}.{cores}.smt2").write_text(query.smtlib(), encoding="utf-8")
