"""Any view by its name, of a machine that is described in a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from psci.explorer.abstraction.machines import SHALLOW_STATES, small
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.system import QUIET_MOVES, Product
from psci.graphs.diagram import Diagram
from psci.graphs.views import DECISION, PICTURES, VIEWS, compared, decision_view, names, traced, view
from psci.model.errors import InputError
from psci.model.events import Event
from psci.model.language.terms import Value
from psci.model.machine import Key
from psci.model.power.topology import Topology
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.readings import READINGS
from psci.model.tables.versions import V1_3, Version, version

MOST_DRAWN_CORES = 8
"""A machine with more has too many states to be enumerated, let alone drawn."""
Readings = Mapping[str, str]
"""Readings by name, with the option of each."""


def draw(
    name: str, *, cpus: int | None = None, psci: str = V1_3.name, readings: Readings | None = None,
    against: str | None = None, against_readings: Readings | None = None, call: str | None = None,
    trace: Sequence[Event] | None = None, refusals: bool = False, specification: Specification = SPECIFICATION,
) -> Diagram:  # fmt: skip
    """The diagram of a view.

    Args:
        name: the view: a key of `names()`.
        cpus: the cores of the machine; by default as many as the view can show.
        psci: the version of PSCI.
        readings: how DEN0022 is read, where not by default.
        against: another version; then the diagram shows what differs from there to it.
        against_readings: other readings; likewise.
        call: the function of a decision table.
        trace: events; the steps that explain them stand out.
        refusals: list answers that change nothing, too.
        specification: the rules, where they are amended.

    Raises:
        InputError: there is no such view, version, reading or call, or the view does not take what is given.
    """
    if name not in names():
        raise InputError(f"unknown view {name!r}: choose {', '.join(names())}")
    judged = version(psci)
    if call is not None and name != DECISION:
        raise InputError(f"--call {call}: only the view {DECISION!r} is of one call")
    if name not in VIEWS:
        amended = specification is not SPECIFICATION and name != DECISION
        if readings or against or against_readings or trace or refusals or amended:
            also = " and amended rules" if name == DECISION else ", and no other rules"
            raise InputError(f"view {name}: it takes --version{also}, no other machine, reading or trace")
        return _of_its_own(name, judged, call, specification)
    cores = cpus or VIEWS[name].cpus
    first = _product(name, cores, judged, readings or {}, specification)
    if trace is not None:
        if against or against_readings:
            raise InputError("--trace: a trace is highlighted on one machine; leave --against out")
        return traced(name, first, trace)
    if not against and not against_readings:
        return view(name, first, refusals)
    other = version(against) if against else judged
    others = {**(readings or {}), **(against_readings or {})}
    second = _product(name, cores, other, others, specification)
    return compared(name, first, second, (_text(judged, readings), _text(other, others)))


def _of_its_own(name: str, judged: Version, call: str | None, specification: Specification) -> Diagram:
    if name != DECISION:
        return PICTURES[name][1](judged)
    if call is None:
        raise InputError("view decision: say which call, for instance --call CPU_ON")
    return decision_view(call, judged, specification)


def _text(judged: Version, readings: Readings | None) -> str:
    return ", ".join((f"PSCI {judged}", *(f"{name}={option}" for name, option in (readings or {}).items())))


def _product(name: str, cores: int, judged: Version, readings: Readings, specification: Specification) -> Product:
    chosen = dict(_chosen(reading, option) for reading, option in readings.items())
    # clusters side by side, so that a whole cluster can be off while another runs
    shape = Topology.clusters([1] * cores) if name == "node" else None
    machine = small(cores, judged, topology=shape, states=SHALLOW_STATES if shape else ())
    kept = {key: value for key, value in machine.declared.items() if not (isinstance(key, tuple) and key[0] in chosen)}
    declared: dict[str | Key, Value] = dict(kept)
    declared.update(chosen)
    # no view tells the two widths of a function id apart
    return Product(replace(machine, declared=declared), specification, Abstraction(widths=(True,)), QUIET_MOVES)


def _chosen(name: str, option: str) -> tuple[str, Value]:
    """The symbol of a reading, and its value."""
    if name not in READINGS:
        raise InputError(f"reading {name!r}: choose from {', '.join(READINGS)}")
    reading = READINGS[name]
    if option not in reading.options:
        raise InputError(f"reading {name}: {option!r} is none of {', '.join(reading.options)}")
    return reading.symbol, reading.options[option]


__all__ = ["MOST_DRAWN_CORES", "Readings", "draw"]
