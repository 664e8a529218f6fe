"""`psci export`: the model for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from psci.cli.specification.machine import described_machine, machine_options
from psci.explorer.abstraction.cone import ABOUT
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.exports import LANGUAGES, export
from psci.explorer.system import QUIET_MOVES, Product
from psci.explorer.watch import asked


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
    question = asked(product, until, about)
    text = export(language, question, steps=steps, symmetric=symmetry)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
    return 0
