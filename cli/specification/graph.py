"""`psci graph`: draw the states and moves of a small machine, or write the page to step through."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from psci.cli.console import working
from psci.cli.specification.choices import amend_option, specification_with
from psci.graphs.diagram import Diagram
from psci.graphs.render import FORMATS, format_of, render, write
from psci.graphs.views import VIEWS, names
from psci.graphs.views.draw import MOST_DRAWN_CORES, draw
from psci.model.errors import InputError
from psci.model.events import Event
from psci.model.tables.versions import V1_3

EXPLORER = "explorer"
STANDARD_OUTPUT = "-"
_SUFFIX_OF = {"mermaid": "mmd"}
_CHOICES = {**names(), EXPLORER: "a page to step through the rules (html)"}
_SUFFIXES = ", ".join(f".{suffix}" for suffix in FORMATS)


class ViewsCommand(click.Command):
    """A command whose help lists the views."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The views, then the options."""
        with formatter.section("Views"):
            formatter.write_dl(list(_CHOICES.items()))
        super().format_options(ctx, formatter)


@click.command(cls=ViewsCommand)
@click.argument("name", metavar="VIEW")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help=f"The file ({_SUFFIXES}), or - for standard output. Default: VIEW.svg.",
)
@click.option("--format", "form", type=click.Choice(sorted(set(FORMATS.values()))), help="Default: by the suffix.")
@click.option("--cpus", type=click.IntRange(1, MOST_DRAWN_CORES), help="Number of cores. Default: 2, and 1 for states.")
@click.option("--version", "psci", metavar="VERSION", default=V1_3.name, show_default=True, help="Version of PSCI.")
@click.option("--reading", "readings", multiple=True, metavar="NAME=OPTION", help="Read DEN0022 in this way.")
@click.option("--against", metavar="VERSION", help="Draw what changes from --version to this version.")
@click.option("--against-reading", multiple=True, metavar="NAME=OPTION", help="Draw what changes with this reading.")
@click.option("--call", metavar="FUNCTION", help="The call of the decision table.")
@click.option("--trace", type=click.Path(path_type=Path), help="A trace to highlight, or to open the page with.")
@click.option("--refusals", is_flag=True, help="List answers that change nothing, in a table beside the picture.")
@amend_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: graph.json).")
def command(
    name: str, output: str | None, form: str | None, cpus: int | None, psci: str, readings: tuple[str, ...],
    against: str | None, against_reading: tuple[str, ...], call: str | None, trace: Path | None, refusals: bool,
    amend_file: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Draw a view of the rules, or write the page to step through them."""
    if name not in _CHOICES:
        raise InputError(f"unknown view {name!r}: choose {', '.join(_CHOICES)}")
    if as_json and output == STANDARD_OUTPUT:
        raise InputError("--json: the picture goes to standard output already; give -o a file")
    events = _events(trace) if trace else None
    if name == EXPLORER:
        return _explorer(output or f"{EXPLORER}.html", events)
    named = output not in (None, STANDARD_OUTPUT)
    chosen = format_of(Path(str(output)), form) if named else form or "svg"
    kind = "difference" if against or against_reading else "trace" if trace else ""
    what = "-".join(filter(None, (name, call, kind)))
    file = output or f"{what}.{_SUFFIX_OF.get(chosen, chosen)}"
    with working(f"drawing {name} ..."):
        diagram = draw(
            name, cpus=cpus, psci=psci, readings=_pairs(readings), against=against,
            against_readings=_pairs(against_reading), call=call, trace=events, refusals=refusals,
            specification=specification_with(amend_file),
        )  # fmt: skip
        drawn = render(diagram, chosen)
    _write(file, drawn)
    if as_json:
        document = {
            "view": name, "file": file, "format": chosen, "version": psci,
            "cpus": cpus or (VIEWS[name].cpus if name in VIEWS else None),
            "nodes": len(diagram.nodes), "edges": len(diagram.edges), "rows": _rows(diagram),
        }  # fmt: skip
        click.echo(json.dumps(document, indent=2))
    elif file != STANDARD_OUTPUT:
        click.echo(f"{file}: {diagram.title}, {_size(diagram)}")
    return 0


def _rows(diagram: Diagram) -> int:
    """The rows of the tables beside the picture, or in its place."""
    return sum(len(table.rows) for table in diagram.tables)


def _size(diagram: Diagram) -> str:
    counts = ((len(diagram.nodes), "nodes"), (len(diagram.edges), "edges"), (_rows(diagram), "rows"))
    return ", ".join(f"{count} {what}" for count, what in counts if count)


def _write(file: str, content: bytes) -> None:
    if file == STANDARD_OUTPUT:
        sys.stdout.buffer.write(content)
    else:
        write(Path(file), content)


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = (text.partition("=") for text in texts)
    return {name: option for name, _, option in pairs}


def _explorer(file: str, events: list[Event] | None) -> int:
    from psci.graphs.page.assemble import page

    content = page(events).encode()
    _write(file, content)
    if file != STANDARD_OUTPUT:
        click.echo(f"{file}: {len(content) // 1024} KiB; open it in a browser, it needs no network")
    return 0


def _events(file: Path) -> list[Event]:
    from psci.oracle.traces.file import read_trace

    return list(read_trace(file))
