"""The part of the rules that can influence what one looks at: the cone of influence of some fields.

The rules keep many fields that a question does not depend on (what memory holds after a boot, which
cores ever slept, ...), and every one of them multiplies the states. Here the rules themselves are
cut down, for one machine: a field that never changes is written in as a constant, what the machine
declares is folded in, and updates, rules, calls and moves that cannot influence the fields of
interest are left out. The result is a `Specification` like any other, with the same reachable
states as far as those fields can tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from psci.model.environment import BOOT
from psci.model.language.effects import Effect, Update
from psci.model.language.rules import Rule
from psci.model.language.simplify import simplify
from psci.model.language.terms import Const, Function, Term, Value, fields_read
from psci.model.machine import Alike, Machine
from psci.model.specification import Specification

CALLERS = frozenset({"system", "power", "activity"})
"""What decides which core can make a call; no question does without."""
CORES = (
    "system",
    "kind",
    "migrated",
    "resident",
    "power",
    "activity",
    "entry",
    "context",
    "entry_wide",
    "entry_isa",
    "asked",
)
"""What is asked of cores and of the system."""
NODES = (*CORES, "mode", "vote", "node")
"""What is asked of power domains, too."""
MEMORY = (*CORES, "memory", "memory_protected", "platform")
"""What is asked of memory and of what survives, too."""


@dataclass(frozen=True, slots=True)
class Cone:
    """The rules that matter, and what they depend on."""

    specification: Specification
    fields: frozenset[str]
    """The fields that can influence those of interest; all others keep the value that they have when blank."""
    constant: frozenset[str]
    """The fields that never change on this machine."""


def cone(
    specification: Specification,
    machine: Machine,
    interest: Iterable[str],
    without: Collection[str] = frozenset(),
    keep: Collection[str] = (),
    queries: bool = True,
) -> Cone:
    """The cone of influence of some fields.

    Args:
        specification: the rules.
        machine: the machine, which has to declare what the rules ask for.
        interest: the fields that one looks at.
        without: calls and moves that are not made.
        keep: calls and moves that are kept in any case, with all that decides how they end.
        queries: keep also the calls that change nothing of this, where it decides how they end.
    """
    return _cone(specification, machine.alike, frozenset(interest), frozenset(without), frozenset(keep), queries)


@lru_cache(maxsize=64)
def _cone(
    specification: Specification, alike: Alike, interest: frozenset[str], without: frozenset[str],
    keep: frozenset[str], queries: bool,
) -> Cone:  # fmt: skip
    machine = alike.machine
    kept = {
        owner: tuple(rule for rule in rules if rule.applies_to(machine.version))
        for owner, rules in specification.rules.items()
        if owner not in without
    }
    constants = _constants(kept, machine)
    # the first boot is a move like any other, and asks whether the system is down
    constants.pop("system", None)
    folded = {owner: _folded(rules, constants, machine) for owner, rules in kept.items()}
    looked_at = CALLERS | interest | frozenset().union(*(_reads(folded.get(name, ())) for name in keep))
    fields = _influence(folded, looked_at - constants.keys())
    names = {
        owner
        for owner, rules in folded.items()
        if owner in keep or _changes(rules, fields) or (queries and _reads(rules) <= fields)
    }
    return Cone(
        replace(
            specification,
            calls=tuple(call for call in specification.calls if call.name in names),
            moves=tuple(move for move in specification.moves if move.name in names),
            rules={owner: tuple(_cut(rule, fields) for rule in folded.get(owner, ())) for owner in specification.rules},
        ),
        fields,
        frozenset(constants),
    )


def _changes(rules: Iterable[Rule], fields: frozenset[str]) -> bool:
    return any(update.field.name in fields for rule in rules for update in rule.effect.updates)


def _reads(rules: Iterable[Rule]) -> frozenset[str]:
    """The fields on which it depends how a call ends."""
    values = [term for rule in rules for term in (rule.guard, rule.value) if term is not None]
    return fields_read(*values)


def _cut(rule: Rule, fields: frozenset[str]) -> Rule:
    kept = tuple(update for update in rule.effect.updates if update.field.name in fields)
    return replace(rule, effect=Effect(kept))


def _influence(rules: Mapping[str, tuple[Rule, ...]], interest: frozenset[str]) -> frozenset[str]:
    """Grow the fields until no rule that changes one of them depends on another field."""
    fields, before = interest, None
    while fields != before:
        before = fields
        for owned in rules.values():
            if _changes(owned, fields):
                # how one rule of a call applies decides whether another may: all their guards matter
                fields |= _reads(owned)
                for update in (u for rule in owned for u in rule.effect.updates if u.field.name in fields):
                    fields |= fields_read(*_terms(update))
    return fields


def _terms(update: Update) -> list[Term]:
    terms = [term for index, value in update.points for term in (*index, value)]
    return terms if update.everywhere is None else [*terms, update.everywhere]


# ---- fields that never change


def _constants(rules: Mapping[str, tuple[Rule, ...]], machine: Machine) -> dict[str, Value]:
    """The fields to which every rule that can apply gives the one value that the first boot gives them."""
    (first, *_) = [rule for rule in rules[BOOT.name] if not rule.name.endswith("hibernation")]
    blank: dict[str, Value] = {}
    assumed = {
        update.field.name: value
        for update in first.effect.updates
        if (value := _single(update, blank, machine)) is not None
    }
    while True:
        wrong = set()
        for owned in rules.values():
            for rule in _folded(owned, assumed, machine):
                for update in rule.effect.updates:
                    name = update.field.name
                    if name in assumed and _single(update, assumed, machine) != assumed[name]:
                        wrong.add(name)
        if not wrong:
            return assumed
        assumed = {name: value for name, value in assumed.items() if name not in wrong}


def _single(update: Update, constants: Mapping[str, Value], machine: Machine) -> Value | None:
    """The one value that an update gives, or None where it may give several."""
    new = [value for _, value in update.points] if update.everywhere is None else [update.everywhere]
    values = {term.value if isinstance(term := fold(value, constants, machine), Const) else None for value in new}
    return values.pop() if len(values) == 1 else None


def _folded(rules: Iterable[Rule], constants: Mapping[str, Value], machine: Machine) -> tuple[Rule, ...]:
    """The rules with constants written in, less those that can never apply."""
    found = []
    for rule in rules:
        guard = fold(rule.guard, constants, machine)
        if isinstance(guard, Const) and not guard.value:
            continue
        effect = Effect(tuple(_folded_update(update, constants, machine) for update in rule.effect.updates))
        found.append(replace(rule, guard=guard, effect=effect))
    return tuple(found)


def _folded_update(update: Update, constants: Mapping[str, Value], machine: Machine) -> Update:
    points = tuple((index, fold(value, constants, machine)) for index, value in update.points)
    everywhere = None if update.everywhere is None else fold(update.everywhere, constants, machine)
    return replace(update, points=points, everywhere=everywhere)


def fold(term: Term, constants: Mapping[str, Value], machine: Machine) -> Term:
    """The term with constant fields and the machine's declarations written in, and simplified as far as that goes."""

    def known(function: Function, arguments: tuple[Term, ...]) -> Term | None:
        if function.kind == "state" and function.name in constants:
            return Const(constants[function.name], function.range)
        if function.kind != "machine":
            return None
        values = [argument.value for argument in arguments if isinstance(argument, Const)]
        value = machine.value(function.name, tuple(values)) if len(values) == len(arguments) else None
        return None if value is None else Const(value, function.range)

    return simplify(term, known)


ABOUT: Mapping[str, tuple[str, ...]] = {"cores": CORES, "nodes": NODES, "memory": MEMORY}
"""What a question can be about, and the fields that it then looks at."""

__all__ = ["ABOUT", "CORES", "MEMORY", "NODES", "Cone", "cone", "fold"]
