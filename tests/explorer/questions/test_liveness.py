"""What must happen in the end, and what it takes to break that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from psci.explorer.abstraction.machines import small
from psci.explorer.overlap import Decide, Invoke
from psci.explorer.questions.liveness import (
    LivenessVerdict,
    check,
    claims,
    cpu_off_leads_to_off,
    on_pending_leads_to_on,
    retry_loop_ends,
)
from psci.model.language.effects import NOTHING
from psci.model.specification import SPECIFICATION, Specification


def without_effect(name: str) -> Specification:
    rule = SPECIFICATION.rule(name)
    return SPECIFICATION.replacing(rule, replace(rule, effect=NOTHING))


def shape(verdict: LivenessVerdict) -> list[str]:
    assert verdict.lasso is not None
    return [type(action).__name__ for action, _ in verdict.lasso.cycle]


@pytest.mark.parametrize("number", range(3), ids=["ON_PENDING", "CPU_OFF", "retry"])
def test_the_rules_lead_to_what_they_promise_and_not_vacuously(number: int) -> None:
    verdict = check(claims(small(2))[number])
    assert verdict.lasso is None
    assert verdict.premises > 0
    assert verdict.holds


def test_a_core_that_never_finishes_its_start_is_found_although_others_go_on_for_ever() -> None:
    start = SPECIFICATION.rule("START.initialised")
    verdict = check(on_pending_leads_to_on(small(2), SPECIFICATION.replacing(start)))
    assert not verdict.holds
    assert verdict.lasso is not None
    # the shortest way there is the CPU_ON itself
    assert len(verdict.lasso.stem) == 1


def test_a_cpu_off_that_does_nothing_is_a_cycle_not_a_terminal_state() -> None:
    verdict = check(cpu_off_leads_to_off(small(2), without_effect("CPU_OFF.turned_off")))
    assert not verdict.holds
    assert {"Invoke", "Decide"} <= set(shape(verdict))


def test_a_retry_loop_whose_target_never_goes_off_is_for_ever() -> None:
    verdict = check(retry_loop_ends(small(2), without_effect("CPU_OFF.turned_off")))
    assert not verdict.holds
    assert verdict.lasso is not None
    cores = {action.core for action, _ in verdict.lasso.cycle if isinstance(action, Invoke | Decide)}
    # a fair cycle: both the one that retries and the one that tries to go off
    assert cores == {0, 1}


def test_where_the_target_must_not_go_off_the_loop_does_not_end() -> None:
    # the Trusted OS lives on the core that calls CPU_OFF, so that call is refused (TOS-1)
    machine = small(2, declared={"trusted_os": "UP_FIXED", "trusted_os_home": 1})
    assert not check(retry_loop_ends(machine)).holds
