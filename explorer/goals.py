"""What a search can look for: a state, or a step, with a name.

Anything with these four attributes will do, so that `psci.properties` needs nothing of this module.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from psci.explorer.system import Product, State, Transition
from psci.model.errors import InputError
from psci.model.language.sorts import BOOL, Enumeration
from psci.model.language.terms import Function
from psci.model.symbols.state import FIELD_BY_NAME, FIELDS


@dataclass(frozen=True, slots=True)
class Goal:
    """A predicate over states, over steps, or both; a search stops where one holds.

    A property is looked for by its negation: the goal is its violation.
    """

    name: str
    sentence: str
    of_state: Callable[[State], bool] | None = None
    of_step: Callable[[State, Transition], bool] | None = None


def _all(field: str, value: str) -> Callable[[State], bool]:
    return lambda state: all(v == value for v in getattr(state, field))


NAMED: Mapping[str, Goal] = {
    goal.name: goal
    for goal in (
        Goal("all-on", "Every core is ON.", _all("power", "ON")),
        Goal("all-running", "Every core runs caller code.", _all("activity", "RUNNING")),
        Goal("all-off", "Every core is OFF.", _all("power", "OFF")),
        Goal("all-suspended", "Every core is in a powerdown state.", _all("activity", "POWERDOWN")),
        Goal("suspended", "The system is suspended to RAM.", lambda state: state.system == "SUSPENDED"),
        Goal(
            "dead",
            "No core is ON, nor will be: only the environment can go on.",
            lambda state: state.system == "RUNNING" and all(power == "OFF" for power in state.power),
        ),
        Goal(
            "alive-when-down",
            "Some core is entered, or runs, although the system is down.",
            lambda state: state.system == "DOWN" and any(a != "STOPPED" for a in state.activity),
        ),
    )
}
"""Goals that every machine has."""


def goal(name: str, product: Product, violations: Mapping[str, Goal] | None = None) -> Goal:
    """The goal of that name.

    Args:
        name: a named goal, the name of a rule (its first use), `FIELD=VALUE` or `FIELD[INDEX]=VALUE`, or
            the name of a property (its violation).
        product: the system that is searched.
        violations: the violations of the properties, by name.

    Raises:
        InputError: there is none; the message lists near names.
    """
    violations = violations or {}
    if name in NAMED:
        return NAMED[name]
    if name in violations:
        return violations[name]
    if "=" in name:
        return _field_goal(name, product)
    rules = {rule.name: rule for rule in product.specification.every_rule()}
    if name in rules:
        text = rules[name].text
        return Goal(name, f"First use of the rule: {text}", of_step=lambda _, step: step.rule.name == name)
    known = [*NAMED, *violations, *rules]
    near = difflib.get_close_matches(name, known, 4, 0.4) or list(NAMED)
    raise InputError(f"--until {name}: no such goal, rule or property; did you mean {', '.join(near)}, or FIELD=VALUE?")


def _field_goal(text: str, product: Product) -> Goal:
    place, _, word = text.partition("=")
    name, bracket, index_text = place.partition("[")
    field = FIELD_BY_NAME.get(name)
    if field is None:
        raise InputError(f"--until {text}: no field {name!r}; the fields are {', '.join(f.name for f in FIELDS)}")
    value = _value(text, field, word)
    if not field.domain:
        return Goal(text, f"{name} is {word}.", lambda state: bool(getattr(state, name) == value))
    size = len(getattr(product.initial(), name))
    if not bracket:
        return Goal(text, f"{name} is {word} somewhere.", lambda state: value in getattr(state, name))
    digits = index_text.removesuffix("]")
    if not digits.isdecimal() or int(digits) >= size:
        raise InputError(f"--until {text}: the index of {name} is a number below {size}")
    index = int(digits)
    return Goal(text, f"{name}[{index}] is {word}.", lambda state: bool(getattr(state, name)[index] == value))


def _value(text: str, field: Function, word: str) -> Any:
    if isinstance(field.range, Enumeration):
        if word not in field.range.values:
            raise InputError(f"--until {text}: {field.name} is one of {', '.join(field.range.values)}")
        return word
    if field.range == BOOL:
        if word not in ("True", "False"):
            raise InputError(f"--until {text}: {field.name} is True or False")
        return word == "True"
    try:
        return int(word, 0)
    except ValueError:
        raise InputError(f"--until {text}: {field.name} is a number") from None
