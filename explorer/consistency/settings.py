"""On which machines the rules are questioned: an ordinary one, one with power domains, and each other declaration.

Nothing here is written for a particular question: what a machine may declare otherwise is read off the rules that a
question is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

from psci.explorer.abstraction.cells import Cells
from psci.explorer.abstraction.machines import SHALLOW_STATES, SYSTEM_STATES, open_symbols, small
from psci.explorer.abstraction.registers import Abstraction
from psci.model.declare import Call
from psci.model.language.rules import Rule
from psci.model.language.sorts import BOOL, CORE, Enumeration, Quantity
from psci.model.language.terms import App, Function, Term, Value, subterms
from psci.model.machine import DEFAULTS, SYMBOLS, Key, Machine, answers
from psci.model.power.states import PowerState
from psci.model.power.topology import Topology
from psci.model.specification import Specification
from psci.model.step import Invocation
from psci.model.symbols.machine import LOCAL_STATE
from psci.model.symbols.readings import READINGS
from psci.model.tables.versions import V1_0, Version

CallsOfCores: TypeAlias = tuple[tuple[Invocation, ...], ...]
"""For each core what it may call."""
ONE_WIDTH = Abstraction(widths=(True,))
"""Where a function has two ids, the SMC64 one is called: the rules are the same for both."""
EVERYBODY = Abstraction(isas=("AARCH64", "AARCH32"), worlds=("NORMAL", "REALM", "SECURE"), broken_duties=True)
"""Every kind of caller, also where it should not call, by every id."""
ENDS = frozenset({"SYSTEM_OFF", "SYSTEM_RESET", "SYSTEM_OFF2", "SYSTEM_RESET2", "LOSE_POWER", "SIGNAL", "MEM_PROTECT"})
"""Calls and moves that begin a second life of the machine, or matter only there."""
SLEEPS = frozenset({"CPU_SUSPEND", "CPU_DEFAULT_SUSPEND", "CPU_FREEZE", "SYSTEM_SUSPEND", "MEM_PROTECT"})
"""Calls that multiply the states, and matter only to rules about cores that sleep, or about memory."""
_READING_SYMBOLS = frozenset(reading.symbol for reading in READINGS.values())


@dataclass(frozen=True)
class DeclaredSetting:
    """A machine, and what it declares out of the ordinary."""

    machine: Machine
    differs: str = ""

    def also(self, differs: str, declared: dict[str | Key, Value]) -> DeclaredSetting:
        """This setting with more declared."""
        text = ", ".join(part for part in (self.differs, differs) if part)
        return DeclaredSetting(replace(self.machine, declared={**self.machine.declared, **declared}), text)


@cache
def ordinary(version: Version, cpus: int) -> DeclaredSetting:
    """A machine with every optional function, without OS-initiated mode, all cores in one power domain."""
    return DeclaredSetting(small(cpus, version))


@cache
def domains(version: Version, cpus: int) -> DeclaredSetting:
    """A machine with clusters of two cores, states of every level, and OS-initiated mode where it exists."""
    sizes = [2] * (cpus // 2) + [1] * (cpus % 2)
    states = (*SHALLOW_STATES, *SYSTEM_STATES)
    osi: dict[str | Key, object] = {"osi_supported": version >= V1_0}
    machine = small(cpus, version, topology=Topology.clusters(sizes), declared=osi, states=states)
    shape = " and ".join("two" if size == 2 else "one" for size in sizes)
    differs = f"clusters of {shape}" + (", OS-initiated mode supported" if version >= V1_0 else "")
    return DeclaredSetting(machine, differs)


@cache
def odd_claims(version: Version) -> DeclaredSetting:
    """Power domains, with a power_state that claims less than it asks for, and one that claims more."""
    states = (
        PowerState(0x0101_0002, "POWERDOWN", {1: "POWERDOWN"}),
        PowerState(0x0001_0001, "POWERDOWN", last_in_level=1),
        *SHALLOW_STATES,
    )
    osi: dict[str | Key, object] = {"osi_supported": version >= V1_0}
    machine = small(2, version, topology=Topology.clusters([2]), declared=osi, states=states)
    return DeclaredSetting(machine, "clusters of two, power states that claim less, or more, than they ask for")


@cache
def instances(version: Version) -> DeclaredSetting:
    """A machine with an affinity instance of which no core boots: one core, and two of another affinity level 1."""
    machine = ordinary(version, 3).machine
    return DeclaredSetting(replace(machine, cores=(0x0, 0x100, 0x101)), "cores 0x0, 0x100 and 0x101")


def symbols_of(rules: Iterable[Rule]) -> frozenset[str]:
    """What rules ask of the machine and its power domains, in their conditions, answers and effects."""
    return frozenset().union(*(_symbols(rule) for rule in rules))


@cache
def _symbols(rule: Rule) -> frozenset[str]:
    return frozenset(
        s.function.name
        for term in terms_of(rule)
        for s in subterms(term)
        if isinstance(s, App) and s.function.kind in ("machine", "tree")
    )


def terms_of(rule: Rule) -> Iterator[Term]:
    """Every term of a rule."""
    yield rule.guard
    yield from (term for term in (rule.value, rule.constraint) if term is not None)
    for update in rule.effect.updates:
        for index, value in update.points:
            yield from (*index, value)
        if update.everywhere is not None:
            yield update.everywhere


def call_symbols_of(rules: Iterable[Rule]) -> frozenset[str]:
    """What the conditions and answers of rules ask of the call itself, such as `caller_isa`."""
    return frozenset(
        s.function.name
        for rule in rules
        for t in (rule.guard, rule.value, rule.constraint)
        if t is not None
        for s in subterms(t)
        if isinstance(s, App) and s.function.kind == "call"
    )


@cache
def calls_of(machine: Machine, specification: Specification, name: str, abstraction: Abstraction) -> CallsOfCores:
    """For each core what it may call of one function: one invocation for each cell that the rules tell apart."""
    cells = Cells(machine, specification, abstraction)
    call = next(call for call in specification.calls if call.name == name)
    return tuple(cells.of(call, core) for core in range(len(machine.cores)))


def others(setting: DeclaredSetting, symbols: Iterable[str]) -> Iterator[DeclaredSetting]:
    """One setting for each other answer to each of these symbols; readings are left at what they are.

    Of a symbol with a value for each core only the last core, which does not boot, differs.
    """
    for name in sorted(set(symbols) - _READING_SYMBOLS):
        yield from _others(setting, name)


@cache
def _others(setting: DeclaredSetting, name: str) -> tuple[DeclaredSetting, ...]:
    symbol = SYMBOLS.get(name)
    if symbol is None or not _is_open(setting.machine, symbol):
        return ()
    return tuple(setting.also(*other) for other in _other_values(setting.machine, symbol))


def _is_open(machine: Machine, symbol: Function) -> bool:
    return any(symbol is other for other in open_symbols(machine))


def _other_values(machine: Machine, symbol: Function) -> Iterator[tuple[str, dict[str | Key, Value]]]:
    name = symbol.name
    if isinstance(symbol.range, Quantity):
        # the order of the last two is turned round: the deepest state wakes up sooner than the one above it
        values = LOCAL_STATE.values
        swapped = dict(zip(values, (0, 1, 3, 2), strict=True))
        yield "latency does not follow depth", {(name, state): swapped[state] for state in values}
        return
    if not (symbol.range == BOOL or isinstance(symbol.range, Enumeration)):
        return
    if symbol.domain == (CORE,):
        last = len(machine.cores) - 1
        plain = machine.value(name, (last,))
        for value in answers((name,)):
            if value != plain:
                yield f"{name}({machine.cores[last]:#x}) = {value}", {(name, last): value}
        return
    if any(isinstance(key, tuple) and key[0] == name for key in machine.declared):
        return
    plain = machine.declared.get(name, DEFAULTS.get(name))
    for value in answers((name,)):
        if value != plain:
            yield f"{name} = {value}", {name: value}


def without_function(setting: DeclaredSetting, call: Call) -> DeclaredSetting:
    """The setting without an optional function."""
    return setting.also(f"no {call.name}", {("has", call.key): False})


def reads_domains(rules: Iterable[Rule]) -> bool:
    """Whether how a call ends depends on power domains or on OS-initiated mode."""
    for rule in rules:
        for term in (rule.guard, rule.value):
            for sub in () if term is None else subterms(term):
                if isinstance(sub, App) and (sub.function.kind == "tree" or sub.function.name in ("mode", "node")):
                    return True
    return False


@cache
def with_reading(setting: DeclaredSetting, chosen: tuple[tuple[str, str], ...]) -> DeclaredSetting:
    """The setting under some options of readings."""
    if not chosen:
        return setting
    text = ", ".join(f"{name}={option}" for name, option in chosen)
    return setting.also(text, {READINGS[n].symbol: READINGS[n].options[o] for n, o in chosen})
