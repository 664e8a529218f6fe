"""What is decided by exploring is a line of the proofs, and a broken party of a scenario breaks a property."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from psci.explorer.questions.hibernation import pairings, updates
from psci.model.language.effects import NOTHING
from psci.model.language.terms import FALSE
from psci.model.scenarios.hibernation import CHANGE, KEEP, HostPolicy, Scenario
from psci.model.specification import SPECIFICATION, Specification
from psci.proofs.encoding.queries import SolverVerdict
from psci.proofs.methods.exploration import CLAIMS, ExploredClaim, decide, of_scenarios, scenarios
from psci.proofs.suite import EXPLORED, Task, run
from psci.properties import PROPERTIES
from psci.properties.hibernation import (
    OfScenarios,
    a_kept_machine_resumes,
    a_signed_change_boots_cleanly,
    hibernation_reaches_the_host,
    signed_changes_are_safe,
    updates_are_safe,
)
from psci.properties.runs.progress import offs_end, starts_end
from psci.properties.runs.responses import Response


def without_effect(name: str) -> Specification:
    rule = SPECIFICATION.rule(name)
    return SPECIFICATION.replacing(rule, replace(rule, effect=NOTHING))


def with_host(name: str, **behaviour: object) -> Iterator[Scenario]:
    """Every pairing, where the hosts of that name behave otherwise."""
    for scenario in pairings():
        if scenario.host.name == name:
            host: HostPolicy = replace(scenario.host, **behaviour)  # type: ignore[arg-type]  # fields of a host
            yield replace(scenario, host=host)


def broken(done: ExploredClaim) -> list[str]:
    """The scenarios that break a property."""
    return [story.lines[1].strip() for story in done.stories]


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("PROP-15", 2470), ("OFFS-END", 38), ("RETRY-ENDS", 19),
        ("HOST-TOLD", 384), ("HOST-KEEPS", 500), ("HOST-SIGNS", 250), ("SIGNED-IS-SAFE", 611), ("UPDATE-IS-SAFE", 13),
    ],
)  # fmt: skip
def test_it_holds_in_so_many_states(name: str, states: int) -> None:
    result = run(Task(name, EXPLORED, "2"))
    assert (result.verdict, result.cores, result.states) == (SolverVerdict.PROVED, "2", states)


def test_every_property_of_scenarios_is_listed_above() -> None:
    assert set(CLAIMS) < {prop.name for prop in PROPERTIES if isinstance(prop, Response)}  # the others are ranked alone
    assert {prop.name for prop in PROPERTIES if isinstance(prop, OfScenarios)} == {
        "HOST-TOLD", "HOST-KEEPS", "HOST-SIGNS", "SIGNED-IS-SAFE", "UPDATE-IS-SAFE",
    }  # fmt: skip


def test_every_property_of_scenarios_speaks_about_some() -> None:
    silent = replace(a_kept_machine_resumes, concerns=lambda found: False)
    done = of_scenarios(silent, pairings())
    assert done.verdict is SolverVerdict.REFUTED
    assert done.stories[0].text() == (
        "HOST-KEEPS says nothing: no state or scenario that was explored meets its premise"
    )


def test_a_run_that_goes_round_for_ever_is_shown() -> None:
    done = decide(offs_end, without_effect("CPU_OFF.turned_off"))
    assert done.verdict is SolverVerdict.REFUTED
    assert done.stories[0].lines[1:] == (
        "  1. core 1: CPU_OFF() makes the call",
        "  2. core 1: CPU_OFF() is answered",
        "  and from there for ever, although the run is fair:",
        "    core 1: CPU_OFF() makes the call",
        "    core 1: CPU_OFF() is answered",
    )


def test_a_start_that_never_ends_is_shown() -> None:
    done = decide(starts_end, SPECIFICATION.replacing(SPECIFICATION.rule("START.initialised")))
    assert done.verdict is SolverVerdict.REFUTED


# ---- broken parties


@pytest.mark.parametrize(
    ("prop", "host", "behaviour", "count"),
    [
        # it promised to keep what it changes now and then
        (a_kept_machine_resumes, "preserves", {"after_hibernation": (KEEP, CHANGE)}, 31),
        # it promised to sign, and forgets to
        (a_signed_change_boots_cleanly, "signs", {"after_hibernation": (CHANGE,)}, 31),
        # it promised to keep what hibernates, and takes that for power-off: with each client and two implementations
        (hibernation_reaches_the_host, "preserves", {"tells": False}, 16),
    ],
)  # fmt: skip
def test_a_host_that_breaks_its_promise_is_noticed(
    prop: OfScenarios, host: str, behaviour: dict[str, object], count: int
) -> None:
    assert len(broken(of_scenarios(prop, with_host(host, **behaviour)))) == count


def test_an_implementation_whose_flag_does_not_arrive_is_noticed() -> None:
    """SYSTEM_OFF2 that takes effect as SYSTEM_OFF."""
    hibernate, off = SPECIFICATION.rule("SYSTEM_OFF2.hibernate"), SPECIFICATION.rule("SYSTEM_OFF.off")
    changed = SPECIFICATION.replacing(hibernate, replace(hibernate, effect=off.effect))
    done = decide(hibernation_reaches_the_host, changed)
    assert done.verdict is SolverVerdict.REFUTED
    assert len(done.stories) == 48
    assert decide(signed_changes_are_safe, changed).verdict is SolverVerdict.PROVED


def test_an_implementation_that_refuses_what_it_must_take_is_noticed() -> None:
    unknown = SPECIFICATION.rule("SYSTEM_OFF2.type_unknown")
    changed = SPECIFICATION.replacing(unknown, replace(unknown, guard=~FALSE))
    assert decide(hibernation_reaches_the_host, changed).verdict is SolverVerdict.REFUTED


def test_a_host_that_signs_only_what_it_was_told_of_is_not_safe() -> None:
    careless = replace(signed_changes_are_safe, concerns=lambda found: found.scenario.host.name == "signs")
    assert of_scenarios(careless, scenarios()).verdict is SolverVerdict.REFUTED


def test_an_update_that_nobody_waits_for_and_nobody_signs_is_not_safe() -> None:
    wider = replace(updates_are_safe, concerns=lambda found: found.scenario.update)
    done = of_scenarios(wider, updates())
    assert len(done.stories) == 1
    assert done.stories[0].lines[-1].endswith("DISASTER: the image was resumed on a machine that it does not fit")
