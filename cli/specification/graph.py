"""`psci graph`: draw the states and moves of a small machine."""

from __future__ import annotations

import json
from pathlib import Path

import click

from psci.explorer.abstraction.machines import MOST_CORES, SHALLOW_STATES, small
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.system import QUIET_MOVES, Product
from psci.graphs.render import FORMATS, format_of, render, write
from psci.graphs.views import VIEWS, view
from psci.model.power.topology import Topology
from psci.model.tables.versions import version


@click.command(help="Draw a view: " + "; ".join(f"{v.name}, {v.sentence}" for v in VIEWS.values()) + ".")
@click.argument("name", metavar="VIEW")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file.")
@click.option("--format", "form", type=click.Choice(sorted(set(FORMATS.values()))), help="Default: by the suffix.")
@click.option("--cpus", default=2, show_default=True, type=click.IntRange(1, MOST_CORES), help="Number of cores.")
@click.option("--version", "version_name", default="1.3", show_default=True, help="Version of PSCI.")
@click.option("--refusals", is_flag=True, help="Draw answers that change nothing, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: graph.json).")
def command(
    name: str, output: Path, form: str | None, cpus: int, version_name: str, refusals: bool, as_json: bool
) -> int:
    """Draw a view into a file."""
    chosen = format_of(output, form)
    machine = small(cpus, version(version_name))
    if name == "node":
        # clusters side by side, so that a whole cluster can be off while another runs
        machine = small(cpus, machine.version, topology=Topology.clusters([1] * cpus), states=SHALLOW_STATES)
    # no view tells the two widths of a function id apart
    product = Product(machine, abstraction=Abstraction(widths=(True,)), without=QUIET_MOVES)
    diagram = view(name, product, refusals)
    write(output, render(diagram, chosen))
    if as_json:
        document = {
            "view": name, "file": str(output), "format": chosen, "version": version_name, "cpus": cpus,
            "nodes": len(diagram.nodes), "edges": len(diagram.edges),
        }  # fmt: skip
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(f"{output}: {diagram.title}, {len(diagram.nodes)} nodes, {len(diagram.edges)} edges")
    return 0
