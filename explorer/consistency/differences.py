"""Two versions, two readings, or rules and amended rules: every class of difference, and what it does to whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from psci.explorer.consistency.findings import Did
from psci.explorer.consistency.judgements import NO_RETURN
from psci.explorer.consistency.lockstep import NO_RULE, Difference
from psci.explorer.consistency.readings import callers_for, in_lockstep
from psci.explorer.consistency.settings import (
    ENDS,
    DeclaredSetting,
    domains,
    ordinary,
    others,
    reads_domains,
    symbols_of,
    with_reading,
)
from psci.explorer.system import QUIET_MOVES
from psci.model.errors import InputError
from psci.model.language.rules import Rule
from psci.model.machine import Machine
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.readings import READINGS
from psci.model.tables.versions import V1_3, Version

PAIRS = 2_500
"""How many pairs of states are looked at on one machine."""


@dataclass(frozen=True)
class SideOf:
    """One side of a comparison."""

    name: str
    version: Version = V1_3
    specification: Specification = SPECIFICATION
    readings: tuple[tuple[str, str], ...] = ()

    def setting(self, base: DeclaredSetting) -> DeclaredSetting:
        """A machine as this side has it."""
        return with_reading(DeclaredSetting(replace(base.machine, version=self.version), base.differs), self.readings)


@dataclass(frozen=True)
class ClassOf:
    """One class of difference, and where it was found."""

    difference: Difference
    sides: tuple[str, str]
    machine: Machine
    """Of the side that makes the run."""
    specification: Specification
    declared: str

    @property
    def id(self) -> str:
        """A name that stays: the call, and the rules that only one side uses."""
        own = (*self.difference.first_rules, *self.difference.second_rules)
        names = dict.fromkeys(rule.removeprefix(f"{self.difference.subject}.") for rule in own)
        return ".".join((self.difference.subject.replace(" ", "-"), *names))

    @property
    def run(self) -> tuple[Did, ...]:
        """From boot."""
        return self.difference.run

    def consequences(self) -> tuple[str, ...]:
        """What somebody built to one side gets wrong on the other, a sentence each."""
        found = []
        subject = self.difference.subject
        only = self.difference.first, self.difference.second
        for side in (0, 1):
            if NO_RULE in only[side]:
                return (f"By {self.sides[side]} no rule says how {subject} ends here.",)
        for side in (0, 1):
            here, there = self.sides[side], self.sides[1 - side]
            mine, theirs = (" or ".join(map(_plainly, only[one])) for one in (side, 1 - side))
            absent = self._absent((self.difference.first_rules, self.difference.second_rules)[side])
            if mine and theirs:
                found.append(f"A client built to {here} expects {mine} here; on {there} it may meet {theirs}.")
            elif theirs:
                found.append(f"A client built to {here} does not expect {theirs}, which {there} permits.")
            if mine and absent is not None:
                found.append(f"An implementation built to {here} has no {absent}; by {there} it need not have it.")
            elif mine:
                found.append(f"An implementation built to {here} may end it with {mine}: by {there} a deviation.")
        if not any(only):
            found.append(
                f"On {self.sides[self.difference.side]} {subject}; on {self.sides[1 - self.difference.side]} not."
            )
        return tuple(found)

    def _absent(self, rules: tuple[str, ...]) -> str | None:
        """The optional function that a side answers as absent, where that is all that its rules say."""
        for call in (call for call in self.specification.calls if call.optional):
            if rules and set(rules) <= {f"{call.name}.absent", f"PSCI_FEATURES.{call.name}_absent"}:
                return call.name
        return None


@dataclass
class Comparison:
    """All classes of difference of two sides, and how far was looked."""

    first: SideOf
    second: SideOf
    classes: list[ClassOf]
    extents: list[str]
    """For each machine, how many pairs of states were compared."""


def compare(first: SideOf, second: SideOf, cpus: int = 2) -> Comparison:
    """Every class of difference between two sides, each with its shortest run.

    Raises:
        InputError: the sides have the same rules.
    """
    differing = differing_rules(first, second)
    if not differing:
        raise InputError(f"{first.name} and {second.name} have the same rules")
    done = Comparison(first, second, [], [])
    found: dict[tuple[object, ...], ClassOf] = {}
    for base in _settings(first, second, differing, cpus):
        for one in _on(first, second, base, differing, done):
            old = found.get(one.difference.key)
            if old is None or (bool(one.declared), len(one.run)) < (bool(old.declared), len(old.run)):
                found[one.difference.key] = one
    done.classes = sorted(_plain(list(found.values())), key=lambda one: (bool(one.declared), len(one.run), one.id))
    return done


def _plainly(answer: str) -> str:
    """An answer inside a sentence: a code or number as it is, what is said of it in quotes."""
    if answer == NO_RETURN:
        return "no return"
    return answer if " " not in answer else f'"{answer}"'


def _plain(classes: list[ClassOf]) -> list[ClassOf]:
    """The classes without those that only put together what others say with the same words."""

    def rules(one: ClassOf) -> set[str]:
        return {*one.difference.first_rules, *one.difference.second_rules}

    def alike(one: ClassOf, other: ClassOf) -> bool:
        mine, theirs = one.difference, other.difference
        return (mine.subject, mine.first, mine.second) == (theirs.subject, theirs.first, theirs.second)

    kept = []
    for one in classes:
        parts = [rules(other) for other in classes if alike(one, other) and rules(other) < rules(one)]
        if not parts or set().union(*parts) != rules(one):
            kept.append(one)
    return kept


def differing_rules(first: SideOf, second: SideOf) -> dict[str, tuple[Rule, ...]]:
    """The rules that one side has and the other lacks, or that the sides read differently, by call or move."""
    found: dict[str, tuple[Rule, ...]] = {}
    versions = first.version != second.version
    symbols = {READINGS[name].symbol for name, _ in set(first.readings) ^ set(second.readings)}
    if versions:
        symbols |= {"psci_version"}
    owners = dict.fromkeys((*first.specification.rules, *second.specification.rules))
    for owner in owners:
        ours = first.specification.of(owner, first.version)
        theirs = second.specification.of(owner, second.version)
        apart = [rule for rule in (*ours, *theirs) if (rule in ours) is not (rule in theirs)]
        apart += [rule for rule in (*ours, *theirs) if symbols & symbols_of([rule])]
        if versions:
            apart += [rule for rule in theirs if _tells_presence(first, second, owner, rule)]
        if apart:
            found[owner] = tuple(dict.fromkeys(apart))
    return found


def _tells_presence(first: SideOf, second: SideOf, owner: str, rule: Rule) -> bool:
    """Whether a rule is about the presence of a function that only one version has."""
    moved = [c for c in second.specification.calls if c.exists_in(first.version) is not c.exists_in(second.version)]
    if owner == "PSCI_FEATURES":
        return any(f".{call.name}_" in rule.name for call in moved)
    return any(call.name == owner for call in moved)


def _settings(
    first: SideOf, second: SideOf, differing: dict[str, tuple[Rule, ...]], cpus: int
) -> Iterator[DeclaredSetting]:
    rules = [rule for owned in differing.values() for rule in owned]
    newest = max(first.version, second.version)
    base = ordinary(newest, 2)
    yield base
    on_domains = [rule for rule in rules if reads_domains([rule])]
    if on_domains:
        yield domains(newest, 2)
        if cpus > 2:
            yield domains(newest, cpus)
    # `has` would take away what a version adds; what callers need not declare is left out as well
    yield from others(base, symbols_of(rules) - {"has", "latency"})


def _on(
    first: SideOf, second: SideOf, base: DeclaredSetting, differing: dict[str, tuple[Rule, ...]], done: Comparison
) -> Iterator[ClassOf]:
    about = {name for name, rules in differing.items() if rules}
    if base.differs and "clusters" not in base.differs:
        symbol = base.differs.partition(" ")[0].partition("(")[0]
        about = {name for name, rules in differing.items() if symbol in symbols_of(rules)}
    rules = [rule for name in about for rule in differing[name]]
    one, other = first.setting(base), second.setting(base)
    sides = (one.machine, first.specification), (other.machine, second.specification)
    changed = frozenset(u.field.name for rule in rules for u in rule.effect.updates)
    without = QUIET_MOVES if about & ENDS or "BOOT" in about else ENDS
    callers = callers_for(rules)
    if first.readings == second.readings:
        # what a caller that breaks its duties meets differs wherever a function is new, and says nothing
        callers = replace(callers, worlds=callers.worlds[:1], broken_duties=False)
    lockstep = in_lockstep(base, *sides, about, changed, callers, without - about, PAIRS)
    for difference in lockstep.differences():
        machine, specification = sides[difference.side]
        yield ClassOf(difference, (first.name, second.name), machine, specification, base.differs)
    if lockstep.hidden is not None:
        machine, specification = sides[lockstep.hidden.side]
        yield ClassOf(lockstep.hidden, (first.name, second.name), machine, specification, base.differs)
    extent = "all" if lockstep.complete else "the first"
    done.extents.append(f"{base.differs or 'an ordinary machine'}: {extent} {lockstep.pairs:,} pairs of states")


__all__ = ["ClassOf", "Comparison", "SideOf", "compare", "differing_rules"]
