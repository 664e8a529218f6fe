"""Shared by the tests of proofs: one-line changes of a rule that a property must notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from psci.model.environment.cores import CORE_AT_HAND
from psci.model.language.effects import Effect
from psci.model.language.terms import Op, Term, conjunction, show
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.state import STATE


def with_guard(name: str, guard: Term) -> Specification:
    """The rules with another guard for one of them."""
    rule = SPECIFICATION.rule(name)
    return SPECIFICATION.replacing(rule, replace(rule, guard=guard))


def without_conjunct(name: str, place: int) -> Term:
    """The guard of a rule with one of its conditions left out."""
    guard = SPECIFICATION.rule(name).guard
    assert isinstance(guard, Op) and guard.name == "and", show(guard)
    return conjunction(*guard.arguments[:place], *guard.arguments[place + 1 :])


def without_update(name: str, field: str) -> Specification:
    """The rules with one of them not changing a field."""
    rule = SPECIFICATION.rule(name)
    effect = Effect(tuple(update for update in rule.effect.updates if update.field.name != field))
    assert len(effect.updates) < len(rule.effect.updates)
    return SPECIFICATION.replacing(rule, replace(rule, effect=effect))


Change = tuple[str, Callable[[], Specification]]
"""The rule whose step must fail, and the changed rules."""


@pytest.fixture
def change(name: str) -> Change:
    """For the property that a test is about: a change of one line that it must notice."""
    core = CORE_AT_HAND
    context = ("CPU_ON.accepted", lambda: without_update("CPU_ON.accepted", "context"))
    changes: dict[str, Change] = {
        "PROP-2": ("START.initialised", lambda: with_guard("START.initialised", STATE.power[core] != "ON")),
        "ENTRIES": context,
        "PROP-4": context,
        "PROP-16": (
            "CPU_SUSPEND.others_running",
            lambda: with_guard("CPU_SUSPEND.others_running", without_conjunct("CPU_SUSPEND.others_running", 0)),
        ),
        "PROP-13": ("START.initialised", lambda: with_guard("START.initialised", STATE.power[core] == "ON_PENDING")),
    }
    return changes[name]
