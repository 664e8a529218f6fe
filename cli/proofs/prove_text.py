"""What `psci prove` prints: the proofs by area with their sentences, and a conclusion that fits a screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from psci.model.specification import SPECIFICATION, Specification
from psci.proofs.encoding.queries import CVC5_STRATEGIES, RLIMIT, SolverVerdict, cvc5_missing, solver_versions
from psci.proofs.questions.missed import missed_by_none
from psci.proofs.suite import ProofResult, Task, property_named
from psci.properties import PROPERTIES, area

MARKS = {
    SolverVerdict.PROVED: "[green]proved[/]",
    SolverVerdict.REFUTED: "[red]REFUTED[/]",
    SolverVerdict.UNKNOWN: "[yellow]gave up[/]",
}


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run took."""

    seconds: float
    processes: int
    megabytes: int
    """The most that one process held."""


class Areas:
    """The proofs of each area, which are printed together as soon as the last of them is there."""

    def __init__(self, console: Console, work: Sequence[Task]) -> None:
        self._console = console
        self._left = Counter(area(property_named(task.claim)) for task in work)
        self._found: dict[str, list[ProofResult]] = {}

    def add(self, result: ProofResult) -> None:
        """One more result."""
        here = area(property_named(result.claim))
        self._found.setdefault(here, []).append(result)
        self._left[here] -= 1
        if not self._left[here]:
            self._print(here)

    def rest(self) -> None:
        """What is there of areas that are not complete, after an interruption."""
        for here in list(self._found):
            self._print(here)

    def _print(self, here: str) -> None:
        self._console.print(f"\n[bold]{here}[/]", highlight=False)
        by_name: dict[str, list[ProofResult]] = {}
        for result in self._found.pop(here):
            by_name.setdefault(result.claim, []).append(result)
        for results in by_name.values():
            first = results[0]
            self._console.print(f"  [bold]{first.claim}[/]  {first.sentence}", highlight=False, soft_wrap=True)
            for result in results:
                self._console.print(f"    {_line(result)}", highlight=False, soft_wrap=True)


def _line(result: ProofResult) -> str:
    cores = f"{result.cores} cores"
    how = f"{result.method}, {result.depth} steps" if result.depth else result.method
    solvers = ", ".join(f"{name} {_counts(counts)}" for name, counts in result.solvers.items())
    used = f"; {len(result.rules)} rules used" if result.rules else ""
    states = "" if result.states is None else f"{result.states:,} states"
    used += f"; {len(result.differences)} differences, all listed" if result.differences and not result.failed else ""
    return f"{MARKS[result.verdict]} {cores:9} {how}  {result.seconds:.1f} s  {solvers}{used}{states}"


def _counts(counts: Any) -> str:
    ordered = [(verdict.value, counts[verdict.value]) for verdict in SolverVerdict if counts.get(verdict.value)]
    return " ".join(f"{number}" if verdict == "proved" else f"{number} {verdict}" for verdict, number in ordered)


def conclusion(
    console: Console, results: Sequence[ProofResult], total: int, interrupted: bool, spent: Spent,
    specification: Specification, whole: bool,
) -> None:  # fmt: skip
    """What came of it all.

    Args:
        console: where to print.
        results: what came of each task that was done.
        total: how many tasks there were.
        interrupted: the run was ended early.
        spent: what it took.
        specification: the rules that it was about.
        whole: all properties were asked for, so that rules which none rests on can be named.
    """
    for line in _findings(results, total):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(_by_area(results))
    console.print(" | ".join(_solvers(results)), highlight=False, soft_wrap=True)
    slowest = max(results, key=lambda result: result.slowest, default=None)
    if slowest is not None:
        most = max(result.resources for result in results)
        console.print(
            f"slowest query: {slowest.slowest:.2f} s ({slowest.claim}, {slowest.cores} cores); most resources of one: "
            f"{most:,} of {RLIMIT:,}",
            highlight=False,
        )
    if whole and not interrupted:
        for line in _unmissed(results, specification):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"{spent.seconds:.1f} s with {spent.processes} process{'' if spent.processes == 1 else 'es'}, the largest of "
        f"{spent.megabytes:,} MB",
        highlight=False,
    )
    missing = cvc5_missing()
    if missing:
        console.print(f"no second opinion: {missing}", markup=False)
    verdicts = Counter(result.verdict for result in results)
    console.print(
        f"{verdicts[SolverVerdict.PROVED]} proved, {verdicts[SolverVerdict.REFUTED]} refuted, "
        f"{verdicts[SolverVerdict.UNKNOWN]} given up, of {total}" + (" (interrupted)" if interrupted else "")
    )


