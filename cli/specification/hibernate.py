"""`psci hibernate`: every client of SYSTEM_OFF2 with every implementation and host, judged, with traces."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from psci.explorer.questions.hibernation import (
    ScenarioJudgement,
    judge,
    name_of,
    pairings,
    precedents,
    updates,
    violations,
)
from psci.model.errors import InputError
from psci.model.scenarios.hibernation import CLIENTS, HOSTS, IMPLEMENTATIONS

WIDTH = 14


@click.command()
@click.option("--client", metavar="NAME", help=f"Only this client: {', '.join(c.name for c in CLIENTS)}.")
@click.option(
    "--implementation", metavar="NAME", help=f"Only this implementation: {', '.join(i.name for i in IMPLEMENTATIONS)}."
)
@click.option("--host", metavar="NAME", help=f"Only this host: {', '.join(h.name for h in HOSTS)}.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="Save all failures there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: hibernate.json).")
def command(
    client: str | None, implementation: str | None, host: str | None, output: Path | None, as_json: bool
) -> int:
    """Judge every pairing of clients, implementations and hosts of SYSTEM_OFF2, by exploring all that can happen.

    With names given, the failures of those pairings are printed step by step. Exit status 1: a pairing whose parties
    keep their side fails all the same.
    """
    for given, known in ((client, CLIENTS), (implementation, IMPLEMENTATIONS), (host, HOSTS)):
        if given is not None and given not in (one.name for one in known):
            raise InputError(f"{given!r}: there is no such party; choose one of {', '.join(one.name for one in known)}")
    judgements = [
        judge(scenario)
        for scenario in pairings()
        if client in (None, scenario.client.name)
        and implementation in (None, scenario.implementation.name)
        and host in (None, scenario.host.name)
    ]
    broken = violations(judgements)
    saved = _save(judgements, output) if output is not None else {}
    if as_json:
        click.echo(json.dumps(_document(judgements, broken, saved), indent=2))
    else:
        _print(judgements, detailed=any((client, implementation, host)))
        for line in broken:
            click.echo(f"BROKEN: {line}")
        if output is not None:
            click.echo(f"{len(set(saved.values()))} traces saved in {output}")
    return 1 if broken else 0


def _save(judgements: Sequence[ScenarioJudgement], folder: Path) -> dict[tuple[int, str], str]:
    """Write the trace of each failure; the same trace of several pairings is one file each, named after them."""
    from psci.oracle.traces.file import write_trace

    folder.mkdir(parents=True, exist_ok=True)
    names = {}
    for judgement in judgements:
        for failure, run in judgement.failures:
            parties = judgement.scenario
            words = f"{parties.client.name} {parties.implementation.name} {parties.host.name} {failure}"
            name = "-".join(re.findall(r"[\w.]+", words.lower())) + ".ndjson"
            write_trace(folder / name, run.events(failure))
            names[id(judgement), failure] = name
    return names


def _print(judgements: Sequence[ScenarioJudgement], detailed: bool) -> None:
    states = sum(judgement.states for judgement in judgements)
    click.echo(f"{len(judgements)} pairings, {states:,} states, all explored")
    implementations = [i for i in IMPLEMENTATIONS if any(j.scenario.implementation is i for j in judgements)]
    telling = [j for j in judgements if j.scenario.host.tells]
    if telling:
        click.echo("\nIs the host told that the guest hibernates?")
        click.echo(_row("client", [i.name for i in implementations]))
    for name, found in _by_client(telling):
        told = {j.scenario.implementation.name: j.told for j in found}
        click.echo(_row(name, [told.get(i.name, "") for i in implementations]))
    for host in HOSTS:
        here = [j for j in judgements if j.scenario.host is host]
        if here:
            click.echo(f"\nhost: {host.name}. {host.sentence}")
            click.echo(_row("client", [i.name for i in implementations]))
            for name, found in _by_client(here):
                verdicts = {j.scenario.implementation.name: j.verdict for j in found}
                click.echo(_row(name, [verdicts[i.name] for i in implementations if i.name in verdicts]))
    if detailed:
        _print_failures(judgements)
    else:
        click.echo("\na firmware update is pending (Linux, F.b, host that preserves)")
        for judgement in map(judge, updates()):
            client = "does not hibernate" if judgement.scenario.heeds_update else "hibernates all the same"
            update = "changes the signature" if judgement.scenario.update_signs else "leaves the signature"
            click.echo(f"  the client {client}, the update {update}: {judgement.verdict}")
        click.echo("\nwhat the next boot may find, by the rules")
        for one in precedents():
            click.echo(f"  {one.call}: {one.keeps} {' or '.join(one.allowed)} ({', '.join(one.rules)})")
        click.echo("\nname a --client, --implementation or --host to see how each failure comes about")


def _row(first: str, cells: Sequence[str]) -> str:
    return f"  {first:{WIDTH}}" + "".join(f"{cell:{WIDTH}}" for cell in cells).rstrip()


def _by_client(judgements: Sequence[ScenarioJudgement]) -> list[tuple[str, list[ScenarioJudgement]]]:
    found = [(client.name, [j for j in judgements if j.scenario.client is client]) for client in CLIENTS]
    return [(name, group) for name, group in found if group]


def _print_failures(judgements: Sequence[ScenarioJudgement]) -> None:
    for judgement in judgements:
        for failure, run in judgement.failures:
            click.echo(f"\n{name_of(judgement.scenario)}: {failure}")
            for line in run.lines():
                click.echo(f"  {line}")


def _document(
    judgements: Sequence[ScenarioJudgement], broken: Sequence[str], saved: dict[tuple[int, str], str]
) -> dict[str, Any]:
    return {
        "clients": {client.name: client.sentence for client in CLIENTS},
        "implementations": {i.name: i.sentence for i in IMPLEMENTATIONS},
        "hosts": {host.name: host.sentence for host in HOSTS},
        "states": sum(judgement.states for judgement in judgements),
        "broken": list(broken),
        "pairings": [_pairing(judgement, saved) for judgement in judgements],
        "updates": [
            {
                "heeded": j.scenario.heeds_update,
                "signed": j.scenario.update_signs,
                "verdict": j.verdict,
            }
            for j in map(judge, updates())
        ],
        "precedents": [
            {"call": p.call, "field": p.keeps, "allowed": list(p.allowed), "rules": list(p.rules)} for p in precedents()
        ],
    }


def _pairing(judgement: ScenarioJudgement, saved: dict[tuple[int, str], str]) -> dict[str, Any]:
    return {
        "client": judgement.scenario.client.name,
        "implementation": judgement.scenario.implementation.name,
        "host": judgement.scenario.host.name,
        "verdict": judgement.verdict,
        "told": judgement.told,
        "states": judgement.states,
        "failures": [
            {"what": failure, "steps": list(run.lines()), "file": saved.get((id(judgement), failure))}
            for failure, run in judgement.failures
        ],
    }
