"""`psci trace`: judge a trace by the rules, or show it as a timeline."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import click

from psci.host.files import write_whole
from psci.model.errors import InputError
from psci.model.events import Event, Machine

STATUS: Mapping[str, int] = {
    "conforms": 0,
    "implementation-defined": 0,
    "unpredictable": 0,
    "unknown": 3,
    "harness-error": 3,
    "deviates": 1,
}
"""The exit status of each verdict."""


@click.group()
def command() -> None:
    """Judge a trace by the rules, or show it as a timeline."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object (schema: psci/cli/schemas/trace-check.json)."
)
@click.option("--reading", "readings", multiple=True, metavar="NAME=OPTION", help="Read DEN0022 in this way.")
@click.option("--psci", "version", metavar="VERSION", help="Judge by this version instead of the trace's own.")
@click.pass_context
def check(context: click.Context, file: Path, as_json: bool, readings: tuple[str, ...], version: str | None) -> None:
    """Judge a trace; FILE may be - for standard input.

    Exit status: 0 it conforms, 1 it deviates, 2 it is no trace, 3 it cannot be judged.
    """
    from psci.oracle.checker.checker import check as judge

    report = judge(declared(_events(file), version, readings))
    if as_json:
        click.echo(json.dumps({"file": str(file), **report.as_json()}, indent=2))
    else:
        for line in (*report.lines(), f"{file}: {report.summary()}"):
            click.echo(line)
    context.exit(STATUS[report.verdict.value])


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file that ends in .html or .svg.")
def show(file: Path, output: Path | None) -> None:
    """Show a trace as a timeline, one lane for each core, with what the checker finds; FILE may be -.

    Without -o it is written to the terminal.
    """
    if output is None:
        from psci.graphs.timeline import terminal, verdict

        events = tuple(_events(file))
        width = shutil.get_terminal_size().columns
        click.echo(terminal(events, width, verdict(events)), nl=False)
        return
    if output.suffix not in (".html", ".svg"):
        raise InputError(f"{output}: a timeline is written as .html or .svg; give such a name")
    picture = timeline(tuple(_events(file)), output.suffix)
    write_whole(output, picture)
    click.echo(f"wrote {output}")


def timeline(events: tuple[Event, ...], suffix: str) -> str:
    """The timeline of a trace, as the text of a file with this suffix."""
    from psci.graphs.timeline import timeline as draw
    from psci.graphs.timeline import verdict

    picture = draw(events, notes=verdict(events))
    if suffix != ".html":
        return picture
    # An SVG document may begin with a declaration, which HTML does not know.
    head = (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>PSCI trace</title>'
        '<meta name="viewport" content="width=device-width"><style>body{margin:0;overflow-x:auto;background:#fff}'
        "g[role=listitem]:focus{outline:2px solid #1a56b0}</style>"
    )
    return f"{head}\n{picture[max(picture.find('<svg'), 0) :]}\n</html>\n"


def declared(events: Iterable[Event], version: str | None, readings: tuple[str, ...]) -> Iterator[Event]:
    """The events, with another version or other readings in the first.

    Raises:
        InputError: a reading is not written as NAME=OPTION.
    """
    chosen: dict[str, str] = {}
    for reading in readings:
        name, equals, option = reading.partition("=")
        if not equals:
            raise InputError(f"--reading {reading}: write it as NAME=OPTION, for instance system-stop=at-once")
        chosen[name] = option
    for event in events:
        if isinstance(event, Machine) and (version or chosen):
            psci = version or event.psci
            yield replace(event, psci=psci, reading={**(event.reading or {}), **chosen} or None)
        else:
            yield event


def _events(file: Path) -> Iterator[Event]:
    from psci.oracle.traces.file import read_lines, read_trace

    if str(file) == "-":
        return read_lines(sys.stdin.buffer, "standard input")
    return read_trace(file)
