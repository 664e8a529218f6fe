"""Why a system goes down: a call asked for it, or a wakeup event for a core that is OFF, and nothing else (4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psci.model.language.effects import NOTHING, Effect, each
from psci.model.language.rules import Completion
from psci.model.language.sorts import BOOL, CORE
from psci.model.language.terms import Term, choose, every, implies, lift, some
from psci.model.symbols.machine import MachineTerms
from psci.model.symbols.state import KIND
from psci.properties.language import History, StateView, Step, invariant, remembered, safety
from psci.properties.machine.states import states_fit_together

KINDS: Mapping[str, str] = {"SYSTEM_OFF": "OFF", "SYSTEM_RESET": "RESET", "SYSTEM_OFF2": "HIBERNATE"}
"""What a system call makes of the system; SYSTEM_RESET2 says it by its reset_type."""

CALLED = remembered("CAUSE", "called", CORE, of=KIND, doc="The system call of the core that was accepted, since boot.")
SIGNAL = remembered("CAUSE", "signal", CORE, of=BOOL, doc="The outside made a wakeup event pending for the core.")


def _kind(step: Step) -> Term:
    """What the call asks for."""
    if step.name == "SYSTEM_RESET2":
        return choose(step.call.reset_type == 0, lift("WARM_RESET", KIND), "VENDOR_RESET")
    return lift(KINDS[step.name], KIND)


def _follows(m: MachineTerms, h: StateView, step: Step) -> Effect:
    """System calls that do not return were accepted; a wakeup event is pending until it is withdrawn or ends a wait."""
    if step.name in (*KINDS, "SYSTEM_RESET2") and step.completion is Completion.NEVER:
        return h.but(called={step.core: _kind(step)})
    if step.name == "SIGNAL":
        return h.but(signal={step.core: step.seen("pending")})
    if step.name == "WAKEUP":
        return h.but(signal={step.core: False})
    return _nothing(h) if step.name == "BOOT" else NOTHING


def _nothing(h: StateView) -> Effect:
    return h.but(called=each(lambda core: "NONE"), signal=each(lambda core: False))


@invariant
def calls_and_signals_are_remembered(m: Any, s: Any, h: Any) -> Any:
    """What cores asked for is what they called, and wakeup events are pending as the outside made them."""
    return every(CORE, lambda core: (s.asked[core] == h.called[core]) & (s.wake[core] == h.signal[core]))


@safety(
    "CAUSE", "no-way-down-without-a-cause", about=("GO_DOWN", "LOSE_POWER"),
    history=History((CALLED, SIGNAL), _nothing, _follows),
    helpers=(calls_and_signals_are_remembered,), lemmas=(states_fit_together,),
    cites=("SYS-4", "SYS-5", "OFF-3", "RESET-2", "OFF2-13", "RESET2-6", "RESET2-13", "CPU_OFF-7", "MEMP-6"),
)  # fmt: skip
def no_way_down_without_a_cause(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """The system goes down as some core called for, by a pending wakeup of an OFF core, or because power is lost."""
    if step.name == "LOSE_POWER":
        kept = (s.system == "DOWN") & s.kind.is_in("OFF", "HIBERNATE")
        return (t.system == "DOWN") & (t.kind == choose(kept, s.kind, "POWER_LOSS"))
    kind = step.seen("kind_seen")
    called = (s.system == "GOING") & (kind != "NONE") & some(CORE, lambda core: h.called[core] == kind)
    waiting = some(CORE, lambda core: h.signal[core] & (s.power[core] == "OFF"))
    stray = (kind == "RESET") & (m.stray_wakeup != "IGNORED") & waiting
    return (called | stray) & (t.system == "DOWN") & (t.kind == kind)


@safety(
    "STOPS-CALLER", "an-accepted-system-call-takes-hold", lemmas=(states_fit_together,),
    about=("SYSTEM_OFF", "SYSTEM_RESET", "SYSTEM_OFF2", "SYSTEM_RESET2", "STOP"),
    cites=("SYS-4", "OFF-3", "RESET-2", "OFF2-7", "RESET2-1"),
)  # fmt: skip
def an_accepted_system_call_takes_hold(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After an accepted system call the system goes down with it; cores stop only then, and keep what they are."""
    going = (t.system == "GOING") & (t.activity[step.core] == "STOPPED")
    if step.name == "STOP":
        return going & (s.system == "GOING") & (t.asked[step.core] == s.asked[step.core])
    return implies(step.ends(Completion.NEVER), going & (t.asked[step.core] == _kind(step)))
