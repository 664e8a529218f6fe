"""`psci prove --certificates` and `--verify`: proofs for a stranger, and what can be checked of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from psci.model.errors import InputError
from psci.proofs.certificates.files import HOW_TO_BUILD, check, collect, index, left_out
from psci.proofs.encoding.queries import SolverVerdict, cvc5_missing, solver_versions
from psci.proofs.suite import ANY, EXPLORED, ProofResult, Task, tasks
from psci.proofs.workers import run_all
from psci.properties.language import Property


def queries_of(properties: Sequence[Property]) -> list[Task]:
    """The proofs by queries, for any number of cores."""
    return [replace(task, second_solver=False) for task in tasks(properties, ANY) if task.method != EXPLORED]


def certify_all(console: Console, properties: Sequence[Property], jobs: int, folder: Path, as_json: bool) -> int:
    """Write the certificates of properties, and the index of the folder.

    Args:
        console: where progress is shown.
        properties: what is to be proved.
        jobs: how many processes work.
        folder: where the files go.
        as_json: print the index.

    Returns:
        0 where each query has a proof without a step that is not justified; 1 where one is refuted, else 3.

    Raises:
        InputError: cvc5 is not installed.
    """
    missing = cvc5_missing()
    if missing:
        raise InputError(missing)
    work = [replace(task, certificates=str(folder)) for task in queries_of(properties)]
    results = list(_run(console, work, jobs))
    found = collect(folder, solver_versions())
    bad = [certificate.query for certificate in found if not certificate.proof or certificate.trusted]
    if as_json:
        click.echo(json.dumps({"solvers": solver_versions(), "certificates": [asdict(c) for c in found]}, indent=2))
    else:
        sizes = sorted(certificate.bytes for certificate in found) or [0]
        console.print(
            f"{len(found)} certificates in {folder}: {sum(sizes) / 1e6:.1f} MB of proofs, the median of "
            f"{sizes[len(sizes) // 2] / 1e3:.0f} kB, the largest of {sizes[-1] / 1e6:.2f} MB; "
            f"{sum(certificate.steps for certificate in found):,} steps; {len(bad)} without a whole proof",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
        for name in bad:
            console.print(f"  {name}", highlight=False, markup=False)
    if any(result.verdict is SolverVerdict.REFUTED for result in results):
        return 1
    return 3 if bad or any(result.verdict is not SolverVerdict.PROVED for result in results) else 0


def verify_all(
    console: Console, properties: Sequence[Property], jobs: int, folder: Path, ethos: Path | None, cpc: Path | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Check a folder of certificates against the queries, which are made anew from the rules.

    Args:
        console: where findings are shown.
        properties: what it is to prove.
        jobs: how many processes work.
        folder: where the files are.
        ethos: the independent checker, where there is one.
        cpc: the rules that it checks by.
        as_json: print one document.

    Returns:
        0 where Ethos accepted every proof and no query is left out; 1 where something is wrong; 3 without Ethos.

    Raises:
        InputError: the folder has no index.
    """
    index(folder)
    work = [replace(task, lists=True) for task in queries_of(properties)]
    asked = [query for result in _run(console, work, jobs) for query in result.proved]
    checked = list(check(folder, ethos, cpc))
    faults = {found.query: found.fault for found in checked if found.fault}
    faults |= dict.fromkeys(left_out(folder, asked), "it has no certificate")
    independent = sum(found.independent for found in checked)
    if as_json:
        document = {
            "queries": len(asked), "certificates": len(checked), "independent": independent,
            "faults": [{"query": name, "fault": fault} for name, fault in faults.items()],
        }  # fmt: skip
        click.echo(json.dumps(document, indent=2))
    else:
        for name, fault in faults.items():
            console.print(f"{name}: {fault}", highlight=False, markup=False, soft_wrap=True)
        told = f"{len(asked)} queries, {len(checked)} certificates, {len(faults)} faults; Ethos accepted {independent}"
        console.print(told, highlight=False, soft_wrap=True)
        if ethos is None:
            console.print(
                "Without Ethos it is checked that each proof is closed, ends with false, and assumes only what its "
                f"query asserts, but not its steps. {HOW_TO_BUILD}", highlight=False, markup=False, soft_wrap=True,
            )  # fmt: skip
    return 1 if faults else 3 if ethos is None else 0


def _run(console: Console, work: Sequence[Task], jobs: int) -> Iterator[ProofResult]:
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("proving", total=len(work))
        for result in run_all(work, jobs):
            progress.advance(bar)
            yield result
