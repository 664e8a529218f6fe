"""`psci prove`: the properties, for three cores and for any number."""

from __future__ import annotations

import json
import os
import resource
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from psci.oracle.traces.file import write_trace
from psci.proofs.encoding.queries import CVC5_STRATEGIES, RLIMIT, Verdict, cvc5_missing, solver_versions
from psci.proofs.suite import (
    K_INDUCTION,
    SEARCH,
    Result,
    property_named,
    rule_named,
    tasks,
    with_lemmas,
)
from psci.proofs.workers import run_all
from psci.properties import PROPERTIES

MARKS = {Verdict.PROVED: "[green]proved[/]", Verdict.REFUTED: "[red]REFUTED[/]", Verdict.UNKNOWN: "[yellow]gave up[/]"}


@click.command()
@click.argument("names", metavar="[PROPERTY]...", nargs=-1)
@click.option("--rule", metavar="RULE", help="Only the steps of this rule.")
@click.option("--cores", type=click.Choice(["3", "any"]), help="Only for three cores, or only for any number.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default=True, help="Processes.")
@click.option("--smtlib", type=click.Path(path_type=Path, file_okay=False), help="Write every query there.")
@click.option("--mutants", is_flag=True, help="Change the rules in every way of the generator and show what notices.")
@click.option("--sample", type=click.IntRange(1), help="With --mutants: only so many, always the same ones.")
@click.option(
    "--traces",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="With --mutants: a folder of traces whose judgement a mutant may change.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Save runs from boot there as traces; with --mutants also the results: what is there is not done again.",
)
@click.option("--depth", type=click.IntRange(1), help="Also search so many steps from boot, with three cores.")
@click.option(
    "--method", type=click.Choice([SEARCH, K_INDUCTION]), help="Only this method, with three cores and --depth steps."
)
@click.option("--strengthen", "strengthening", is_flag=True, help="Find the invariants instead of taking those given.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: prove.json).")
def command(
    names: Sequence[str], rule: str | None, cores: str | None, jobs: int, smtlib: Path | None, mutants: bool,
    sample: int | None, traces: Path | None, output: Path | None, depth: int | None,
    method: str | None, strengthening: bool, as_json: bool,
) -> int:  # fmt: skip
    """Prove the properties, for three cores and for any number of cores on any tree of power domains.

    What must happen in the end is also decided on the explored graph of two cores.

    Every query goes to Z3 and, where it is installed, to cvc5. Exit status: 0 all proved, 1 something is
    refuted, 3 a solver gave up or two solvers contradict each other.
    """
    chosen = [property_named(name) for name in names] or list(PROPERTIES)
    rule = rule_named(rule) if rule else None
    console = Console(stderr=as_json)
    if mutants:
        from psci.cli.specification.mutants import kill_table

        return kill_table(console, chosen if names else None, jobs, sample, traces, output, as_json)
    if strengthening:
        from psci.cli.specification.strengthen import strengthen_all

        return strengthen_all(console, chosen if names else None, jobs, depth, as_json)
    work = list(tasks(chosen if method else with_lemmas(chosen), cores, rule, smtlib, depth, method))
    results: list[Result] = []
    interrupted = False
    started = perf_counter()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("proving", total=len(work))
        try:
            for result in run_all(work, jobs):
                results.append(result)
                if not as_json:
                    progress.console.print(_line(result), highlight=False, soft_wrap=True)
                progress.advance(bar)
        except KeyboardInterrupt:
            interrupted = True
    saved = {} if output is None else save(results, output)
    spent = Spent(perf_counter() - started, jobs, peak_memory())
    if as_json:
        click.echo(json.dumps(document(results, interrupted, spent, saved), indent=2))
    else:
        _summary(console, results, len(work), interrupted, spent)
        for name, path in saved.items():
            console.print(f"{name}: {path} (psci trace show {path} -o {path.with_suffix('.svg')})", soft_wrap=True)
    return 130 if interrupted else status(results)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run took."""

    seconds: float
    processes: int
    megabytes: int
    """The most that one process held."""


def peak_memory() -> int:
    """The most that this process or one that it started has held (MB)."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) // 1024


def save(results: Sequence[Result], folder: Path) -> dict[str, Path]:
    """Write the run from boot of each property that has one; returns where, by property."""
    saved: dict[str, Path] = {}
    for result in results:
        runs = (*result.counterexamples, result.witness)
        trace = next((run.trace for run in runs if run is not None and run.trace), None)
        if trace is not None:
            folder.mkdir(parents=True, exist_ok=True)
            saved[result.claim] = folder / f"{result.claim}.ndjson"
            write_trace(saved[result.claim], trace)
    return saved


def status(results: Sequence[Result]) -> int:
    """The exit status of the command."""
    if any(result.verdict is Verdict.REFUTED for result in results):
        return 1
    if any(not result.trustworthy for result in results):
        return 3
    return 0


def _line(result: Result) -> str:
    cores = f"{result.cores} cores"
    how = f"{result.method}, {result.depth} steps" if result.depth else result.method
    solvers = ", ".join(f"{name} {_counts(counts)}" for name, counts in result.solvers.items())
    used = f"; {len(result.rules)} rules used" if result.rules else ""
    states = "" if result.states is None else f"{result.states:,} states"
    used += f"; {len(result.differences)} differences, all listed" if result.differences and not result.failed else ""
    return (
        f"{result.claim + ' ' + result.title:40} {cores:9}  {how:25}  {MARKS[result.verdict]} "
        f"{result.seconds:5.1f} s  {solvers}{used}{states}"
    )


def _counts(counts: Any) -> str:
    ordered = [(verdict.value, counts[verdict.value]) for verdict in Verdict if counts.get(verdict.value)]
    return " ".join(f"{number}" if verdict == "proved" else f"{number} {verdict}" for verdict, number in ordered)


def _summary(console: Console, results: Sequence[Result], total: int, interrupted: bool, spent: Spent) -> None:
    for result in results:
        for shown in result.counterexamples[:2]:
            console.print(f"\n{shown.text()}", highlight=False, markup=False)
        if result.reason:
            console.print(f"\n{result.claim} ({result.method}): {result.reason}", markup=False, soft_wrap=True)
        for name in result.disagreements:
            console.print(f"\nthe solvers contradict each other on {name}", markup=False)
    if total < len(PROPERTIES):
        for result in results:
            for difference in result.differences:
                console.print(f"{result.claim}: {difference}", markup=False, highlight=False, soft_wrap=True)
    verdicts = Counter(result.verdict for result in results)
    console.print()
    table = Table(title="solvers", title_justify="left")
    for heading in ("solver", "queries", "proved", "refuted", "gave up"):
        table.add_column(heading, justify="left" if heading == "solver" else "right")
    for name, counts in agreement(results).items():
        row = [counts.get(verdict.value, 0) for verdict in Verdict]
        table.add_row(f"{name} {solver_versions().get(name, '')}", str(sum(row)), *map(str, row))
    console.print(table)
    second = agreement(results).get("cvc5")
    if second:
        asked = sum(second.values())
        finished = asked - second.get(Verdict.UNKNOWN.value, 0)
        contradictions = sum(len(result.disagreements) for result in results)
        console.print(
            f"cvc5 finished {finished} of {asked} queries ({100 * finished / asked:.1f} %) and contradicts Z3 on "
            f"{contradictions}",
            highlight=False,
        )
    slowest = max(results, key=lambda result: result.slowest, default=None)
    if slowest is not None:
        most = max(result.resources for result in results)
        console.print(
            f"slowest query: {slowest.slowest:.2f} s ({slowest.claim}, {slowest.cores} cores); most resources of one: "
            f"{most:,} of {RLIMIT:,}",
            highlight=False,
        )
    console.print(
        f"{spent.seconds:.1f} s with {spent.processes} process{'' if spent.processes == 1 else 'es'}, the largest of "
        f"{spent.megabytes:,} MB",
        highlight=False,
    )
    missing = cvc5_missing()
    if missing:
        console.print(f"no second opinion: {missing}", markup=False)
    for prop in PROPERTIES:
        if prop.unproved:
            console.print(f"open: {prop.name} {prop.title}: {prop.unproved}", markup=False, soft_wrap=True)
    console.print(
        f"{verdicts[Verdict.PROVED]} proved, {verdicts[Verdict.REFUTED]} refuted, "
        f"{verdicts[Verdict.UNKNOWN]} given up, of {total}" + (" (interrupted)" if interrupted else "")
    )


def agreement(results: Sequence[Result]) -> dict[str, dict[str, int]]:
    """How often each solver gave which verdict."""
    found: dict[str, Counter[str]] = {}
    for result in results:
        for solver, counts in result.solvers.items():
            found.setdefault(solver, Counter()).update(counts)
    return {solver: dict(counts) for solver, counts in found.items()}


def document(
    results: Sequence[Result], interrupted: bool, spent: Spent, saved: Mapping[str, Path] | None = None
) -> dict[str, Any]:
    """The JSON document of the command (schema: prove.json)."""
    return {
        "solvers": solver_versions(),
        "limits": {"z3": RLIMIT, "cvc5": sum(rlimit for rlimit, _ in CVC5_STRATEGIES)},
        "interrupted": interrupted,
        "seconds": round(spent.seconds, 3),
        "processes": spent.processes,
        "megabytes": spent.megabytes,
        "agreement": agreement(results),
        "disagreements": [name for result in results for name in result.disagreements],
        "results": [
            {
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
                "saved": str(saved[result.claim]) if saved and result.claim in saved else None,
                "reason": result.reason,
            }
            for result in results
        ],
    }
