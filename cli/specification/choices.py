"""What several commands ask for in the same words: the version, chosen readings, a file of amendments."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from psci.explorer.amendments import read_amendments
from psci.model.errors import InputError
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.readings import READINGS

amend_option: Callable[[Any], Any] = click.option(
    "--amend", "amend_file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="A Python file that adds, changes or removes rules (see psci.explorer.amendments).",
)  # fmt: skip
reading_option: Callable[[Any], Any] = click.option(
    "--reading", "readings", metavar="NAME=OPTION", multiple=True, help="Choose an option of a reading (psci readings)."
)


def specification_with(amend_file: Path | None) -> Specification:
    """The rules, with a file of amendments where one is given.

    Raises:
        InputError: the file is wrong.
    """
    return SPECIFICATION if amend_file is None else read_amendments(amend_file)


def chosen_readings(words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """`NAME=OPTION` as pairs.

    Raises:
        InputError: there is no such reading, or no such option; the message lists what there is.
    """
    return tuple(chosen_reading(word) for word in words)


def chosen_reading(word: str) -> tuple[str, str]:
    """One `NAME=OPTION`.

    Raises:
        InputError: there is no such reading, or no such option.
    """
    name, _, option = word.partition("=")
    if name not in READINGS:
        raise InputError(f"--reading {word}: no reading {name!r}; {near(name, READINGS)}")
    options = READINGS[name].options
    if option not in options:
        raise InputError(f"--reading {word}: the options of {name} are {', '.join(options)}")
    return name, option


def near(name: str, known: Iterable[str], see: str = "psci readings") -> str:
    """What somebody may have meant: near names, or where all of them are listed."""
    names = list(known)
    lowered = {candidate.lower(): candidate for candidate in names}
    close = [lowered[found] for found in difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.6)]
    within = [candidate for candidate in names if name.lower() in candidate.lower() and candidate not in close]
    # a call, a rule or a reading says more than one of many facts
    within.sort(key=lambda candidate: (candidate[-1].isdigit() and "-" in candidate, len(candidate)))
    close = [*close[:2], *within[:2], *close[2:]]
    return f"did you mean {' or '.join(close[:4])}?" if close else f"{see} lists them"


__all__ = ["amend_option", "chosen_reading", "chosen_readings", "near", "reading_option", "specification_with"]
