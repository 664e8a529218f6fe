"""CPU_SUSPEND: put the calling core into a low-power state until a wakeup (DEN0022 5.1.2, 5.4)."""

from dataclasses import replace

from psci.model.calls.sleeping import falls_asleep, will_be_entered
from psci.model.declare import Call
from psci.model.language.effects import each
from psci.model.language.rules import Completion, native, u32, when
from psci.model.language.terms import CORE, NODE, U32, Const, choose, some
from psci.model.power.domains import (
    RUN,
    asks_for,
    idle_conflict,
    node_after_sleep,
    others_on,
    running_conflict,
    shallow_conflict,
)
from psci.model.symbols.state import POWERDOWN, RETENTION, STANDBY
from psci.model.tables.codes import DENIED, INVALID_ADDRESS, INVALID_PARAMETERS, NOT_SUPPORTED, SUCCESS
from psci.model.tables.versions import V0_1, V0_2, V1_0

CPU_SUSPEND = Call(
    "CPU_SUSPEND", "5.1.2", fid32=0x8400_0001, fid64=0xC400_0001, since=V0_1,
    arguments=(u32("power_state"), native("entry_point_address"), native("context_id")),
)  # fmt: skip


@CPU_SUSPEND.features(cites=("FEAT-3", "FEAT-11", "OSI-1", "PSTATE-3", "PSTATE-4"))
def flags(m):
    """Bit 1: the power_state format is the extended one. Bit 0: OS-initiated mode is supported."""
    extended, osi = Const(0b10, U32), Const(0b01, U32)
    none = Const(0, U32)
    return choose(m.extended_state_id, extended, none) | choose(m.os_initiated(), osi, none)


def even_if_refused(m, s):
    """Where a refused call counts as one that was made: CPU_SUSPEND has been called (MODE-4)."""
    counted = m.refused_suspend == "COUNTED"
    return s.but(suspend_used=s.suspend_used | counted, suspend_ever=s.suspend_ever | counted)


@CPU_SUSPEND.must_refuse(INVALID_PARAMETERS, cites=("CPU_SUSPEND-8", "PSTATE-1", "PSTATE-2", "PSTATE-10"))
def reserved_bits_set(m, s, call):
    """A reserved bit of power_state is set."""
    return when(~m.well_formed(call.power_state)).then(even_if_refused(m, s))


@CPU_SUSPEND.must_refuse(INVALID_PARAMETERS, cites=("CPU_SUSPEND-8", "PSTATE-6", "PSTATE-12"))
def state_invalid(m, s, call):
    """power_state is well-formed but names no state of this platform."""
    invalid = m.well_formed(call.power_state) & ~m.state_valid(call.power_state)
    return when(invalid).then(even_if_refused(m, s))


CPU_SUSPEND.when_refused = even_if_refused


def is_unusable(m, call):
    """The entry point is known to lie in a range that is not available to the caller."""
    return m.address_unusable(call.entry_point_address)


def unusable_or_unused(m, call):
    """The same, or the entry point would not be used; an undeclared address is asked for only where it would be."""
    used_or_known = m.is_powerdown(call.power_state) | m.addresses_declared
    return choose(used_or_known, is_unusable(m, call), True)


@CPU_SUSPEND.must_refuse(INVALID_ADDRESS, cites=("CPU_SUSPEND-10", "CPU_SUSPEND-3"), since=V1_0)
def entry_unusable(m, s, call):
    """A powerdown state is asked for with an entry point known to be unavailable to the caller."""
    checked = m.is_powerdown(call.power_state) & (m.unused_entry == "IGNORED")
    return when(checked & is_unusable(m, call)).then(even_if_refused(m, s))


@CPU_SUSPEND.may_refuse(INVALID_ADDRESS, cites=("CPU_SUSPEND-10", "CPU_SUSPEND-3", "CPU_SUSPEND-6"), since=V1_0)
def entry_unusable_or_unused(m, s, call):
    """The same, where the entry point of a standby state may be checked too, and that of a downgraded one need not."""
    return when((m.unused_entry == "EITHER") & unusable_or_unused(m, call)).then(even_if_refused(m, s))


@CPU_SUSPEND.must_refuse(INVALID_PARAMETERS, cites=("CPU_SUSPEND-10", "REV-3"), until=V0_2)
def entry_unusable_before_1_0(m, s, call):
    """A powerdown state is asked for with an entry point known to be unavailable to the caller."""
    return m.is_powerdown(call.power_state) & (m.unused_entry == "IGNORED") & is_unusable(m, call)


@CPU_SUSPEND.may_refuse(INVALID_PARAMETERS, cites=("CPU_SUSPEND-10", "CPU_SUSPEND-6", "REV-3"), until=V0_2)
def entry_unusable_or_unused_before_1_0(m, s, call):
    """The same, where the entry point of a standby state may be checked too, and that of a downgraded one need not."""
    return (m.unused_entry == "EITHER") & unusable_or_unused(m, call)


