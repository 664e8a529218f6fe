"""What an accepted system call promises: no caller code until the next boot, and a clean boot (4.4, 5.10)."""

from __future__ import annotations

from typing import Any

from psci.model.language.effects import NOTHING, Effect, each
from psci.model.language.rules import Completion
from psci.model.language.sorts import BOOL, CORE
from psci.model.language.terms import TRUE, every, implies, some
from psci.model.machine import MachineTerms
from psci.properties.helpers import (
    a_core_that_made_a_system_call_has_stopped,
    nothing_runs_when_the_system_is_down,
    only_an_on_core_does_anything,
)
from psci.properties.language import History, Step, View, invariant, remembered, safety

TERMINAL_CALLS = ("SYSTEM_OFF", "SYSTEM_RESET", "SYSTEM_OFF2", "SYSTEM_RESET2")

ACCEPTED = remembered("PROP-13", "accepted", CORE, of=BOOL, doc="The core's system call was accepted in this life.")
DOWN = remembered("PROP-13", "down", of=BOOL, doc="The outside saw the system go down, and no boot since.")
GOING = remembered("PROP-13", "going", of=BOOL, doc="Some system call was accepted, and no boot since.")


def _nothing_accepted(h: View) -> Effect:
    return h.but(accepted=each(lambda core: False), down=False, going=False)


def _before_the_first_boot(h: View) -> Effect:
    return h.but(accepted=each(lambda core: False), down=True, going=False)


def _system_calls(m: MachineTerms, h: View, step: Step) -> Effect:
    """A system call that does not return was accepted; a boot forgets it."""
    if step.name in TERMINAL_CALLS and step.completion is Completion.NEVER:
        return h.but(accepted={step.core: True}, going=True)
    if step.name in ("GO_DOWN", "LOSE_POWER"):
        return h.but(down=True)
    if step.name == "BOOT":
        return _nothing_accepted(h)
    return NOTHING


SYSTEM_CALLS = History((ACCEPTED, DOWN, GOING), _before_the_first_boot, _system_calls)


@invariant
def accepted_calls_are_remembered(m: Any, s: Any, h: Any) -> Any:
    """The system is down when that was seen, and going down when some core's system call was accepted."""
    accepted = every(CORE, lambda core: h.accepted[core] == (s.asked[core] != "NONE"))
    going = implies(h.going, some(CORE, lambda core: h.accepted[core]) & s.system.is_in("GOING", "DOWN"))
    return accepted & going & (h.down == (s.system == "DOWN"))


@invariant
def no_core_runs_when_all_stop_at_once(m: Any, s: Any, h: Any) -> Any:
    """Where a system call stops all cores at once, no core does anything after it."""
    stopped = every(CORE, lambda core: s.activity[core] == "STOPPED")
    return implies(h.going & (m.system_stop == "AT_ONCE"), stopped)


@safety(
    "PROP-13", "silence-after-a-system-call", history=SYSTEM_CALLS,
    cites=("PROP-13", "SYS-3", "SYS-4", "OFF-3", "OFF2-7", "OFF2-13", "RESET-2", "RESET2-1"),
    helpers=(
        only_an_on_core_does_anything, nothing_runs_when_the_system_is_down,
        a_core_that_made_a_system_call_has_stopped, accepted_calls_are_remembered,
        no_core_runs_when_all_stop_at_once,
    ),
)  # fmt: skip
def silence(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After an accepted system call its caller does not run before the next boot, nor does anyone once it is down."""
    if step.is_call or step.name == "ENTER":
        at_once = h.going & (m.system_stop == "AT_ONCE")
        return ~h.accepted[step.core] & ~h.down & ~at_once
    if step.name == "BOOT":
        return (
            h.down
            & (t.system == "RUNNING")
            & every(CORE, lambda core: (t.power[core] == "ON") == (core == step.core))
            & every(CORE, lambda core: implies(core != step.core, t.power[core] == "OFF"))
        )
    return TRUE


PROPERTIES = (silence,)
