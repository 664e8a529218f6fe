"""What a search can look for: a state, or a step, with a name.

A goal is given as data where it can be (a term over the state, the names of rules, a code), so that every
engine can look for it; a search in Python also takes a predicate.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from psci.explorer.abstraction.cone import ABOUT, cone
from psci.explorer.goals.expressions import condition
from psci.explorer.system import Product, State, Transition, state_predicate
from psci.model.errors import InputError
from psci.model.language.sorts import BOOL, CORE, Enumeration, Sort
from psci.model.language.terms import Const, Function, Term, conjunction, every, fields_read, some
from psci.model.machine import Machine
from psci.model.symbols.state import FIELD_BY_NAME, FIELDS, STATE
from psci.model.tables.codes import CODES


@dataclass(frozen=True, slots=True)
class Goal:
    """A predicate over states, over steps, or both; a search stops where one holds.

    A property is looked for by its negation: the goal is its violation.
    """

    name: str
    sentence: str
    of_state: Callable[[State], bool] | None = None
    of_step: Callable[[State, Transition], bool] | None = None
    term: Term | None = None
    """The states that are looked for, as a term."""
    rules: frozenset[str] = frozenset()
    """The rules of which a use is looked for."""

    @property
    def fields(self) -> frozenset[str]:
        """The fields that the goal reads."""
        return frozenset() if self.term is None else fields_read(self.term)


def of_term(name: str, sentence: str, term: Term, machine: Machine) -> Goal:
    """The goal of reaching a state in which a term holds."""
    return Goal(name, sentence, of_state=state_predicate(machine, term), term=term)


def of_rules(name: str, sentence: str, rules: frozenset[str]) -> Goal:
    """The goal of using one of some rules."""
    return Goal(name, sentence, of_step=lambda _, step: step.rule.name in rules, rules=rules)


def _all(field: Callable[[Any], Term], value: str) -> Term:
    return every(CORE, lambda core: field(core) == value)


NAMED: Mapping[str, tuple[str, Term]] = {
    "all-on": ("Every core is ON.", _all(STATE.power, "ON")),
    "all-running": ("Every core runs caller code.", _all(STATE.activity, "RUNNING")),
    "all-off": ("Every core is OFF.", _all(STATE.power, "OFF")),
    "all-suspended": ("Every core is in a powerdown state.", _all(STATE.activity, "POWERDOWN")),
    "suspended": ("The system is suspended to RAM.", STATE.system == "SUSPENDED"),
    "dead": (
        "No core is ON, nor will be: only the environment can go on.",
        conjunction(STATE.system == "RUNNING", _all(STATE.power, "OFF")),
    ),
    "alive-when-down": (
        "Some core is entered, or runs, although the system is down.",
        conjunction(STATE.system == "DOWN", some(CORE, lambda core: STATE.activity(core) != "STOPPED")),
    ),
}
"""Goals that every machine has."""


def goal(name: str, product: Product, others: Iterable[str] = ()) -> Goal:
    """The goal of that name.

    Args:
        name: a named goal, the name of a rule (its first use), of a return code (its first return),
            `FIELD=VALUE`, `FIELD[INDEX]=VALUE`, or a condition (`psci.explorer.goals.expressions`).
        product: the system that is searched.
        others: names that the caller has looked up already, to be suggested where nothing has the name.

    Raises:
        InputError: there is none; the message lists near names.
    """
    if name in NAMED:
        return of_term(name, *NAMED[name], product.machine)
    rules = {rule.name: rule for rule in product.specification.every_rule()}
    if name in rules:
        return of_rules(name, f"First use of the rule: {rules[name].text}", frozenset({name}))
    if name in {code.name for code in CODES}:
        returning = frozenset(rule.name for rule in rules.values() if rule.code is not None and rule.code.name == name)
        return of_rules(name, f"First call that returns {name}.", returning)
    if _is_condition(name):
        return of_term(name, f"The condition holds: {name}.", condition(name, product.machine), product.machine)
    if "=" in name:
        return _field_goal(name, product)
    known = [*NAMED, *others, *rules, *(code.name for code in CODES)]
    near = difflib.get_close_matches(name, known, 4, 0.4) or list(NAMED)
    raise InputError(
        f"until {name}: no such goal, rule or property; did you mean {', '.join(near)}, FIELD=VALUE, or a condition "
        "such as 'power[0] == OFF'?"
    )


def inside(product: Product, about: str, target: Goal | None) -> Product:
    """The system cut down to what a question is about, and what its goal needs.

    Args:
        product: the whole system.
        about: a part of the state (`ABOUT`), or `all`, which leaves it as it is.
        target: what is looked for.
    """
    if about == "all":
        return product
    fields = {*ABOUT[about], *(() if target is None else target.fields)}
    owners = {rule.partition(".")[0] for rule in (() if target is None else target.rules)}
    kept = cone(product.specification, product.machine, fields, product.without, keep=owners)
    return replace(product, specification=kept.specification)


def _is_condition(text: str) -> bool:
    return any(mark in text for mark in ("==", "!=", "<", ">", "(", " "))


def _field_goal(text: str, product: Product) -> Goal:
    place, _, word = text.partition("=")
    name, bracket, index_text = place.partition("[")
    field = FIELD_BY_NAME.get(name)
    if field is None:
        raise InputError(f"until {text}: no field {name!r}; the fields are {', '.join(f.name for f in FIELDS)}")
    value = Const(_value(text, field, word), field.range)
    machine = product.machine
    if not field.domain:
        return of_term(text, f"{name} is {word}.", field() == value, machine)
    if not bracket:
        return of_term(text, f"{name} is {word} somewhere.", _somewhere(field, value), machine)
    sizes = [len(machine.cores) if sort == CORE else len(machine.tree.names) for sort in field.domain]
    digits = index_text.removesuffix("]").split(",")
    inside = len(digits) == len(sizes) and all(
        digit.strip().isdecimal() and int(digit) < size for digit, size in zip(digits, sizes, strict=False)
    )
    if not inside:
        below = ", then one below ".join(map(str, sizes))
        raise InputError(f"until {text}: the index of {name} is a number below {below}")
    return of_term(text, f"{place} is {word}.", field(*map(int, digits)) == value, machine)


def _somewhere(field: Function, value: Term) -> Term:
    def inner(sorts: tuple[Sort, ...], places: tuple[Term, ...]) -> Term:
        if not sorts:
            return field(*places) == value
        return some(sorts[0], lambda place: inner(sorts[1:], (*places, place)))

    return inner(field.domain, ())


def _value(text: str, field: Function, word: str) -> Any:
    if isinstance(field.range, Enumeration):
        if word not in field.range.values:
            raise InputError(f"until {text}: {field.name} is one of {', '.join(field.range.values)}")
        return word
    if field.range == BOOL:
        if word not in ("True", "False"):
            raise InputError(f"until {text}: {field.name} is True or False")
        return word == "True"
    try:
        return int(word, 0)
    except ValueError:
        raise InputError(f"until {text}: {field.name} is a number") from None


__all__ = ["NAMED", "Goal", "goal", "inside", "of_rules", "of_term"]
