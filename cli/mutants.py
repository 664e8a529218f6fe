"""The kill table of `psci prove --mutants`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from psci.proofs import mutation
from psci.proofs.mutation import CONFORMANCE, CONSISTENCY, EQUIVALENT, UNDECIDED, Kill
from psci.proofs.suite import property_named
from psci.properties.language import Property


def kill_table(
    console: Console, properties: Sequence[Property] | None, jobs: int, sample: int | None, as_json: bool
) -> int:
    """Show what notices each mutant; 3 where something could not be decided."""
    names = None if properties is None else tuple(p.name for p in properties)
    count = sample or len(mutation.mutants())
    kills: list[Kill] = []
    status = 0
    try:
        for kill in track(_kills(names, jobs, sample), "mutants", total=count, console=console, transient=True):
            kills.append(kill)
    except KeyboardInterrupt:
        status = 130
    if as_json:
        entries = [{"mutant": kill.mutant, "operator": kill.operator, "by": kill.by} for kill in kills]
        click.echo(json.dumps({"mutants": entries, "interrupted": status == 130}, indent=2))
    else:
        _print(console, kills)
    if status == 0 and any(kill.by == UNDECIDED for kill in kills):
        return 3
    return status


def _kills(names: Sequence[str] | None, jobs: int, sample: int | None) -> Iterator[Kill]:
    places = range(sample or len(mutation.mutants()))
    work = partial(_killer, names, sample)
    if jobs <= 1:
        yield from map(work, places)
        return
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        yield from pool.map(work, places, chunksize=4)


def _killer(names: Sequence[str] | None, sample: int | None, place: int) -> Kill:
    everything = mutation.mutants() if sample is None else mutation.sample(sample)
    properties = None if names is None else [property_named(name) for name in names]
    return mutation.killer(everything[place], properties)


def _print(console: Console, kills: Sequence[Kill]) -> None:
    by: Counter[str] = Counter(kill.by for kill in kills)
    words = (CONSISTENCY, CONFORMANCE, EQUIVALENT, UNDECIDED)
    table = Table("noticed by", "mutants", "by changing", title="what notices a changed rule", title_justify="left")
    for name in (*sorted(set(by) - set(words)), *(word for word in words if word in by)):
        counts = Counter(kill.operator for kill in kills if kill.by == name)
        ways = ", ".join(f"{operator} {number}" for operator, number in counts.most_common())
        table.add_row(name, str(by[name]), ways)
    console.print(table)
    for kill in kills:
        if kill.by in (EQUIVALENT, UNDECIDED):
            console.print(f"{kill.by}: {kill.mutant}", markup=False, highlight=False, soft_wrap=True)
    different = len(kills) - by[EQUIVALENT]
    noticed = different - by[CONFORMANCE] - by[UNDECIDED]
    console.print(
        f"{len(kills)} mutants, {by[EQUIVALENT]} equivalent; of the other {different}, properties and consistency "
        f"notice {noticed}, and {by[CONFORMANCE]} more only a call that tells them apart",
        soft_wrap=True,
    )
