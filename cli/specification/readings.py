"""`psci readings`: where DEN0022 can be read in several ways: the switches, their options, the rules they decide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from psci.cli.console import wrapped
from psci.cli.specification.choices import near
from psci.explorer.consistency.findings import sections
from psci.explorer.consistency.settings import symbols_of
from psci.model.errors import InputError
from psci.model.specification import SPECIFICATION
from psci.model.symbols.readings import READINGS, Reading


@click.command()
@click.argument("name", metavar="[READING]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: readings.json).")
def command(name: str | None, as_json: bool) -> int:
    """List the readings, or show one in full: its question, its options, the facts that meet, its rules."""
    if name is not None and name not in READINGS:
        raise InputError(f"no reading {name!r}: {near(name, READINGS)}")
    chosen = [READINGS[name]] if name is not None else list(READINGS.values())
    if as_json:
        click.echo(json.dumps({"readings": [document_of(reading) for reading in chosen]}, indent=2))
    elif name is not None:
        click.echo("\n".join(in_full(chosen[0])))
    else:
        for reading in chosen:
            click.echo("\n".join(wrapped(f"{reading.name:<20} {options(reading)}", 21)))
        click.echo(f"{len(chosen)} readings; the first option is the default (psci readings NAME)")
    return 0


def options(reading: Reading) -> str:
    """The options, the default first; an open reading has none."""
    names = " | ".join(reading.options)
    if reading.tried:
        return f"{names} (both are tried when a trace is judged)"
    return f"{names} (open: an implementation may do either)" if reading.open else names


def rules_reading(reading: Reading) -> tuple[str, ...]:
    """The rules that a reading decides about."""
    found = (r.name for r in SPECIFICATION.every_rule() if reading.symbol in symbols_of([r]))
    return tuple(dict.fromkeys(found))


def in_full(reading: Reading) -> Iterator[str]:
    """One reading as text."""
    yield reading.name
    yield from wrapped(f"  {reading.question}", 2)
    for option, meaning in reading.meanings.items():
        default = " (default)" if option == reading.default else ""
        yield from wrapped(f"  {option}{default}: {meaning}", 6)
    if reading.tried:
        yield from wrapped("  When a trace is judged, each option is tried, always the same: none is blamed.", 2)
    if reading.strict:
        yield from wrapped(f"  Why the default: {reading.strict}", 2)
    where = ", ".join(sections(reading.cites))
    yield from wrapped(f"  facts {' '.join(reading.cites)}" + (f"; DEN0022 {where}" if where else ""), 6)
    rules = rules_reading(reading)
    for rule in rules[:12]:
        yield f"  read by {rule}"
    if len(rules) > 12:
        yield f"  and by {len(rules) - 12} more"
    yield f"  where the options differ: psci check reading.{reading.name}"


def document_of(reading: Reading) -> dict[str, Any]:
    """A reading as JSON."""
    return {
        "name": reading.name,
        "question": reading.question,
        "default": reading.default,
        "tried": reading.tried,
        "strict": reading.strict,
        "options": dict(reading.meanings),
        "facts": list(reading.cites),
        "rules": list(rules_reading(reading)),
    }
