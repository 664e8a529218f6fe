"""Pictures of the states of a small machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from psci.front.judging import events_of
from psci.graphs.diagram import Diagram
from psci.graphs.render import format_of, render, to_networkx, write
from psci.graphs.timeline import terminal, verdict
from psci.graphs.timeline import timeline as draw_timeline
from psci.graphs.views import VIEWS
from psci.graphs.views.draw import MOST_DRAWN_CORES, Readings, draw
from psci.model.errors import InputError
from psci.model.events import Event
from psci.model.tables.versions import V1_3


@dataclass(frozen=True)
class Picture:
    """A diagram that a notebook shows."""

    diagram: Diagram

    @cached_property
    def svg(self) -> str:
        """The picture as SVG."""
        return render(self.diagram, "svg").decode()

    def save(self, path: Path | str) -> None:
        """Write it to a file; the suffix says the format.

        Raises:
            InputError: the suffix is unknown, or the file cannot be written.
        """
        file = _path(path)
        write(file, render(self.diagram, format_of(file)))

    def graph(self) -> Any:
        """The diagram as a graph of networkx."""
        return to_networkx(self.diagram)

    def _repr_svg_(self) -> str:
        return _fitting(self.svg)

    def __repr__(self) -> str:
        return f"{self.diagram.title}: {len(self.diagram.nodes)} nodes, {len(self.diagram.edges)} edges"


@dataclass(frozen=True)
class Timeline:
    """A trace that a notebook shows, with unexplained events marked."""

    trace: tuple[Event, ...]

    @cached_property
    def svg(self) -> str:
        """The timeline as SVG."""
        return draw_timeline(self.trace, notes=verdict(self.trace))

    def save(self, path: Path | str) -> None:
        """Write it to a file as SVG.

        Raises:
            InputError: the file cannot be written, or its suffix is another.
        """
        file = _path(path)
        if file.suffix != ".svg":
            raise InputError(f"{file}: a timeline is written as SVG: name a file that ends in .svg")
        write(file, self.svg.encode())

    def _repr_svg_(self) -> str:
        return _fitting(self.svg)

    def __repr__(self) -> str:
        return terminal(self.trace, notes=verdict(self.trace)).rstrip()


def _path(given: object) -> Path:
    if not isinstance(given, str | Path):
        raise InputError(f"{given!r} is no file: give a path")
    return Path(given)


def _fitting(svg: str) -> str:
    """The picture as wide as its page, rather than cut."""
    return re.sub(r'(<svg[^>]*?) width="[^"]*"( height="[^"]*")', r'\1 width="100%"', svg, count=1)


def timeline(trace: Path | str | Iterable[Event | Mapping[str, Any]]) -> Timeline:
    """A trace as a timeline, one lane for each core, with the verdict in its place.

    >>> machine = {"k": "machine", "format": 1, "psci": "1.3", "cpus": ["0x0"]}
    >>> timeline([machine, {"k": "call", "cpu": "0x0", "fn": "0x84000000"}])
    PSCI 1.3, 1 core
          core 0x0
        1 PSCI_VERSION()

    Args:
        trace: a file, events, or the JSON objects of its lines.

    Raises:
        InputError: it is not a trace.
    """
    events = tuple(events_of(trace))
    if not events:
        raise InputError("the trace is empty: give at least its machine line")
    return Timeline(events)


def graph(
    name: str = "core", *, cpus: int | None = None, version: str = V1_3.name, readings: Readings | None = None,
    against: str | None = None, against_readings: Readings | None = None, call: str | None = None,
    refusals: bool = False,
) -> Picture:  # fmt: skip
    """A view of the states and moves of a small machine: core, system, and the others of `psci graph --help`.

    >>> graph("system", cpus=1)
    The system, as its callers see it: 12 nodes, 17 edges
    >>> graph("core", version="1.0", against="1.3", cpus=1).diagram.subtitle
    '2 added, 0 removed, 1 changed'

    Args:
        name: the view.
        cpus: the cores of the machine; by default as many as the view can show.
        version: the version of PSCI.
        readings: how DEN0022 is read, where not by default: `{"frozen-core": "already-on"}`.
        against: another version; the picture then shows what differs from there to it.
        against_readings: other readings; likewise.
        call: the function of the view `decision`.
        refusals: list answers that change nothing, too.

    Raises:
        InputError: there is no such view; the message lists those that exist.
    """
    if cpus is not None and (type(cpus) is not int or not 1 <= cpus <= MOST_DRAWN_CORES):
        raise InputError(f"cpus {cpus!r}: give a number of cores, 1 to {MOST_DRAWN_CORES}")
    for what, given in (("version", version), ("against", against), ("call", call)):
        if given is not None and not isinstance(given, str):
            raise InputError(f"{what} {given!r}: give a name, as a text")
    for what, pairs in (("readings", readings), ("against_readings", against_readings)):
        if pairs is not None and not isinstance(pairs, Mapping):
            raise InputError(f"{what} {pairs!r}: give options by the names of readings (psci.readings)")
    return Picture(
        draw(
            name, cpus=cpus, psci=version, readings=readings, against=against, against_readings=against_readings,
            call=call, refusals=refusals,
        )
    )  # fmt: skip


__all__ = ["VIEWS", "Picture", "Timeline", "graph", "timeline"]
