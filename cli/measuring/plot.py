"""`psci plot`: draw recorded figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from psci.graphs.plots.chart import drawn
from psci.graphs.plots.records import chart_of
from psci.model.errors import InputError

STANDARD_OUTPUT = "-"
MOST_BYTES = 64 << 20
"""No record is larger."""


@click.command()
@click.argument("records", metavar="RECORD...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "-o", "--output", metavar="FILE", help="The file (.svg), or - for standard output. Default: named like the record."
)
def command(records: tuple[Path, ...], output: str | None) -> int:
    r"""Draw the figures of a document that another command wrote, light and dark; of several campaigns together.

    \b
    benchmarks/explorer.py FILE    scaling: the time of exploring against the cores
    psci fuzz PEER --json          coverage: the rules that a campaign met, over its calls
    psci matrix --json             races: how often a deviation shows when it is run again
    psci prove --json              proofs: the time of each
    """
    file = output or f"{records[0].stem}.svg"
    if file != STANDARD_OUTPUT and Path(file).suffix != ".svg":
        raise InputError(f"{file}: a plot is written as .svg")
    chart = chart_of([(str(record), _read(record)) for record in records])
    picture = drawn(chart)
    if file == STANDARD_OUTPUT:
        sys.stdout.write(picture)
        return 0
    from psci.graphs.render import write

    write(Path(file), picture.encode())
    click.echo(f"{file}: {chart.title}")
    return 0


def _read(record: Path) -> object:
    try:
        with record.open("rb") as source:
            text = source.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise InputError(f"{record}: larger than {MOST_BYTES >> 20} MiB: this is no record of figures")
        return json.loads(text)
    except OSError as error:
        raise InputError(f"{record}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{record}: not one JSON document: {error}") from None
