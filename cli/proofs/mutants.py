"""`psci prove --mutants`: every rule changed in every way, and what notices it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from psci.model.errors import InputError
from psci.model.events import Event
from psci.model.specification import Specification
from psci.oracle import check
from psci.oracle.traces.file import read_trace, write_trace
from psci.proofs.mutation.kills import (
    DISTINGUISHABLE,
    EQUIVALENT,
    KILLERS,
    SURVIVES,
    UNDECIDED,
    MutantNoticed,
    Watchers,
)
from psci.proofs.mutation.mutants import Mutant, mutants, sample
from psci.proofs.mutation.survivors import argument_for
from psci.proofs.questions.separation import Runs
from psci.proofs.suite import property_named
from psci.properties import PROPERTIES
from psci.properties.language import Property


def kill_table(
    console: Console, properties: Sequence[Property] | None, jobs: int, count: int | None,
    traces: Path | None, output: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Show what notices each mutant.

    Args:
        console: where to print.
        properties: the properties that are asked; None for all of them.
        jobs: how many processes work.
        count: a fixed sample of so many mutants; None for all.
        traces: a folder of traces whose judgement may change.
        output: a folder for the results, one line a mutant, and for generated traces; what is there is not done again.
        as_json: print one document.

    Returns:
        0 where everything is killed, distinguishable or equivalent, 1 where something survives, 3 where something was
        not decided, 130 after an interruption.

    Raises:
        InputError: there are no traces, or the folder's results cannot be read.
    """
    chosen = mutants() if count is None else sample(count)
    names = tuple(p.name for p in properties or PROPERTIES)
    saved = SavedMutants(output) if output is not None else None
    done = {} if saved is None else saved.results()
    found = {mutant.name: done[mutant.name] for mutant in chosen if mutant.name in done}
    waiting = [mutant for mutant in chosen if mutant.name not in found]
    if traces is not None and not any(traces.glob("*.ndjson")):
        raise InputError(f"{traces}: there is no trace (*.ndjson) in this folder")
    interrupted = False
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("mutants", total=len(chosen), completed=len(found))
        try:
            for noticed in _all(waiting, names, traces, jobs):
                found[noticed.mutant] = noticed
                if saved is not None:
                    saved.add(noticed)
                progress.advance(bar)
        except KeyboardInterrupt:
            interrupted = True
    results = [argued(found[mutant.name]) for mutant in chosen if mutant.name in found]
    if as_json:
        click.echo(json.dumps(document(results, interrupted), indent=2))
    else:
        _print(console, results, names, len(chosen), interrupted)
    return 130 if interrupted else status(results)


def argued(noticed: MutantNoticed) -> MutantNoticed:
    """A survivor with the argument why nothing shows it, where there is one."""
    why = argument_for(noticed.mutant) if noticed.by == SURVIVES else ""
    return replace(noticed, reason=why) if why else noticed


def status(results: Sequence[MutantNoticed]) -> int:
    """The exit status of the command."""
    by = {noticed.by for noticed in results}
    return 1 if SURVIVES in by else 3 if UNDECIDED in by else 0


# ---- the work


def _all(waiting: Sequence[Mutant], names: tuple[str, ...], traces: Path | None, jobs: int) -> Iterator[MutantNoticed]:
    work = partial(_look_at, names, traces)
    if jobs <= 1:
        yield from map(work, (mutant.name for mutant in waiting))
        return
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        futures = [pool.submit(work, mutant.name) for mutant in waiting]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@cache
def _watch(names: tuple[str, ...], traces: Path | None) -> Watchers:
    """What notices mutants, made once a process."""
    shipped = {} if traces is None else {path.stem: tuple(read_trace(path)) for path in sorted(traces.glob("*.ndjson"))}
    return Watchers(judgement, Runs(), shipped, [property_named(name) for name in names])


@cache
def _by_name() -> Mapping[str, Mutant]:
    return {mutant.name: mutant for mutant in mutants()}


def _look_at(names: tuple[str, ...], traces: Path | None, mutant: str) -> MutantNoticed:
    return _watch(names, traces).look_at(_by_name()[mutant])


def judgement(events: Sequence[Event], specification: Specification) -> object:
    """What the oracle says of a trace: its verdict, and which events it blames."""
    report = check(events, specification)
    return report.verdict, tuple((finding.event, finding.consequential) for finding in report.findings)


# ---- results in a folder


