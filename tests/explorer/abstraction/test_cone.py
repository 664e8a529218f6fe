"""The cone of influence keeps exactly the states of a question."""

from __future__ import annotations

from psci.explorer.abstraction.cone import CORES, cone
from psci.explorer.abstraction.machines import small
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.search import explore
from psci.explorer.system import Product
from psci.model.specification import SPECIFICATION

WIDE = Abstraction(widths=(True,))


def test_the_states_of_a_cone_are_those_of_all_rules_seen_through_its_fields() -> None:
    machine = small(1)
    inside = cone(SPECIFICATION, machine, CORES)
    looked_at = sorted(inside.fields)
    whole = explore(Product(machine, SPECIFICATION, WIDE))
    part = explore(Product(machine, inside.specification, WIDE))
    assert whole.complete
    assert part.complete
    assert len(part.states) < len(whole.states) / 20

    def seen(states: list[object]) -> set[tuple[object, ...]]:
        return {tuple(getattr(state, field) for field in looked_at) for state in states}

    assert seen(part.states) == seen(whole.states)
    assert len(part.states) == len(seen(part.states))


def test_a_field_that_never_changes_is_a_constant() -> None:
    assert {"mode", "migrated"} <= cone(SPECIFICATION, small(2), CORES).constant
    assert "mode" not in cone(SPECIFICATION, small(2, declared={"osi_supported": True}), CORES).constant


def test_calls_that_are_left_out_take_what_only_they_change_with_them() -> None:
    without = cone(SPECIFICATION, small(2), CORES, frozenset({"MEM_PROTECT"}))
    assert "memory_protected" in without.constant
    assert "MEM_PROTECT" not in {call.name for call in without.specification.calls}


def test_what_is_left_out_may_be_any_set() -> None:
    left_out = {"SIGNAL", "LOSE_POWER"}
    inside = cone(SPECIFICATION, small(2), CORES, left_out)
    assert {move.name for move in inside.specification.moves}.isdisjoint(left_out)
