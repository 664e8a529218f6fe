"""When the suspend mode may change, and when that is denied (DEN0022 5.21)."""

from __future__ import annotations

from typing import Any

from psci.model.language.effects import NOTHING, Effect, each
from psci.model.language.rules import Completion
from psci.model.language.sorts import BOOL, CORE
from psci.model.language.terms import TRUE, choose, every, implies, lift, some
from psci.model.symbols.machine import MachineTerms
from psci.model.symbols.state import MODE
from psci.model.tables.codes import DENIED, INVALID_ADDRESS, INVALID_PARAMETERS
from psci.properties.language import History, StateView, Step, invariant, remembered, safety
from psci.properties.machine.domains import awake
from psci.properties.machine.states import states_fit_together
from psci.properties.words import V1_0, osi_possible

SWITCHED = remembered("MODE-SWITCH", "mode", of=MODE, doc="The mode that was set last, or at boot.")
USED = remembered("MODE-SWITCH", "used", of=BOOL, doc="CPU_SUSPEND was accepted since the mode changed, or boot.")
EVER = remembered("MODE-SWITCH", "ever", of=BOOL, doc="CPU_SUSPEND was accepted since boot.")
BY_DEFAULT = remembered("MODE-SWITCH", "by_default", CORE, of=BOOL, doc="The core last suspended by default.")


def _boots(h: StateView) -> Effect:
    return h.but(mode="PLATFORM_COORDINATED", used=False, ever=False, by_default=each(lambda core: False))


def _switches(m: MachineTerms, h: StateView, step: Step) -> Effect:
    """Suspend calls that wait, or return SUCCESS, were accepted; by one reading a refused one was made as well."""
    if step.name == "BOOT":
        return _boots(h)
    waits = step.completion is Completion.WAITS
    if step.name == "CPU_SUSPEND":
        own_refusals = step.result.is_in(*(code.number for code in (INVALID_PARAMETERS, DENIED, INVALID_ADDRESS)))
        made = step.returns(0) | (own_refusals & (m.refused_suspend == "COUNTED"))
        done = TRUE if waits else made
        used = h.but(used=h.used | done, ever=h.ever | done)
        return used.also(h.but(by_default={step.core: False})) if waits else used
    if step.name in ("CPU_DEFAULT_SUSPEND", "SYSTEM_SUSPEND") and waits:
        return h.but(by_default={step.core: step.name == "CPU_DEFAULT_SUSPEND"})
    if step.name == "PSCI_SET_SUSPEND_MODE":
        asked = choose(step.call.mode == 0, lift("PLATFORM_COORDINATED", MODE), "OS_INITIATED")
        changes = step.returns(0) & (asked != h.mode)
        return h.but(mode=choose(changes, asked, h.mode), used=h.used & ~changes)
    return NOTHING


SWITCHES = History((SWITCHED, USED, EVER, BY_DEFAULT), _boots, _switches)


@invariant
def the_mode_is_remembered(m: Any, s: Any, h: Any) -> Any:
    """The mode, the use of CPU_SUSPEND, and which core suspended by default are what was seen."""

    def asleep_by_the_last_call(core: Any) -> Any:
        asleep = (s.power[core] == "ON") & ~awake(s, core)
        return implies(asleep, s.default_suspended[core] == h.by_default[core])

    default = every(CORE, asleep_by_the_last_call)
    history = (s.mode == h.mode) & (s.suspend_used == h.used) & (s.suspend_ever == h.ever)
    return implies((m.psci_version >= V1_0) & (s.system != "DOWN"), default & history)


@invariant
def power_states_are_words(m: Any, s: Any, h: Any, step: Step) -> Any:
    """Callers leave the bits above a power_state zero, so that no refusal is about these."""
    return step.call.upper_half(1) == 0 if step.name == "CPU_SUSPEND" else TRUE


@safety(
    "MODE-SWITCH", "modes-change-when-cores-allow", about=("PSCI_SET_SUSPEND_MODE",), history=SWITCHES,
    helpers=(the_mode_is_remembered,), lemmas=(states_fit_together,), given=(power_states_are_words,),
    cites=("MODE-3", "MODE-4", "MODE-5", "MODE-6", "MODE-7", "MODE-10", "MODE-13"),
)  # fmt: skip
def modes_change_when_cores_allow(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """The mode changes only, and is denied only, as the cores are: running, off, suspended by default; or all off."""
    to_osi = (step.call.mode == 1) & (h.mode == "PLATFORM_COORDINATED")
    to_platform = (step.call.mode == 0) & (h.mode == "OS_INITIATED")

    def fits(core: Any) -> Any:
        up = (s.power[core] == "ON") & s.activity[core].is_in("RUNNING", "ENTERING")
        no_group = (s.power[core] == "ON_PENDING") | (s.activity[core] == "FROZEN")
        by_default = s.activity[core].is_in("STANDBY", "RETENTION", "POWERDOWN") & h.by_default[core]
        return (s.power[core] == "OFF") | up | by_default | (no_group & (m.mode_groups == "EITHER"))

    unused = ~choose(m.mode_history == "SINCE_CHANGE", h.used, h.ever)
    others_off = every(CORE, lambda core: (core == step.core) | (s.power[core] == "OFF"))
    may = choose(to_osi, every(CORE, fits) & unused & osi_possible(m), choose(to_platform, others_off, TRUE))
    accepted = implies(step.returns(0), may & (t.mode == g.mode))
    open_one = some(CORE, lambda core: (s.power[core] == "ON_PENDING") | (s.activity[core] == "FROZEN"))
    left_open = (to_osi & open_one) | (~to_osi & ~to_platform) | ~osi_possible(m)
    denied = implies(step.returns(-3), left_open | ((to_osi | to_platform) & ~may))
    return accepted & denied