class SavedMutants:
    """Results in a folder: one JSON line a mutant in `mutants.jsonl`, and the generated traces beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "mutants.jsonl"
        folder.mkdir(parents=True, exist_ok=True)

    def results(self) -> dict[str, MutantNoticed]:
        """What was found before.

        Raises:
            InputError: the file is none of ours.
        """
        found: dict[str, MutantNoticed] = {}
        lines = self.file.read_text(encoding="utf-8").splitlines() if self.file.exists() else []
        for number, line in enumerate(lines, start=1):
            try:
                entry = json.loads(line)
                noticed = MutantNoticed(**{**entry, "properties": tuple(entry["properties"])})
            except (ValueError, TypeError, KeyError) as error:
                if number == len(lines):
                    continue  # the last line of a run that was killed
                raise InputError(f"{self.file}:{number}: no result of a mutant: {error}; give another folder") from None
            found[noticed.mutant] = noticed
        return found

    def add(self, noticed: MutantNoticed) -> None:
        """One more result, on the disk at once."""
        if noticed.events:
            name = "".join(c if c.isalnum() or c in "._-" else "-" for c in noticed.mutant)
            write_trace(self.folder / f"{name}.ndjson", noticed.events)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry(replace(noticed, events=()))) + "\n")


def entry(noticed: MutantNoticed) -> dict[str, Any]:
    """A result as JSON, without its trace."""
    found = asdict(replace(noticed, events=()))
    del found["events"]
    return found


def document(results: Sequence[MutantNoticed], interrupted: bool) -> dict[str, Any]:
    """The JSON document of the command (schema: mutants.json)."""
    by = Counter(noticed.by for noticed in results)
    different = len(results) - by[EQUIVALENT]
    return {
        "mutants": [entry(noticed) for noticed in results],
        "equivalent": by[EQUIVALENT],
        "killed": sum(noticed.killed for noticed in results),
        "distinguishable": by[DISTINGUISHABLE],
        "different": different,
        "interrupted": interrupted,
    }


# ---- what is printed


def _print(
    console: Console, results: Sequence[MutantNoticed], names: Sequence[str], total: int, interrupted: bool
) -> None:
    console.print(_operators(results))
    console.print(_properties(results, names))
    for word in (EQUIVALENT, SURVIVES, UNDECIDED):
        those = [noticed for noticed in results if noticed.by == word]
        for reason, group in _grouped(those).items():
            console.print(f"\n{word}: {reason}", markup=False, highlight=False, soft_wrap=True)
            for name in group:
                console.print(f"  {name}", markup=False, highlight=False, soft_wrap=True)
    by = Counter(noticed.by for noticed in results)
    different = len(results) - by[EQUIVALENT]
    killed = sum(noticed.killed for noticed in results)
    explained = sum(noticed.by == SURVIVES and bool(argument_for(noticed.mutant)) for noticed in results)
    counts = ", ".join(f"{by[killer]} by {killer}" for killer in KILLERS)
    share = f" ({100 * killed / different:.1f} %)" if different else ""
    console.print(
        f"\n{len(results)} of {total} mutants: {by[EQUIVALENT]} equivalent; of the other {different}, {killed} are "
        f"killed by what was there{share}: {counts}; {by[DISTINGUISHABLE]} are only distinguishable, by a trace made "
        f"from the difference; {by[SURVIVES]} survive ({explained} with an argument why nothing can show them), "
        f"{by[UNDECIDED]} undecided" + (" (interrupted)" if interrupted else ""),
        soft_wrap=True,
    )


def _operators(results: Sequence[MutantNoticed]) -> Table:
    words = (*KILLERS, DISTINGUISHABLE, EQUIVALENT, SURVIVES, UNDECIDED)
    table = Table("changed", *words, "all", title="what notices a changed rule", title_justify="left")
    operators = dict.fromkeys(noticed.operator for noticed in results)
    for operator in operators:
        by = Counter(noticed.by for noticed in results if noticed.operator == operator)
        table.add_row(operator, *(str(by[word] or "") for word in words), str(sum(by.values())))
    by = Counter(noticed.by for noticed in results)
    table.add_row("all", *(str(by[word]) for word in words), str(len(results)), style="bold")
    return table


def _properties(results: Sequence[MutantNoticed], names: Iterable[str]) -> Table:
    table = Table("property", "mutants", "for instance", title="mutants that each property notices")
    table.title_justify = "left"
    for name in names:
        noticing = [noticed.mutant for noticed in results if name in noticed.properties]
        table.add_row(name, str(len(noticing)), noticing[0] if noticing else "")
    return table


def _grouped(results: Sequence[MutantNoticed]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for noticed in results:
        found.setdefault(noticed.reason, []).append(noticed.mutant)
    return found