def _findings(results: Sequence[ProofResult], total: int) -> Iterator[str]:
    """What is not proved, and why; what versions changed, where only some properties were asked for."""
    for result in results:
        for shown in result.counterexamples[:2]:
            yield f"\n{shown.text()}"
        if result.reason:
            yield f"\n{result.claim} ({result.method}): {result.reason}"
        for name in result.disagreements:
            yield f"\nthe solvers contradict each other on {name}"
    if total < len(PROPERTIES):
        for result in results:
            yield from (f"{result.claim}: {difference}" for difference in result.differences)


def _by_area(results: Sequence[ProofResult]) -> Table:
    table = Table("area", title="what is proved", title_justify="left")
    for heading in ("properties", "proofs", "proved", "refuted", "gave up"):
        table.add_column(heading, justify="right")
    groups: dict[str, list[ProofResult]] = {area(prop): [] for prop in PROPERTIES}
    for result in results:
        groups[area(property_named(result.claim))].append(result)
    for title, group in groups.items():
        if group:
            verdicts = Counter(result.verdict for result in group)
            counts = [
                str(verdicts[verdict] or "")
                for verdict in (SolverVerdict.PROVED, SolverVerdict.REFUTED, SolverVerdict.UNKNOWN)
            ]
            table.add_row(title, str(len({result.claim for result in group})), str(len(group)), *counts)
    return table


def _solvers(results: Sequence[ProofResult]) -> Iterator[str]:
    contradictions = sum(len(result.disagreements) for result in results)
    for name, counts in agreement(results).items():
        of = sum(counts.values())
        told = ", ".join(f"{counts[v.value]} {v.value}" for v in SolverVerdict if counts.get(v.value))
        yield f"{name} {solver_versions().get(name, '')}: {of} queries, {told}"
    if len(agreement(results)) > 1:
        yield f"{contradictions} contradictions"


def _unmissed(results: Sequence[ProofResult], specification: Specification) -> Iterator[str]:
    rules = unmissed(results, specification)
    unexplained = [rule for rule, reason in rules.items() if not reason]
    yield (
        f"{len(rules)} rules would be missed by no property of one version, {len(unexplained)} of them without a reason"
        + (f": {', '.join(unexplained)}" if unexplained else " (psci rules --proofs FILE gives the reasons)")
    )


def unmissed(results: Sequence[ProofResult], specification: Specification = SPECIFICATION) -> dict[str, str]:
    """The rules that no proof of a property of one version rests on, with the reason."""
    return missed_by_none(((result.kind, result.rules) for result in results), specification)


def agreement(results: Sequence[ProofResult]) -> dict[str, dict[str, int]]:
    """How often each solver gave which verdict."""
    found: dict[str, Counter[str]] = {}
    for result in results:
        for solver, counts in result.solvers.items():
            found.setdefault(solver, Counter()).update(counts)
    return {solver: dict(counts) for solver, counts in found.items()}


def document(
    results: Sequence[ProofResult], interrupted: bool, spent: Spent, specification: Specification = SPECIFICATION,
    saved: Mapping[str, Any] | None = None, whole: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """The JSON document of the command (schema: prove.json)."""
    rules = unmissed(results, specification) if whole and not interrupted else {}
    return {
        "solvers": solver_versions(),
        "limits": {"z3": RLIMIT, "cvc5": sum(rlimit for rlimit, _ in CVC5_STRATEGIES)},
        "interrupted": interrupted,
        "seconds": round(spent.seconds, 3),
        "processes": spent.processes,
        "megabytes": spent.megabytes,
        "agreement": agreement(results),
        "disagreements": [name for result in results for name in result.disagreements],
        "unmissed": [{"rule": rule, "reason": reason or None} for rule, reason in rules.items()],
        "results": [_entry(result, saved or {}) for result in results],
    }


def _entry(result: ProofResult, saved: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "property": result.claim,
        "title": result.title,
        "sentence": result.sentence,
        "kind": result.kind,
        "method": result.method,
        "cores": result.cores,
        "verdict": result.verdict.value,
        "seconds": round(result.seconds, 3),
        "queries": result.queries,
        "slowest": round(result.slowest, 3),
        "resources": result.resources,
        "by_construction": result.by_construction,
        "depth": result.depth,
        "states": result.states,
        "differences": list(result.differences),
        "rests_on": list(result.rests_on),
        "rules": list(result.rules),
        "assumptions": list(result.assumptions),
        "failed": list(result.failed),
        "counterexamples": [shown.text() for shown in result.counterexamples],
        "witness": None if result.witness is None else result.witness.text(),
        "saved": str(saved[result.claim]) if result.claim in saved else None,
        "reason": result.reason,
    }
