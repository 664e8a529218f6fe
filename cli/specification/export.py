"""`psci export`: the model for other tools."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from psci.cli.specification.machine import described_machine, machine_options
from psci.explorer.abstraction.cone import ABOUT, cone
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.engines.question import ReachabilityQuestion
from psci.explorer.exports import LANGUAGES, export
from psci.explorer.goals.goal import Goal, goal
from psci.explorer.system import QUIET_MOVES, Product
from psci.explorer.watch import question_of, watched
from psci.properties import PROPERTIES
from psci.properties.language import ClaimKind


@click.command()
@click.argument("language", type=click.Choice(list(LANGUAGES)))
@click.option("-o", "output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file.")
@machine_options
@click.option("--until", metavar="GOAL", help="Add a goal, as in psci explore: the other tool then looks for it.")
@click.option(
    "--about",
    default="cores",
    show_default=True,
    type=click.Choice([*ABOUT, "all"]),
    help="Tell states apart only by what can influence this.",
)
@click.option("--smc64-only", is_flag=True, help="Where a function has two ids, call only the SMC64 one.")
@click.option("--steps", default=8, show_default=True, type=click.IntRange(0), help="The length of a run (smtlib).")
@click.option("--symmetry", is_flag=True, help="Use a scalarset for identical cores (murphi).")
def command(
    language: str, output: Path | None, until: str | None, about: str, smc64_only: bool, steps: int, symmetry: bool,
    **machine: Any,
) -> int:  # fmt: skip
    """Write the model in the language of another tool.

    The states and steps of the text are those of psci explore with the same options: Spin and Rumur find equal numbers.
    """
    abstraction = Abstraction(widths=(True,) if smc64_only else (True, False))
    product = Product(described_machine(**machine), abstraction=abstraction, without=QUIET_MOVES)
    properties = {p.name: p for p in PROPERTIES if p.kind in (ClaimKind.STEP, ClaimKind.INVARIANT, ClaimKind.WITNESS)}
    if until in properties:
        question = question_of(watched(product, properties[until]))
    else:
        violations = {name: Goal(name, p.sentence) for name, p in properties.items()}
        target = goal(until, product, violations) if until else None
        if about != "all":
            fields = {*ABOUT[about], *(() if target is None else target.fields)}
            owners = {rule.partition(".")[0] for rule in (() if target is None else target.rules)}
            inside = cone(product.specification, product.machine, fields, product.without, keep=owners)
            product = replace(product, specification=inside.specification)
        question = ReachabilityQuestion(product, target)
    text = export(language, question, steps=steps, symmetric=symmetry)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
    return 0
