"""What must be possible: each is shown by a run from boot, so that no property holds because nothing happens."""

from __future__ import annotations

from typing import Any

from psci.model.language.effects import NOTHING, Effect, each
from psci.model.language.rules import RESULT, Completion
from psci.model.language.sorts import BOOL, CORE
from psci.model.symbols.machine import MachineTerms
from psci.properties.language import History, StateView, Step, possible, remembered


@possible("CAN-START", "a-core-can-start", about=("ENTER",), cites=("CPU_ON-1", "CPU_ON-12", "SM-8"))
def a_core_can_start(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A core other than the boot core begins to run caller code."""
    return step.core != m.boot_core


OFFED = remembered("CAN-RETURN", "offed", CORE, of=BOOL, doc="The core called CPU_OFF since boot.")


def _offs(m: MachineTerms, h: StateView, step: Step) -> Effect:
    if step.name == "BOOT":
        return h.but(offed=each(lambda core: False))
    if step.name == "CPU_OFF" and step.completion is Completion.NEVER:
        return h.but(offed={step.core: True})
    return NOTHING


OFFS = History((OFFED,), lambda h: h.but(offed=each(lambda core: False)), _offs)


@possible("CAN-RETURN", "off-is-not-for-ever", about=("ENTER",), cites=("CPU_OFF-2", "CPU_ON-1"), history=OFFS)
def off_is_not_for_ever(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A core that called CPU_OFF is brought back and runs again."""
    return h.offed[step.core]


@possible("CAN-RESUME", "a-powerdown-can-resume", about=("ENTER",), cites=("CPU_SUSPEND-5", "SM-27"))
def a_powerdown_can_resume(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """The boot core, suspended in a powerdown state, is entered at its entry point."""
    return (step.core == m.boot_core) & (s.system == "RUNNING")


@possible("CAN-HIBERNATE", "a-guest-can-come-back", about=("BOOT",), cites=("OFF2-14", "OFF2-18"))
def a_guest_can_come_back(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After SYSTEM_OFF2 the system boots and finds the platform that it hibernated on."""
    return t.platform == "KEPT"


@possible("CAN-SUSPEND-SYSTEM", "the-system-can-suspend", about=("WAKEUP",), cites=("SYSSUSP-1", "SYSSUSP-7"))
def the_system_can_suspend(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """The system is suspended to RAM and wakes up."""
    return s.system == "SUSPENDED"


REFUSED = remembered("CAN-RETRY", "refused", CORE, of=BOOL, doc="The core's last CPU_SUSPEND was DENIED.")


def _denials(m: MachineTerms, h: StateView, step: Step) -> Effect:
    if step.name != "CPU_SUSPEND":
        return NOTHING
    if step.completion is Completion.RETURNS:
        return h.but(refused={step.core: RESULT == -3})
    return h.but(refused={step.core: False}) if step.completion is Completion.WAITS else NOTHING


DENIALS = History((REFUSED,), lambda h: h.but(refused=each(lambda core: False)), _denials)


@possible(
    "CAN-RETRY", "a-denied-request-can-succeed", about=("CPU_SUSPEND",), history=DENIALS,
    cites=("PROP-16", "OSI-12", "CPU_SUSPEND-12"),
)  # fmt: skip
def a_denied_request_can_succeed(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A core whose CPU_SUSPEND was DENIED in OS-initiated mode asks again and is suspended."""
    return step.ends(Completion.WAITS) & h.refused[step.core] & (s.mode == "OS_INITIATED")
