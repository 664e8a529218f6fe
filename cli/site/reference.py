"""Reference pages that are read off the program: the commands, the front door, the JSON schemas, the views."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import click

import psci
from psci.cli.main import COMMANDS
from psci.cli.main import psci as command
from psci.cli.site.pages import WIDE
from psci.graphs.plots.chart import drawn
from psci.graphs.plots.records import chart_of
from psci.graphs.render import render
from psci.graphs.views import DECISION, names
from psci.graphs.views.draw import draw

_WIDTH = 80


def every_page() -> Iterator[tuple[str, str]]:
    """The commands, the Python API, the schemas."""
    yield "reference/commands.md", "\n".join(_commands())
    yield "reference/python.md", "\n".join(_python())
    yield "reference/schemas.md", "\n".join(_schemas())


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "Exit status: 0 nothing new, 1 a new finding, 2 bad input, 3 could not judge, 130 interrupted.\n"
    context = click.Context(command, info_name="psci", max_content_width=_WIDTH, terminal_width=_WIDTH)
    for name, (_, sentence) in COMMANDS.items():
        yield f"## psci {name}\n\n{sentence[0].upper()}{sentence[1:]}.\n"
        found = command.get_command(context, name)
        assert found is not None
        yield from _help(found, f"psci {name}")


def _help(found: click.Command, path: str) -> Iterator[str]:
    context = click.Context(found, info_name=path, max_content_width=_WIDTH, terminal_width=_WIDTH)
    yield f"```text\n{found.get_help(context)}\n```\n"
    if isinstance(found, click.Group):
        for name in found.list_commands(context):
            inner = found.get_command(context, name)
            assert inner is not None
            yield from _help(inner, f"{path} {name}")


def _python() -> Iterator[str]:
    yield "# Python\n\n`import psci` is the front door. The examples are run by the tests.\n"
    yield f"```text\n{inspect.getdoc(psci)}\n```\n"
    for name in psci.__all__:
        thing = getattr(psci, name)
        yield f"## psci.{name}\n"
        if callable(thing):
            yield f"```python\n{name}{inspect.signature(thing)}\n```\n"
            yield f"```text\n{inspect.getdoc(thing)}\n```\n"
        else:
            yield f"```text\n{thing!r}\n```\n"


def _schemas() -> Iterator[str]:
    yield "# JSON schemas\n\nWhat each command prints with `--json`.\n"
    folder = resources.files("psci.cli.schemas")
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".json"):
            text = json.dumps(json.loads(entry.read_text(encoding="utf-8")), indent=2)
            yield f"## {entry.name.removesuffix('.json')}\n\n```json\n{text}\n```\n"


PLOTS = (
    (
        "exploring",
        ("figures/exploring.json",),
        ("python benchmarks/explorer.py docs/figures/exploring.json --part scaling --most 64 --one-by-one 4",),
    ),
    (
        "campaigns",
        ("figures/campaign-qemu.json", "figures/campaign-kvm.json"),
        ("psci fuzz qemu --seed 1 --time 90 --json", "psci fuzz kvm:latest --seed 1 --time 90 --json"),
    ),
    ("races", ("matrix/matrix.json",), ("psci matrix",)),
    ("proofs", ("figures/proofs.json",), ("psci prove --cores any --jobs 1 --json",)),
)
"""Plots: the records in docs/, and the commands that wrote them."""
OTHERS = (
    ("[The page to step through](explorer.html)", "`psci graph explorer`"),
    ("The timeline on the first page", "`psci trace show docs/examples/accepted-twice.ndjson -o FILE.svg`"),
    ("What a version added", "`psci graph core --version 0.2 --against 1.3`"),
    ("What a reading changes", "`psci graph core --against-reading frozen-core=already-on`"),
    ("Refusals as a table", "`psci graph core --refusals -o core.html`"),
    ("A trace on the picture", "`psci graph core --trace docs/examples/a-core-starts.ndjson`"),
    ("The pictures of the notebooks", "`pytest tests/notebooks`"),
)
"""Pictures that are made elsewhere, and by what."""


def pictures(docs: Path) -> Iterator[tuple[str, bytes]]:
    """Every view as SVG and as a page of its own, plots of recorded figures, and a page that shows them.

    Args:
        docs: the folder with the records.

    Raises:
        InputError: there is no `dot`.
    """
    lines = [f"{WIDE}# Pictures\n\nEach is made from the rules by the command below it. Click one to see it in full.\n"]
    for name, sentence in names().items():
        options = ("--call", "CPU_ON") if name == DECISION else ()
        diagram = draw(name, call="CPU_ON" if name == DECISION else None)
        yield f"pictures/{name}.svg", render(diagram, "svg")
        yield f"pictures/{name}.html", render(diagram, "html")
        lines.append(f"## {sentence[0].upper()}{sentence[1:]}\n")
        lines.append(f"[![{diagram.title}](pictures/{name}.svg)](pictures/{name}.html){{ .picture }}\n")
        lines.append(f"`psci graph {' '.join((name, *options))}`\n")
    for name, records, commands in PLOTS:
        chart = chart_of([(record, json.loads((docs / record).read_bytes())) for record in records])
        yield f"pictures/plot-{name}.svg", drawn(chart).encode()
        lines.append(f"## {chart.title}\n\n[![{chart.title}](pictures/plot-{name}.svg)](pictures/plot-{name}.svg)\n")
        asked = " ".join(f"docs/{record}" for record in records)
        lines.append(f"Recorded by {', '.join(f'`{each}`' for each in commands)}; drawn by `psci plot {asked}`\n")
    lines.append("## Beside these\n")
    lines += [f"- {what}: {command}" for what, command in OTHERS]
    yield "pictures.md", "\n".join(lines).encode()