@CPU_SUSPEND.must_refuse(
    DENIED,
    cites=(
        "CPU_SUSPEND-11",
        "CPU_SUSPEND-14",
        "OSI-6",
        "OSI-9",
        "OSI-17",
        "CPU_SUSPEND-12",
        "CPU_SUSPEND-13",
        "CPU_OFF-11",
        "OSI-12",
    ),
    since=V1_0,
)
def others_running(m, s, call):
    """OS-initiated: a core of a node that the request speaks about is running, and nothing inside is too shallow."""
    alone = ~shallow_conflict(m, s, call) | (m.osi_mixed != "INVALID_PARAMETERS")
    refused = (s.mode == "OS_INITIATED") & running_conflict(m, s, call, surely=True) & alone
    return when(refused).then(even_if_refused(m, s))


@CPU_SUSPEND.may_refuse(
    DENIED, cites=("CPU_SUSPEND-11", "OSI-6", "FREEZE-2", "FREEZE-10", "DSUSP-3", "DSUSP-9", "OSI-14"), since=V1_0
)
def others_perhaps_running(m, s, call):
    """OS-initiated: whether a core inside is running, or a claim without a request is checked, is left open."""
    alone = ~shallow_conflict(m, s, call) | (m.osi_mixed != "INVALID_PARAMETERS")
    refused = (s.mode == "OS_INITIATED") & running_conflict(m, s, call, surely=False) & alone
    return when(refused).then(even_if_refused(m, s))


@CPU_SUSPEND.may_refuse(INVALID_PARAMETERS, cites=("CPU_SUSPEND-9", "FREEZE-2", "FREEZE-10"), since=V1_0)
def frozen_core_perhaps_too_shallow(m, s, call):
    """OS-initiated: a core inside the requested node is frozen, and the state that it is in may be too shallow."""
    frozen = lambda core, node: (  # noqa: E731  # one line of a rule
        m.below(core, node) & (core != call.caller) & (s.activity[core] == "FROZEN")
    )
    asked = lambda node: m.below(call.caller, node) & (asks_for(m, call, node) != RUN)  # noqa: E731  # as above
    inside = some(NODE, lambda node: asked(node) & some(CORE, lambda core: frozen(core, node)))
    refused = (s.mode == "OS_INITIATED") & (m.frozen_in_osi == "EITHER") & inside
    return when(refused).then(even_if_refused(m, s))


@CPU_SUSPEND.may_refuse(None, cites=("OSI-2", "OSI-5", "OSI-6", "CPU_SUSPEND-14"), since=V1_0)
def claims_too_little(m, s, call):
    """OS-initiated: a low-power state is asked for at a level of which the caller does not say it is the last core."""

    def unclaimed(node):
        asked = m.below(call.caller, node) & (asks_for(m, call, node) != RUN)
        return asked & ~m.claims(call.power_state, m.level(node))

    refused = (s.mode == "OS_INITIATED") & (m.low_claim == "EITHER") & some(NODE, unclaimed)
    case = when(refused).then(even_if_refused(m, s))
    return case.returning_any(lambda r: (r == INVALID_PARAMETERS.number) | (r == DENIED.number))


@CPU_SUSPEND.may_refuse(None, cites=("CPU_SUSPEND-14", "PSTATE-8", "PSTATE-12"), since=V1_0)
def nobody_knows_the_request(m, s, call):
    """OS-initiated: what power_state asks for is not declared, and another core may be in the way of it."""
    unknown = (s.mode == "OS_INITIATED") & ~m.described(call.power_state) & others_on(s, call)
    refused = when(unknown).then(even_if_refused(m, s))
    return refused.returning_any(lambda r: (r == INVALID_PARAMETERS.number) | (r == DENIED.number))


@CPU_SUSPEND.must_refuse(
    INVALID_PARAMETERS,
    cites=(
        "CPU_SUSPEND-9",
        "CPU_SUSPEND-14",
        "CPU_SUSPEND-27",
        "OSI-9",
        "CPU_SUSPEND-13",
        "CPU_SUSPEND-28",
        "PD-4",
        "PD-5",
        "PD-6",
    ),
    since=V1_0,
)
def others_too_shallow(m, s, call):
    """OS-initiated: a core or node inside the requested one is in a low-power state that is too shallow for it."""
    alone = ~running_conflict(m, s, call, surely=True) | (m.osi_mixed != "DENIED")
    refused = (s.mode == "OS_INITIATED") & shallow_conflict(m, s, call) & alone
    return when(refused).then(even_if_refused(m, s))


def left_running(m, s, call):
    """A node inside the requested one still runs; no fact names one of the two codes for that."""
    refused = when((s.mode == "OS_INITIATED") & idle_conflict(m, s, call)).then(even_if_refused(m, s))
    return refused.returning_any(lambda r: (r == INVALID_PARAMETERS.number) | (r == DENIED.number))


