"""`psci prove --strengthen`: the invariants that a proof needs, found without those that people wrote."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import Any

import click
from rich.console import Console

from psci.model.errors import InputError
from psci.proofs.encoding.queries import SolverVerdict, solver_versions
from psci.proofs.strengthening.pipeline import DEPTH, Strengthening, strengthen
from psci.proofs.suite import property_named
from psci.properties import PROPERTIES
from psci.properties.language import ClaimKind, Property

INDUCTIVE = (ClaimKind.STEP, ClaimKind.INVARIANT)
"""The kinds of properties that an induction proves."""


def strengthen_all(
    console: Console, named: Sequence[Property] | None, jobs: int, depth: int | None, as_json: bool
) -> int:
    """Find invariants for each property and show them; 1 where one is refuted, 3 where one is not proved.

    Raises:
        InputError: a named property is not proved by induction.
    """
    for prop in named or ():
        if prop.kind not in INDUCTIVE:
            raise InputError(f"{prop.name} is not proved by induction, so no invariants help: leave it out")
    chosen = [prop.name for prop in named or PROPERTIES if prop.kind in INDUCTIVE]
    results: list[Strengthening] = []
    interrupted = False
    try:
        for result in _results(chosen, jobs, depth or DEPTH):
            results.append(result)
            if not as_json:
                console.print("\n".join(lines(result)), highlight=False, markup=False, soft_wrap=True)
    except KeyboardInterrupt:
        interrupted = True
    if as_json:
        click.echo(json.dumps(document(results, interrupted), indent=2))
    else:
        verdicts = Counter(result.verdict for result in results)
        console.print(
            f"\n{verdicts[SolverVerdict.PROVED]} proved, {sum(bool(r.invariants) for r in results)} of them with found "
            f"invariants; {verdicts[SolverVerdict.UNKNOWN]} not proved, {verdicts[SolverVerdict.REFUTED]} refuted",
            soft_wrap=True,
        )
    return 130 if interrupted else status(results)


def status(results: Sequence[Strengthening]) -> int:
    """The exit status of the command."""
    if any(result.verdict is SolverVerdict.REFUTED for result in results):
        return 1
    return 3 if any(result.verdict is not SolverVerdict.PROVED for result in results) else 0


def _results(names: Sequence[str], jobs: int, depth: int) -> Iterator[Strengthening]:
    """The results in the order of the names, in processes of their own where there is more than one job."""
    work = partial(_one, depth)
    if min(jobs, len(names)) <= 1:
        yield from map(work, names)
        return
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        yield from pool.map(work, names)


def _one(depth: int, name: str) -> Strengthening:
    return strengthen(property_named(name), depth=depth)


def lines(result: Strengthening) -> Iterator[str]:
    """A result as a person reads it: the counts, the invariants one a line, and what is proved with them."""
    yield f"{result.claim} {result.title}"
    yield from (f"  {line}" for line in _counts(result))
    yield from (f"    {invariant}" for invariant in result.invariants)
    yield from (f"  {line}" for line in result.run.splitlines())
    yield f"  {_verdict(result)}; {result.rounds} rounds, {result.seconds:.1f} s"


def _counts(result: Strengthening) -> Iterator[str]:
    counts = result.counts
    if not counts.generated:
        return
    began = f"{counts.generated} candidates, {counts.at_start} hold at the start"
    if not counts.joined:
        yield f"{began}, too few are kept"
        return
    yield f"{began}, every rule keeps {counts.three} with 3 cores"
    needed = "; needed:" if result.invariants else ""
    few = f"as few invariants these are {counts.joined}"
    yield f"{few}, of which every rule keeps {counts.lasting} with any number of cores{needed}"


def _verdict(result: Strengthening) -> str:
    helped = "with these" if result.invariants else "without any"
    numbers = {"any": "any number of cores", "3": "3"}
    proved = f"proved {helped} for {', and for '.join(numbers[cores] for cores in result.cores)}"
    failed = f"with what is left the step of {result.failed} is not proved"
    match result.verdict:
        case SolverVerdict.PROVED:
            return proved
        case SolverVerdict.REFUTED:
            return f"REFUTED: {failed}"
    return f"NOT PROVED: {failed}" + (f" ({proved})" if result.cores else "")


def document(results: Sequence[Strengthening], interrupted: bool) -> dict[str, Any]:
    """The JSON document of the command (schema: strengthen.json)."""
    return {
        "solvers": {"z3": solver_versions()["z3"]},
        "interrupted": interrupted,
        "results": [
            {
                "property": result.claim,
                "title": result.title,
                "verdict": result.verdict.value,
                "cores": list(result.cores),
                "invariants": list(result.invariants),
                "candidates": asdict(result.counts),
                "rounds": result.rounds,
                "failed": result.failed,
                "run": result.run,
                "seconds": round(result.seconds, 3),
            }
            for result in results
        ],
    }
