"""PSCI_SET_SUSPEND_MODE: choose platform-coordinated or OS-initiated mode (DEN0022 5.1.20, 5.21)."""

from psci.model.declare import Call
from psci.model.language.rules import Completion, u32, when
from psci.model.language.terms import CORE, choose, every, implies, some
from psci.model.symbols.state import OSI, PC
from psci.model.tables.codes import DENIED, INVALID_PARAMETERS, NOT_SUPPORTED, SUCCESS
from psci.model.tables.versions import V1_0

PSCI_SET_SUSPEND_MODE = Call(
    "PSCI_SET_SUSPEND_MODE", "5.1.20", fid32=0x8400_000F, since=V1_0, optional=True,
    presence_cites=("MODE-2", "MODE-14"), arguments=(u32("mode"),),
)  # fmt: skip

PLATFORM_COORDINATED = 0
OS_INITIATED = 1


@PSCI_SET_SUSPEND_MODE.must_refuse(INVALID_PARAMETERS, cites=("MODE-2",))
def mode_invalid(m, s, call):
    """The mode is neither platform-coordinated nor OS-initiated."""
    return ~call.mode.is_in(PLATFORM_COORDINATED, OS_INITIATED)


@PSCI_SET_SUSPEND_MODE.must_refuse(None, cites=("OSI-1", "FEAT-11", "MODE-2"))
def os_initiated_unsupported(m, s, call):
    """OS-initiated mode is asked for and not supported; no fact names the code for that."""
    refusal = (NOT_SUPPORTED.number, INVALID_PARAMETERS.number, DENIED.number)
    return when((call.mode == OS_INITIATED) & ~m.os_initiated()).returning_any(lambda r: r.is_in(*refusal))


def in_the_way(s, core):
    """The core is ON, and neither runs, nor is frozen, nor was suspended by CPU_DEFAULT_SUSPEND."""
    by_default = s.activity[core].is_in("STANDBY", "RETENTION", "POWERDOWN") & s.default_suspended[core]
    fits = s.activity[core].is_in("RUNNING", "ENTERING", "FROZEN") | by_default
    return (s.power[core] == "ON") & ~fits


def starting_or_frozen(s, core):
    """The core is ON_PENDING or frozen: in none of the three groups of 5.21.2."""
    return (s.power[core] == "ON_PENDING") | (s.activity[core] == "FROZEN")


@PSCI_SET_SUSPEND_MODE.must_refuse(DENIED, cites=("MODE-3", "MODE-6", "MODE-13"))
def core_in_the_way_of_osi(m, s, call):
    """To OS-initiated: some core is neither running, nor OFF, nor suspended by CPU_DEFAULT_SUSPEND."""
    changes = (call.mode == OS_INITIATED) & (s.mode == "PLATFORM_COORDINATED")
    return changes & some(CORE, lambda core: in_the_way(s, core))


@PSCI_SET_SUSPEND_MODE.must_refuse(DENIED, cites=("MODE-3", "MODE-6", "MODE-10", "MODE-13"))
def core_in_no_group(m, s, call):
    """The same for a core that is ON_PENDING or frozen, where these are read as no running cores."""
    changes = (call.mode == OS_INITIATED) & (s.mode == "PLATFORM_COORDINATED") & (m.mode_groups == "DENIED")
    return changes & some(CORE, lambda core: starting_or_frozen(s, core))


@PSCI_SET_SUSPEND_MODE.may_refuse(DENIED, cites=("MODE-3", "MODE-6", "MODE-10", "FREEZE-10"))
def core_perhaps_in_no_group(m, s, call):
    """The same, where they may be read as running cores too."""
    changes = (call.mode == OS_INITIATED) & (s.mode == "PLATFORM_COORDINATED") & (m.mode_groups == "EITHER")
    return changes & some(CORE, lambda core: starting_or_frozen(s, core))


@PSCI_SET_SUSPEND_MODE.may_refuse(DENIED, cites=("MODE-6", "MODE-13"))
def condition_fails_for_the_mode_that_is_set(m, s, call):
    """The mode asked for is the present one, and its conditions, checked all the same, do not hold."""

    def unfit(core):
        osi = in_the_way(s, core) | starting_or_frozen(s, core)
        other_on = (core != call.caller) & (s.power[core] != "OFF")
        return choose(s.mode == "OS_INITIATED", osi, other_on)

    again = choose(s.mode == "OS_INITIATED", call.mode == OS_INITIATED, call.mode == PLATFORM_COORDINATED)
    used = (s.mode == "OS_INITIATED") & (s.suspend_used | s.suspend_ever)
    return (m.same_mode == "EITHER") & again & (used | some(CORE, unfit))


@PSCI_SET_SUSPEND_MODE.must_refuse(DENIED, cites=("MODE-4", "MODE-6", "MODE-12", "MODE-13"))
def cpu_suspend_was_used(m, s, call):
    """To OS-initiated: some core called CPU_SUSPEND since the last mode change or boot."""
    used = choose(m.mode_history == "SINCE_CHANGE", s.suspend_used, s.suspend_ever)
    return (call.mode == OS_INITIATED) & (s.mode == "PLATFORM_COORDINATED") & used


@PSCI_SET_SUSPEND_MODE.must_refuse(DENIED, cites=("MODE-5", "MODE-6", "MODE-11", "TOS-7"))
def other_core_not_off(m, s, call):
    """To platform-coordinated: some core other than the caller is not OFF."""
    changes = (call.mode == PLATFORM_COORDINATED) & (s.mode == "OS_INITIATED")
    return changes & ~every(CORE, lambda core: implies(core != call.caller, s.power[core] == "OFF"))


@PSCI_SET_SUSPEND_MODE.succeeds(Completion.RETURNS, SUCCESS, cites=("MODE-1", "MODE-7", "OSI-1"))
def mode_changed(m, s, call):
    """The mode is set for the whole system."""
    to_osi = (call.mode == OS_INITIATED) & (s.mode == "PLATFORM_COORDINATED") & m.os_initiated()
    to_platform = (call.mode == PLATFORM_COORDINATED) & (s.mode == "OS_INITIATED")
    return when(to_osi | to_platform).then(s.but(mode=choose(to_osi, OSI, PC), suspend_used=False))


@PSCI_SET_SUSPEND_MODE.succeeds(Completion.RETURNS, SUCCESS, cites=("MODE-1", "MODE-7"))
def mode_unchanged(m, s, call):
    """The mode asked for is the present one; no condition stands against that."""
    osi_again = (call.mode == OS_INITIATED) & (s.mode == "OS_INITIATED")
    platform_again = (call.mode == PLATFORM_COORDINATED) & (s.mode == "PLATFORM_COORDINATED")
    return osi_again | platform_again