@CPU_SUSPEND.must_refuse(None, cites=("CPU_SUSPEND-14", "OSI-4", "OSI-19", "PD-3"), since=V1_0)
def others_left_running(m, s, call):
    """OS-initiated: a node inside the requested one still runs, with all its cores in a low-power state or OFF.

    Where that is read as an inconsistent request, it must be refused.
    """
    case = left_running(m, s, call)
    return replace(case, guard=(m.idle_inside == "REFUSED") & case.guard)


@CPU_SUSPEND.may_refuse(None, cites=("CPU_SUSPEND-14", "OSI-4", "OSI-19", "PD-3"), since=V1_0)
def others_left_running_refused(m, s, call):
    """The same, where the request may also be accepted and the node inside goes down with it."""
    case = left_running(m, s, call)
    return replace(case, guard=(m.idle_inside == "EITHER") & case.guard)


@CPU_SUSPEND.may_refuse(SUCCESS, cites=("CPU_SUSPEND-7", "CPU_SUSPEND-14", "OSI-6", "OSI-8"), since=V1_0)
def woken_before_the_check(m, s, call):
    """OS-initiated: a wakeup is pending and ends a powerdown request before the others are looked at."""
    early = (s.mode == "OS_INITIATED") & m.is_powerdown(call.power_state) & s.wake[call.caller]
    valid = m.well_formed(call.power_state) & m.state_valid(call.power_state)
    return when((m.check_and_wakeup == "EITHER") & early & valid).then(s.but(suspend_used=True, suspend_ever=True))


@CPU_SUSPEND.may_refuse(NOT_SUPPORTED, cites=("REV-1", "CPU_SUSPEND-15"), until=V0_1)
def not_supported_in_0_1(m, s, call):
    """Version 0.1 lists NOT_SUPPORTED without saying when."""
    return True


@CPU_SUSPEND.may_refuse(DENIED, cites=("REV-1", "CPU_SUSPEND-15"), until=V0_1)
def denied_in_0_1(m, s, call):
    """Version 0.1 lists DENIED without saying when."""
    return True


def suspends(m, s, call, asleep):
    """The caller sleeps, and the nodes above it take the states that their mode gives them."""
    after = node_after_sleep(m, s, call.caller, lambda node: asks_for(m, call, node))
    dozes = lambda node: (after(node) != s.node[node]) | (m.below(call.caller, node) & (after(node) != "RUN"))  # noqa: E731  # one line of a rule
    unknown = ~m.described(call.power_state)
    sleeps = falls_asleep(m, s, call, asleep, vote=lambda node: asks_for(m, call, node), undescribed=unknown)
    return sleeps.also(
        s.but(
            node=each(after),
            dozed=each(lambda node: s.dozed[node] | dozes(node)),
            suspend_used=True,
            suspend_ever=True,
        )
    )


@CPU_SUSPEND.succeeds(
    Completion.WAITS,
    cites=(
        "CPU_SUSPEND-1",
        "CPU_SUSPEND-2",
        "CPU_SUSPEND-4",
        "CPU_SUSPEND-25",
        "PC-3",
        "OSI-4",
        "SMC-12",
        "SM-21",
        "SM-22",
        "SM-24",
        "PC-5",
        "PD-3",
    ),
)
def standby(m, s, call):
    """A standby or retention state: the core waits, keeps its state, and returns SUCCESS at a wakeup."""
    asleep = choose(m.retention(call.power_state), RETENTION, STANDBY)
    return when(~m.is_powerdown(call.power_state)).then(suspends(m, s, call, asleep))


@CPU_SUSPEND.succeeds(
    Completion.WAITS,
    cites=(
        "CPU_SUSPEND-5",
        "CPU_SUSPEND-20",
        "CPU_SUSPEND-25",
        "PSTATE-5",
        "PC-3",
        "OSI-3",
        "OSI-4",
        "CPU_SUSPEND-21",
        "CPU_SUSPEND-26",
        "PC-5",
        "PD-3",
        "SM-23",
        "TOS-3",
    ),
)
def powerdown(m, s, call):
    """A powerdown state: at a wakeup the core is entered at the entry point with the context id."""
    usable = ~is_unusable(m, call)
    return when(m.is_powerdown(call.power_state) & usable).then(
        suspends(m, s, call, POWERDOWN).also(will_be_entered(s, call.caller, call))
    )


@CPU_SUSPEND.may_succeed(Completion.WAITS, cites=("CPU_SUSPEND-6", "CPU_SUSPEND-7b", "PC-8"))
def downgraded(m, s, call):
    """A powerdown state is downgraded to standby: the core waits and returns SUCCESS at a wakeup."""
    return when(m.is_powerdown(call.power_state)).then(
        falls_asleep(m, s, call, STANDBY, vote=lambda node: RUN).also(s.but(suspend_used=True, suspend_ever=True))
    )


@CPU_SUSPEND.may_succeed(Completion.RETURNS, SUCCESS, cites=("CPU_SUSPEND-7", "CPU_SUSPEND-7a"))
def early_return(m, s, call):
    """A powerdown state ends early because a wakeup is pending: the call returns at the next instruction."""
    return when(m.is_powerdown(call.power_state)).then(s.but(suspend_used=True, suspend_ever=True))
