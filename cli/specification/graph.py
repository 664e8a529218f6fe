"""`psci graph`: draw the states and moves of a small machine, or write the page to step through."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from psci.explorer.abstraction.machines import MOST_CORES, SHALLOW_STATES, small
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.system import Product
from psci.graphs.diagram import Diagram
from psci.graphs.render import FORMATS, format_of, render, write
from psci.graphs.views import DECISION, PICTURES, VIEWS, compared, decision_view, names, traced, view
from psci.model.errors import InputError
from psci.model.events import Event
from psci.model.language.terms import Value
from psci.model.machine import Key
from psci.model.power.topology import Topology
from psci.model.symbols.readings import READINGS
from psci.model.tables.versions import VERSIONS, Version, version

EXPLORER = "explorer"
STANDARD_OUTPUT = "-"
_UNSEEN = frozenset({"SIGNAL", "LOSE_POWER"})
"""A wakeup that becomes pending changes nothing that a view shows."""
_CHOICES = {**names(), EXPLORER: "a page to step through the rules (html)"}
_SUFFIXES = ", ".join(f".{suffix}" for suffix in FORMATS)


def _help() -> str:
    lines = "\n".join(f"  {name:12} {sentence}" for name, sentence in _CHOICES.items())
    return f"Draw a view of the rules, or write the page to step through them.\n\n\b\nViews:\n{lines}"


@click.command(help=_help())
@click.argument("name", metavar="VIEW")
@click.option(
    "-o", "--output", metavar="FILE", help=f"The file ({_SUFFIXES}), or - for standard output. Default: VIEW.svg."
)
@click.option("--format", "form", type=click.Choice(sorted(set(FORMATS.values()))), help="Default: by the suffix.")
@click.option("--cpus", type=click.IntRange(1, MOST_CORES), help="Number of cores. Default: 2, and 1 for states.")
@click.option("--version", "version_name", default=VERSIONS[-1].name, show_default=True, help="Version of PSCI.")
@click.option("--reading", "readings", multiple=True, metavar="NAME=OPTION", help="Read DEN0022 in this way.")
@click.option("--against", metavar="VERSION", help="Draw what differs from there to another version.")
@click.option("--against-reading", multiple=True, metavar="NAME=OPTION", help="Draw what differs if it is read so.")
@click.option("--call", metavar="FUNCTION", help="The call of the decision table.")
@click.option("--trace", type=click.Path(path_type=Path), help="A trace to highlight, or to open the page with.")
@click.option("--refusals", is_flag=True, help="List answers that change nothing, in a table beside the picture.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: graph.json).")
def command(
    name: str, output: str | None, form: str | None, cpus: int | None, version_name: str, readings: tuple[str, ...],
    against: str | None, against_reading: tuple[str, ...], call: str | None, trace: Path | None, refusals: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Draw a view into a file."""
    if name not in _CHOICES:
        raise InputError(f"unknown view {name!r}: choose {', '.join(_CHOICES)}")
    chosen = "html" if name == EXPLORER else _format(name, output, form)
    file = output or f"{name}.{'html' if name == EXPLORER else chosen if chosen != 'mermaid' else 'mmd'}"
    if as_json and file == STANDARD_OUTPUT:
        raise InputError("--json: the picture goes to standard output already; give -o a file")
    judged = version(version_name)
    if name == EXPLORER:
        return _explorer(file, trace)
    if call is not None and name != DECISION:
        raise InputError(f"--call {call}: only the view {DECISION!r} is of one call")
    if (against or against_reading or trace or refusals or readings) and name not in VIEWS:
        raise InputError(f"view {name}: it takes --version, and no other machine, reading or trace")
    cores = cpus or (VIEWS[name].cpus if name in VIEWS else 2)
    if name in PICTURES:
        diagram = PICTURES[name][1](judged)
    elif name == DECISION:
        if call is None:
            raise InputError("view decision: say which call, for instance --call CPU_ON")
        diagram = decision_view(call, judged)
    else:
        first = _product(name, cores, judged, _declared(readings))
        diagram = _drawn(name, first, cores, refusals, trace, against, against_reading, readings)
    content = render(diagram, chosen)
    if file == STANDARD_OUTPUT:
        sys.stdout.buffer.write(content)
        return 0
    write(Path(file), content)
    if as_json:
        document = {
            "view": name, "file": file, "format": chosen, "version": version_name, "cpus": cores,
            "nodes": len(diagram.nodes), "edges": len(diagram.edges),
        }  # fmt: skip
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(f"{file}: {diagram.title}, {len(diagram.nodes)} nodes, {len(diagram.edges)} edges")
    return 0


def _format(name: str, output: str | None, form: str | None) -> str:
    if output is None or output == STANDARD_OUTPUT:
        return form or "svg"
    return format_of(Path(output), form)


def _drawn(
    name: str, first: Product, cores: int, refusals: bool, trace: Path | None,
    against: str | None, against_reading: tuple[str, ...], readings: tuple[str, ...],
) -> Diagram:  # fmt: skip
    if trace is not None and (against or against_reading):
        raise InputError("--trace: a trace is highlighted on one machine; leave --against out")
    if trace is not None:
        return traced(name, first, _events(trace))
    if not against and not against_reading:
        return view(name, first, refusals)
    judged = first.machine.version
    other = version(against) if against else judged
    second = _product(name, cores, other, _declared((*readings, *against_reading)))
    texts = (_text(judged, readings), _text(other, (*readings, *against_reading)))
    return compared(name, first, second, texts)


def _text(judged: Version, readings: tuple[str, ...]) -> str:
    return ", ".join((f"PSCI {judged}", *readings))


def _product(name: str, cores: int, judged: Version, declared: Mapping[str | Key, Value]) -> Product:
    machine = small(cores, judged, declared=declared)
    if name == "node":
        # clusters side by side, so that a whole cluster can be off while another runs
        shape = Topology.clusters([1] * cores)
        machine = small(cores, judged, topology=shape, states=SHALLOW_STATES, declared=declared)
    single = {
        key: value for key, value in machine.declared.items() if not (isinstance(key, tuple) and key[0] in declared)
    }
    # no view tells the two widths of a function id apart
    return Product(replace(machine, declared=single), abstraction=Abstraction(widths=(True,)), without=_UNSEEN)


def _declared(readings: tuple[str, ...]) -> dict[str | Key, Value]:
    """The symbols that readings choose.

    Raises:
        InputError: there is no such reading or option.
    """
    chosen: dict[str | Key, Value] = {}
    for text in readings:
        name, _, option = text.partition("=")
        if name not in READINGS:
            raise InputError(f"reading {name!r}: choose from {', '.join(READINGS)}")
        reading = READINGS[name]
        if option not in reading.options:
            raise InputError(f"reading {name}: {option!r} is none of {', '.join(reading.options)}")
        chosen[reading.symbol] = reading.options[option]
    return chosen


def _explorer(file: str, trace: Path | None) -> int:
    from psci.graphs.page.assemble import page

    content = page(_events(trace) if trace else None).encode()
    if file == STANDARD_OUTPUT:
        sys.stdout.buffer.write(content)
        return 0
    write(Path(file), content)
    click.echo(f"{file}: {len(content) // 1024} KiB; open it in a browser, it needs no network")
    return 0


def _events(file: Path) -> list[Event]:
    from psci.oracle.traces.file import read_trace

    return list(read_trace(file))
