"""Helper invariants: relations between fields that hold in every reachable state and carry the proofs."""

from __future__ import annotations

from typing import Any

from psci.model.language.sorts import CORE
from psci.model.language.terms import every, implies
from psci.properties.language import invariant

PSCI_1_0 = 0x0001_0000
"""What PSCI_VERSION returns in 1.0; less stands for 0.1 and 0.2."""


@invariant
def only_an_on_core_does_anything(m: Any, s: Any, h: Any) -> Any:
    """A core that is OFF or ON_PENDING has stopped."""
    return every(CORE, lambda core: implies(s.power[core] != "ON", s.activity[core] == "STOPPED"))


@invariant
def nothing_runs_when_the_system_is_down(m: Any, s: Any, h: Any) -> Any:
    """While the system is down every core has stopped."""
    return every(CORE, lambda core: implies(s.system == "DOWN", s.activity[core] == "STOPPED"))


@invariant
def a_core_that_made_a_system_call_has_stopped(m: Any, s: Any, h: Any) -> Any:
    """A core whose system call was accepted has stopped, and the system is on its way down."""
    return every(
        CORE,
        lambda core: implies(
            s.asked[core] != "NONE",
            (s.activity[core] == "STOPPED") & s.system.is_in("GOING", "DOWN"),
        ),
    )


@invariant
def no_core_is_frozen_before_1_0(m: Any, s: Any, h: Any) -> Any:
    """A core is frozen only where CPU_FREEZE exists, and the mode is OS-initiated only where that exists."""
    old = m.psci_version < PSCI_1_0
    return implies(old, (s.mode == "PLATFORM_COORDINATED") & every(CORE, lambda core: s.activity[core] != "FROZEN"))


@invariant
def a_suspended_system_is_asleep(m: Any, s: Any, h: Any) -> Any:
    """While the system is suspended to RAM each core is OFF or powered down."""
    asleep = every(CORE, lambda core: (s.power[core] == "OFF") | (s.activity[core] == "POWERDOWN"))
    return implies(s.system == "SUSPENDED", asleep)


REACHABLE = (
    only_an_on_core_does_anything,
    nothing_runs_when_the_system_is_down,
    a_core_that_made_a_system_call_has_stopped,
    no_core_is_frozen_before_1_0,
    a_suspended_system_is_asleep,
)
"""Proved together, as the property STATES: what is known of every reachable state."""
