"""Two sets of rules are told apart by the shortest run that one of them cannot explain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from psci.explorer.abstraction.machines import small
from psci.explorer.questions.distinguish import Separation, separations
from psci.explorer.runs.describe import action_text
from psci.explorer.runs.events import events_of
from psci.explorer.system import MoveAction, Product
from psci.model.language.effects import Effect
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation
from psci.oracle import check

CPU_ON, CPU_OFF, SYSTEM_OFF, SYSTEM_OFF2 = 0xC400_0003, 0x8400_0002, 0x8400_0008, 0xC400_0015


def without(rule: str) -> Specification:
    return SPECIFICATION.replacing(SPECIFICATION.rule(rule))


def forgetting(name: str, field: str) -> Specification:
    rule = SPECIFICATION.rule(name)
    kept = Effect(tuple(update for update in rule.effect.updates if update.field.name != field))
    return SPECIFICATION.replacing(rule, replace(rule, effect=kept))


def first(other: Specification, begin: Invocation | MoveAction) -> Separation | None:
    one, two = Product(small(2)), Product(small(2), other)
    return next(separations(one, two, one.initial(), begin), None)


def way(found: Separation | None) -> list[str]:
    assert found is not None
    return [action_text(found.product, step.transition.action) for step in found.steps]


def test_equal_rules_are_not_told_apart() -> None:
    assert first(SPECIFICATION, Invocation(0, CPU_ON, 1, 0x4000_0000, 0x11)) is None


def test_an_answer_that_one_side_does_not_give_is_enough() -> None:
    found = first(without("CPU_ON.already_on"), Invocation(0, CPU_ON, 0, 0x4000_0000, 0x11))
    assert way(found) == ["core 0: CPU_ON(target_cpu=0x0, entry_point_address=0x40000000, context_id=0x11)"]


def test_a_forgotten_effect_shows_later() -> None:
    found = first(forgetting("CPU_ON.accepted", "context"), Invocation(0, CPU_ON, 1, 0x4000_0000, 0x11))
    assert way(found)[1:] == ["core 1: START", "core 1: ENTER(pc=0x40000000, x0=0x11)"]


def test_what_only_the_changed_rules_can_do_is_found_as_well() -> None:
    one, two = Product(small(2)), Product(small(2), without("SYSTEM_OFF2.cookie_set"))
    found = next(s for s in separations(one, two, one.initial(), Invocation(0, SYSTEM_OFF2, 1, 5)) if s.product is two)
    assert way(found) == ["core 0: SYSTEM_OFF2(type=0x1, cookie=0x5)", "GO_DOWN(kind_seen=HIBERNATE)"]


@pytest.mark.parametrize("name", ["CPU_ON.on_pending", "AFFINITY_INFO.on_pending"])
def test_the_oracle_judges_the_run_differently(name: str) -> None:
    other = without(name)
    found = first(other, Invocation(0, CPU_ON, 1, 0x4000_0000, 0x11))
    assert found is not None
    trace = events_of(found.product, found.steps)
    assert check(trace).verdict != check(trace, other).verdict
