"""The readings of DEN0022 as questions: for each the shortest run on which its options differ, and who could notice.

Nothing is known here of a particular reading. The rules that read its symbol say which calls matter, which other
declarations bring the difference out, and which callers it takes.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from psci.explorer.abstraction.cone import CALLERS, Cone, cone
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.consistency.findings import FindingKind, RulesFinding
from psci.explorer.consistency.lockstep import CONTROLLER, Difference, Lockstep
from psci.explorer.consistency.settings import (
    ENDS,
    SLEEPS,
    DeclaredSetting,
    call_symbols_of,
    calls_of,
    domains,
    instances,
    odd_claims,
    ordinary,
    others,
    reads_domains,
    symbols_of,
)
from psci.explorer.system import QUIET_MOVES, Product
from psci.model.environment import BOOT
from psci.model.language.effects import Effect
from psci.model.language.rules import Rule
from psci.model.language.terms import TRUE, App, fields_read, subterms
from psci.model.machine import Machine
from psci.model.specification import Specification
from psci.model.step import Invocation
from psci.model.symbols.readings import READINGS, Reading
from psci.model.tables.versions import Version

SearchedSetting: TypeAlias = tuple[DeclaredSetting, Abstraction, frozenset[str]]
"""A machine, the callers that matter, and the calls and moves that are left out."""
PAIRS = 1_500
"""How many pairs of states are looked at on one machine at first."""
FURTHER = 10_000
"""How many where no machine showed a difference at first."""
LONGER = 2
"""On how many of the most ordinary machines."""
SETTINGS = 14
"""How many machines a reading is tried on."""
FIELDS_OF_CONTROLLERS = frozenset({"node"})
"""What the power controller alone sees."""


def readings(
    specification: Specification, version: Version, cpus: int, names: Collection[str] | None = None
) -> Iterator[RulesFinding]:
    """For each reading that this version knows, a finding for each option that differs from the first."""
    for name, reading in READINGS.items():
        if names is None or name in names:
            yield from of_reading(specification, version, cpus, reading)


def of_reading(specification: Specification, version: Version, cpus: int, reading: Reading) -> Iterator[RulesFinding]:
    """What tells the options of one reading apart; nothing where no rule of this version reads it."""
    about = rules_reading(specification, version, reading.symbol)
    if not about:
        return
    first, *rest = reading.options
    changed = changed_through(about, reading.symbol)
    settings = list(itertools.islice(settings_for(specification, version, cpus, about, changed), SETTINGS))
    for other in rest:
        found = _told_apart(specification, reading, about, changed, settings, first, other)
        if found is not None:
            # what told one option apart is likely to do so for the next
            settings.sort(key=lambda place: place[0].differs != found.declared)
            yield found


def rules_reading(specification: Specification, version: Version, symbol: str) -> dict[str, tuple[Rule, ...]]:
    """The rules that read a symbol, by the call or move that they belong to."""
    found = {}
    for owner in specification.rules:
        rules = tuple(rule for rule in specification.of(owner, version) if symbol in symbols_of([rule]))
        if rules:
            found[owner] = rules
    return found


def _told_apart(
    specification: Specification, reading: Reading, about: Mapping[str, tuple[Rule, ...]], changed: frozenset[str],
    settings: list[SearchedSetting], first: str, other: str,
) -> RulesFinding | None:  # fmt: skip
    hidden: RulesFinding | None = None
    unfinished: list[SearchedSetting] = []
    # The most ordinary machines, then all with fewer calls, then all; at last small machines are searched for longer.
    awake = [(setting, abstraction, without | SLEEPS - about.keys()) for setting, abstraction, without in settings]
    ordinary_ones, rest = settings[:LONGER], settings[LONGER:]
    for places, limit in ((ordinary_ones, PAIRS), (awake, PAIRS), (rest, PAIRS), (unfinished, FURTHER)):
        for place in places:
            setting, abstraction, without = place
            machines = [chosen(setting.machine, reading, option) for option in (first, other)]
            sides = (machines[0], specification), (machines[1], specification)
            pairs = limit * (1 if _is_small(setting) else 3)
            lockstep = in_lockstep(setting, *sides, about, changed, abstraction, without, pairs)
            difference = next(lockstep.differences(), None)
            if difference is not None:
                return _finding(reading, first, other, setting, machines, difference, lockstep)
            if hidden is None and lockstep.hidden is not None:
                hidden = _finding(reading, first, other, setting, machines, lockstep.hidden, lockstep)
            if places is ordinary_ones and _is_small(setting) and not lockstep.complete:
                unfinished.append(place)
        if hidden is not None and places is rest:
            break
    return hidden


def chosen(machine: Machine, reading: Reading, option: str) -> Machine:
    """The machine under an option of a reading."""
    return replace(machine, declared={**machine.declared, reading.symbol: reading.options[option]})


def _is_small(setting: DeclaredSetting) -> bool:
    """More cores and nodes take more states before anything can differ."""
    return len(setting.machine.cores) < 3


def changed_through(about: Mapping[str, tuple[Rule, ...]], symbol: str) -> frozenset[str]:
    """The fields whose new value depends on a symbol: all that a rule changes whose condition reads it."""
    found = set()
    for rule in (rule for owned in about.values() for rule in owned):
        guarded = any(isinstance(s, App) and s.function.name == symbol for s in subterms(rule.guard))
        for update in rule.effect.updates:
            if guarded or symbol in symbols_of([replace(rule, guard=TRUE, effect=Effect((update,)))]):
                found.add(update.field.name)
    return frozenset(found)


def settings_for(
    specification: Specification, version: Version, cpus: int, about: Mapping[str, tuple[Rule, ...]],
    changed: frozenset[str],
) -> Iterator[SearchedSetting]:  # fmt: skip
    """The machines on which some rules may matter, the most ordinary first, with the callers that it takes."""
    rules = [rule for owned in about.values() for rule in owned]
    abstraction = callers_for(rules)
    symbols = symbols_of(rules) | _symbols_of_readers(specification, version, changed)
    about_domains = reads_domains(rules) or bool(changed & {"node", "vote", "mode", "suspend_used", "suspend_ever"})
    plain, two, more = ordinary(version, 2), domains(version, 2), domains(version, cpus)
    if about_domains:
        bases = [two, *([odd_claims(version)] if "claims" in symbols_of(rules) else []), *([more] if cpus > 2 else [])]
    else:
        bases = [plain]
    without = ENDS - {owner for owner in about if owner in ENDS}
    if BOOT.name in about or "GO_DOWN" in about:
        without = QUIET_MOVES
    if {"wake"} & fields_read(*(rule.guard for rule in rules)):
        without -= {"SIGNAL"}
    spread = (*others(instances(version), symbols),) if "mpidr" in symbols and not about_domains else ()
    for setting in (*bases, *others(bases[0], symbols), *spread):
        yield setting, abstraction, without
    for one, two in itertools.combinations(others(bases[0], symbols), 2):
        if one.differs.partition(" ")[0] != two.differs.partition(" ")[0]:
            yield one.also(two.differs, {**two.machine.declared}), abstraction, without


def _symbols_of_readers(specification: Specification, version: Version, changed: frozenset[str]) -> frozenset[str]:
    """What the calls ask of the machine that could show what the rules have changed."""
    names = readers_of(specification, version, changed - CALLERS - {"node", "vote"})
    return symbols_of(rule for name in names for rule in specification.of(name, version))


def callers_for(rules: list[Rule]) -> Abstraction:
    """The callers and ids that rules tell apart."""
    read = call_symbols_of(rules)
    fields = frozenset().union(*(fields_read(rule.guard) for rule in rules))
    isas = ("AARCH64", "AARCH32") if {"caller_isa"} & read or {"entry_isa"} & fields else ("AARCH64",)
    worlds = ("NORMAL", "REALM", "SECURE") if "caller_world" in read else ("NORMAL",)
    widths = (True, False) if "wide" in read or len(isas) > 1 or {"entry_wide"} & fields else (True,)
    return Abstraction(isas=isas, worlds=worlds, widths=widths, broken_duties=len(worlds) > 1)


def in_lockstep(
    base: DeclaredSetting, first: tuple[Machine, Specification], second: tuple[Machine, Specification],
    about: Collection[str], changed: frozenset[str], abstraction: Abstraction, without: frozenset[str],
    limit: int = PAIRS,
) -> Lockstep:  # fmt: skip
    """Two sides, cut down to what can influence how some calls and moves end, and what shows it.

    Args:
        base: the machine of both sides, for the calls whose rules are the same.
        first: one side.
        second: the other.
        about: the calls and moves whose rules differ.
        changed: the fields that they may change differently.
        abstraction: the callers that matter to these.
        without: calls and moves that are not made.
        limit: how many pairs of states are looked at.
    """
    sides = first, second
    keep = set(about)
    for machine, spec in sides:
        keep |= readers_of(spec, machine.version, changed - CALLERS)
    interest = changed | FIELDS_OF_CONTROLLERS if changed & FIELDS_OF_CONTROLLERS else changed
    cuts = [_cut(machine, spec, interest, keep, without) for machine, spec in sides]
    if cuts[0].fields != cuts[1].fields:
        interest |= cuts[0].fields | cuts[1].fields
        cuts = [_cut(machine, spec, interest, keep, without) for machine, spec in sides]
    one, other = (
        Product(machine, cut.specification, without=frozenset()) for cut, (machine, _) in zip(cuts, sides, strict=True)
    )
    alike = cuts[0].fields == cuts[1].fields
    made = dict.fromkeys(call.name for product in (one, other) for call in product.specification.calls)
    calls: list[tuple[Invocation, ...]] = [()] * len(base.machine.cores)
    plain = replace(abstraction, isas=abstraction.isas[:1], widths=(True,))
    if _remembers_callers(sides, about):
        plain = abstraction
    for name in made:
        sources = sides if name in about else ((base.machine, second[1]),)
        for machine, spec in sources:
            own = calls_of(machine, spec, name, abstraction if name in about else plain)
            calls = [tuple(dict.fromkeys((*before, *more))) for before, more in zip(calls, own, strict=True)]
    return Lockstep(one, other, tuple(calls), frozenset(about), alike, limit, FIELDS_OF_CONTROLLERS & interest)


def _remembers_callers(sides: tuple[tuple[Machine, Specification], ...], about: Collection[str]) -> bool:
    """Whether it matters for the rules in question who made an earlier call."""
    read = frozenset().union(
        *(fields_read(*(r.guard for r in spec.of(name, machine.version))) for machine, spec in sides for name in about)
    )
    return bool({"entry_isa", "entry_wide"} & read)


def _cut(
    machine: Machine, specification: Specification, interest: frozenset[str], keep: set[str], without: frozenset[str]
) -> Cone:
    queries = {
        call.name
        for call in specification.calls
        if call.name not in keep and not changed_by(specification, machine.version, (call.name,))
    }
    left_out = (without | queries) - keep
    return cone(specification, machine, interest, left_out, keep=keep, queries=False)


def readers_of(specification: Specification, version: Version, fields: frozenset[str]) -> set[str]:
    """The calls whose ends depend on some fields."""
    return {
        call.name
        for call in specification.calls
        if fields_read(*(rule.guard for rule in specification.of(call.name, version))) & fields
    }


def changed_by(specification: Specification, version: Version, about: Collection[str]) -> frozenset[str]:
    """The fields that some calls and moves change."""
    rules = (rule for owner in about for rule in specification.of(owner, version))
    return frozenset(update.field.name for rule in rules for update in rule.effect.updates)


def _finding(
    reading: Reading, first: str, other: str, setting: DeclaredSetting, machines: list[Machine],
    difference: Difference, lockstep: Lockstep,
) -> RulesFinding:  # fmt: skip
    sides = (first, difference.first), (other, difference.second)
    said = "; ".join(f"{option}: {' or '.join(words)}" for option, words in sides if words)
    if difference.noticed_by == CONTROLLER:
        who = "no caller can notice, only the power controller"
    else:
        who = f"noticed by {difference.noticed_by}"
    text = (reading.question, *(f"{option}: {reading.meanings[option]}" for option in (first, other)))
    option = (first, other)[difference.side]
    return RulesFinding(
        FindingKind.READING, reading.name, (other,), f"{difference.subject}: {said or option} ({who})",
        (*text, f"The run is one under {option}."),
        (*difference.first_rules, *difference.second_rules), reading.cites, setting.differs,
        machines[difference.side], difference.run,
        f"pairs of states under {first} and {other}, breadth first" + (", all" if lockstep.complete else ""),
    )  # fmt: skip


__all__ = ["callers_for", "chosen", "in_lockstep", "of_reading", "readings", "settings_for"]
