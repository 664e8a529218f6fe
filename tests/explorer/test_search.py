"""What a search finds, and that it is the shortest way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from psci.explorer.abstraction.cone import CORES, cone
from psci.explorer.abstraction.machines import small
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.goals.goal import goal
from psci.explorer.runs.describe import step_lines
from psci.explorer.runs.events import events_of
from psci.explorer.search import explore
from psci.explorer.system import QUIET_MOVES, Product
from psci.explorer.watch import unwatched, watched
from psci.model.errors import InputError
from psci.model.language.terms import TRUE
from psci.model.specification import SPECIFICATION, Specification
from psci.oracle import check
from psci.properties import PROPERTIES

EDGES = next(p for p in PROPERTIES if p.name == "PROP-2")


def product(cpus: int = 2, specification: Specification = SPECIFICATION) -> Product:
    machine = small(cpus)
    inside = cone(specification, machine, CORES, QUIET_MOVES).specification
    return Product(machine, inside, Abstraction(widths=(True,)))


def broken() -> Specification:
    """CPU_ON that is accepted whatever the target's state."""
    changed = SPECIFICATION.replacing(SPECIFICATION.rule("CPU_ON.already_on"))
    accepted = changed.rule("CPU_ON.accepted")
    return changed.replacing(accepted, replace(accepted, guard=TRUE))


def names(specification: Specification) -> list[str]:
    watch = watched(Product(small(2), specification, Abstraction(widths=(True,))), EDGES)
    steps = explore(watch, watch.goal).witness()
    assert steps is not None
    return [step.transition.rule.name for step in unwatched(steps)]


def test_a_rule_that_is_broken_is_found_by_the_shortest_violation() -> None:
    assert names(broken()) == ["CPU_ON.accepted"]


def test_the_rules_as_they_are_have_no_violation() -> None:
    watch = watched(Product(small(2), abstraction=Abstraction(widths=(True,))), EDGES)
    done = explore(watch, watch.goal)
    assert done.complete
    assert done.witness() is None


def test_a_core_sleeps_after_it_was_started_and_entered() -> None:
    system = product()
    steps = explore(system, goal("activity[1]=POWERDOWN", system)).witness()
    assert steps is not None
    assert [step.transition.rule.name for step in steps] == [
        "CPU_ON.accepted", "START.initialised", "ENTER.entered", "CPU_DEFAULT_SUSPEND.powerdown",
    ] or [step.transition.rule.name for step in steps][-1] == "CPU_SUSPEND.powerdown"  # fmt: skip
    assert len(steps) == 4


def test_a_rule_is_a_goal_and_its_way_says_only_what_changes() -> None:
    system = product()
    steps = explore(system, goal("CPU_ON.on_pending", system)).witness()
    assert steps is not None
    lines = list(step_lines(system, steps))
    assert lines[0] == (
        "  1  core 0: CPU_ON(target_cpu=0x1, entry_point_address=0x40000000, context_id=0x11) -> SUCCESS"
    )
    assert "       power[1]: OFF -> ON_PENDING" in lines
    assert lines[-2].endswith("-> ON_PENDING")
    assert lines[-1].startswith("     CPU_ON.on_pending, ")


def test_no_core_runs_while_the_system_is_down() -> None:
    system = replace(product(), without=frozenset())
    assert explore(system, goal("alive-when-down", system)).witness() is None


@pytest.mark.parametrize("name", ["all-running", "suspended", "kind=RESET", "SYSTEM_OFF2.hibernate"])
def test_a_way_is_a_trace_that_the_oracle_accepts(name: str) -> None:
    system = product()
    steps = explore(system, goal(name, system)).witness()
    assert steps is not None
    assert check(events_of(system, steps)).findings == []


def test_a_limit_leaves_the_search_incomplete() -> None:
    done = explore(product(), limit=20)
    assert not done.complete
    assert len(done.states) >= 20


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("CPU_ON.already", "did you mean .*CPU_ON.already_on"),
        ("nothing=1", "no field 'nothing'"),
        ("power=SLEEPING", "power is one of OFF, ON_PENDING, ON"),
        ("power[7]=ON", "a number below 2"),
        ("entry=here", "entry is a number"),
    ],
)
def test_a_goal_that_does_not_exist_is_refused_with_what_does(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        goal(name, product())


def test_more_cores_than_can_be_explored_are_refused() -> None:
    with pytest.raises(InputError, match="choose 1 to 512"):
        small(513)
