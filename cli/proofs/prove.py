"""`psci prove`: the properties, for three cores and for any number."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from psci.cli.proofs.prove_text import Areas, Spent, conclusion, document
from psci.cli.specification.choices import amend_option, specification_with
from psci.model.errors import InputError
from psci.oracle.traces.file import write_trace
from psci.proofs.encoding.queries import SolverVerdict
from psci.proofs.suite import (
    K_INDUCTION,
    SEARCH,
    ProofResult,
    property_named,
    rule_named,
    tasks,
    with_lemmas,
)
from psci.proofs.workers import run_all
from psci.properties import PROPERTIES

USED_IN: Mapping[str, frozenset[str]] = {
    "--rule": frozenset({"proofs"}),
    "--cores": frozenset({"proofs"}),
    "--amend": frozenset({"proofs", "--method"}),
    "--smtlib": frozenset({"proofs"}),
    "--sample": frozenset({"--mutants"}),
    "--traces": frozenset({"--mutants"}),
    "--output": frozenset({"proofs", "--mutants", "--method"}),
    "--depth": frozenset({"proofs", "--method", "--strengthen"}),
    "--ethos": frozenset({"--verify"}),
    "--cpc": frozenset({"--verify"}),
}
"""For each option the kinds of work in which it means something."""


@click.command()
@click.argument("names", metavar="[PROPERTY]...", nargs=-1)
@click.option("--rule", metavar="RULE", help="Only the steps of this rule.")
@click.option("--cores", type=click.Choice(["3", "any"]), help="Only for three cores, or only for any number.")
@amend_option
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
    help="Save runs from boot there as traces; with --mutants also the results: existing results are reused.",
)
@click.option("--depth", type=click.IntRange(1), help="Also search this many steps from boot, with three cores.")
@click.option(
    "--method", type=click.Choice([SEARCH, K_INDUCTION]), help="Only this method, with three cores and --depth steps."
)
@click.option("--strengthen", "strengthening", is_flag=True, help="Find the invariants instead of taking those given.")
@click.option(
    "--certificates",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write each query there, its unsatisfiable core, and cvc5's proof (CPC); for any number of cores.",
)
@click.option(
    "--verify",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Check such a folder: no query is left out, and each proof is a proof of its query.",
)
@click.option("--ethos", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="With --verify: Ethos.")
@click.option(
    "--cpc",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="With --ethos: the rules of CPC, proofs/eo/cpc of cvc5's source.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: prove.json).")
def command(
    names: Sequence[str], rule: str | None, cores: str | None, amend_file: Path | None, jobs: int,
    smtlib: Path | None, mutants: bool, sample: int | None, traces: Path | None, output: Path | None, depth: int | None,
    method: str | None, strengthening: bool, certificates: Path | None, verify: Path | None, ethos: Path | None,
    cpc: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Prove the properties, for three cores and for any number of cores on any tree of power domains.

    What must happen in the end is also decided on the explored graph of two cores.

    With --amend the rules are those of a file of your own: what it breaks is refuted, with a run from boot where there
    is one.

    Every query goes to Z3 and, where it is installed, to cvc5. Exit status: 0 all proved, 1 something is
    refuted, 3 a solver gave up or two solvers contradict each other.
    """
    given = {
        "--rule": rule, "--cores": cores, "--amend": amend_file, "--smtlib": smtlib, "--sample": sample,
        "--traces": traces, "--output": output, "--depth": depth, "--ethos": ethos, "--cpc": cpc,
    }  # fmt: skip
    kinds = {
        "--mutants": mutants, "--strengthen": strengthening, "--method": method, "--certificates": certificates,
        "--verify": verify,
    }  # fmt: skip
    refuse_idle(given, [kind for kind, asked in kinds.items() if asked])
    chosen = [property_named(name) for name in names] or list(PROPERTIES)
    specification = specification_with(amend_file)
    rule = rule_named(rule, specification) if rule else None
    console = Console(stderr=as_json)
    if mutants:
        from psci.cli.proofs.mutants import kill_table

        return kill_table(console, chosen if names else None, jobs, sample, traces, output, as_json)
    if strengthening:
        from psci.cli.proofs.strengthen import strengthen_all

        return strengthen_all(console, chosen if names else None, jobs, depth, as_json)
    if verify is not None:
        from psci.cli.proofs.certificates import verify_all

        return verify_all(console, with_lemmas(chosen), jobs, verify, ethos, cpc, as_json)
    if certificates is not None:
        from psci.cli.proofs.certificates import certify_all

        return certify_all(console, with_lemmas(chosen), jobs, certificates, as_json)
    work = list(tasks(chosen if method else with_lemmas(chosen), cores, rule, smtlib, depth, method, amend_file))
    results: list[ProofResult] = []
    interrupted = False
    started = perf_counter()
    areas = Areas(console, work)
    if not as_json and not console.is_terminal:
        console.print(f"{len(work)} proofs with {jobs} process{'' if jobs == 1 else 'es'}", highlight=False)
    with Progress(*COLUMNS, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("proving", total=len(work))
        try:
            for result in run_all(work, jobs):
                results.append(result)
                if not as_json:
                    areas.add(result)
                progress.advance(bar)
        except KeyboardInterrupt:
            interrupted = True
    saved = {} if output is None else save(results, output)
    spent = Spent(perf_counter() - started, jobs, peak_memory())
    whole = not (names or rule or method)
    if as_json:
        click.echo(json.dumps(document(results, interrupted, spent, specification, saved, whole), indent=2))
    else:
        areas.rest()
        conclusion(console, results, len(work), interrupted, spent, specification, whole)
        for name, path in saved.items():
            console.print(f"{name}: {path} (psci trace show {path} -o {path.with_suffix('.svg')})", soft_wrap=True)
    return 130 if interrupted else status(results)


COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


def refuse_idle(given: Mapping[str, object], kinds: Sequence[str]) -> None:
    """Refuse options that would do nothing.

    Args:
        given: the value of each option, or None.
        kinds: the kinds of work that were asked for, by their options; none means proofs.

    Raises:
        InputError: the options do not go together; the message says which and what to do.
    """
    if len(kinds) > 1:
        raise InputError(f"{kinds[0]} and {kinds[1]} are different work: ask for one of them")
    kind = kinds[0] if kinds else "proofs"
    for option, value in given.items():
        if value is not None and kind not in USED_IN[option]:
            others = " or ".join(sorted(USED_IN[option] - {"proofs"}))
            where = f"with {kind}: leave it out" if kinds else f"without {others}: add that, or leave it out"
            raise InputError(f"{option} does nothing {where}")


def peak_memory() -> int:
    """The most that this process or one that it started has held (MB)."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) // 1024


def save(results: Sequence[ProofResult], folder: Path) -> dict[str, Path]:
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


def status(results: Sequence[ProofResult]) -> int:
    """The exit status of the command."""
    if any(result.verdict is SolverVerdict.REFUTED for result in results):
        return 1
    if any(not result.trustworthy for result in results):
        return 3
    return 0
