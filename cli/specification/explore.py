"""`psci explore`: all reachable states of a small machine, and the shortest trace to a goal."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from psci.cli.specification.choices import amend_option, specification_with
from psci.explorer.abstraction.cone import ABOUT, cone
from psci.explorer.abstraction.machines import MOST_CORES, small
from psci.explorer.abstraction.registers import CONTEXTS, Abstraction
from psci.explorer.goals import Goal, goal
from psci.explorer.runs.describe import action_text, changes, outcome_text, step_lines
from psci.explorer.search import Exploration, Step, explore
from psci.explorer.system import QUIET_MOVES, Product
from psci.explorer.watch import unwatched, watched
from psci.model.symbols.state import FIELD_BY_NAME
from psci.model.tables.versions import version
from psci.properties import PROPERTIES
from psci.properties.language import Kind


@click.command()
@click.option("--cpus", default=2, show_default=True, type=click.IntRange(1, MOST_CORES), help="Number of cores.")
@click.option("--version", "version_name", default="1.3", show_default=True, help="Version of PSCI.")
@click.option(
    "--until",
    metavar="NAME",
    help="Stop at a goal: a property (its violation), a rule (its first use), FIELD=VALUE, or a named goal.",
)
@click.option(
    "--tokens",
    default=1,
    show_default=True,
    type=click.IntRange(1, len(CONTEXTS)),
    help="How many entry points, and how many context ids, are told apart.",
)
@click.option("--smc64-only", is_flag=True, help="Where a function has two ids, call only the SMC64 one.")
@click.option(
    "--about",
    default="cores",
    show_default=True,
    type=click.Choice([*ABOUT, "all"]),
    help="Tell states apart only by what can influence this.",
)
@click.option("--os-initiated", is_flag=True, help="The machine supports OS-initiated mode.")
@click.option("--environment", is_flag=True, help="Let power fail, and wakeup events become pending, at any time.")
@click.option("--limit", type=click.IntRange(1), help="Stop after that many states.")
@amend_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: explore.json).")
def command(
    cpus: int, version_name: str, until: str | None, tokens: int, smc64_only: bool, about: str, os_initiated: bool,
    environment: bool, limit: int | None, amend_file: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Explore every reachable state of a small machine, breadth first.

    Every core makes every call that the rules can tell apart, in every order. Calls are fused: invoked,
    decided and completed in one step.
    """
    product = Product(
        small(cpus, version(version_name), declared={"osi_supported": os_initiated}),
        specification_with(amend_file),
        abstraction=Abstraction(tokens, tokens, widths=(True,) if smc64_only else (True, False)),
        without=frozenset() if environment else QUIET_MOVES,
    )
    properties = {p.name: p for p in PROPERTIES if p.kind not in (Kind.LIVENESS, Kind.EXPLORED)}
    watch = watched(product, properties[until]) if until in properties else None
    if watch:
        done = explore(watch, watch.goal, limit=limit, progress=_progress)
    else:
        violations = {name: Goal(name, p.sentence) for name, p in properties.items()}
        target = goal(until, product, violations) if until else None
        product = _inside(product, about, until)
        done = explore(product, target, limit=limit, progress=_progress)
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    steps = done.witness()
    if steps is not None and watch:
        steps = unwatched(steps)
    if as_json:
        click.echo(json.dumps(_document(product, done, steps), indent=2))
    else:
        _print(product, done, steps)
    violated = watch is not None and watch.claim.kind is not Kind.WITNESS
    return 1 if violated and steps is not None else 0


def _inside(product: Product, about: str, until: str | None) -> Product:
    """The product cut down to what the question is about, and what the goal needs."""
    if about == "all":
        return product
    place = (until or "").partition("=")[0].partition("[")[0]
    fields = {*ABOUT[about], *({place} & FIELD_BY_NAME.keys())}
    owners = {owner for owner in product.specification.rules if until and until.startswith(f"{owner}.")}
    inside = cone(product.specification, product.machine, fields, product.without, keep=owners)
    return replace(product, specification=inside.specification)


def _progress(done: Exploration) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{len(done.states):,} states, {done.transitions:,} transitions", nl=False, err=True)


def _print(product: Product, done: Exploration, steps: list[Step] | None) -> None:
    machine = product.machine
    count = len(machine.cores)
    click.echo(
        f"PSCI {machine.version}, {count} core{'s' if count > 1 else ''}: {len(done.states):,} states, "
        f"{done.transitions:,} transitions, diameter {done.diameter}, {done.rate:,.0f} transitions/s"
        + ("" if done.complete else ", not all")
    )
    if done.goal is None:
        return
    click.echo(f"{done.goal.name}: {done.goal.sentence}")
    if steps is None:
        click.echo("  not reached" + ("" if done.complete else " within the limit"))
        return
    click.echo(f"  reached in {len(steps)} step{'s' if len(steps) != 1 else ''}:")
    for line in step_lines(product, steps):
        click.echo(line)


def _document(product: Product, done: Exploration, steps: list[Step] | None) -> dict[str, Any]:
    return {
        "version": product.machine.version.name,
        "cpus": len(product.machine.cores),
        "states": len(done.states),
        "transitions": done.transitions,
        "diameter": done.diameter,
        "complete": done.complete,
        "seconds": round(done.seconds, 3),
        "goal": None if done.goal is None else {"name": done.goal.name, "sentence": done.goal.sentence},
        "trace": None if steps is None else [_step(product, step) for step in steps],
    }


def _step(product: Product, step: Step) -> dict[str, Any]:
    rule = step.transition.rule
    return {
        "action": action_text(product, step.transition.action),
        "outcome": outcome_text(step.transition) or None,
        "rule": rule.name,
        "cites": list(rule.cites),
        "changes": list(changes(step.before, step.after)),
    }
