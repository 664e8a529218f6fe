"""CPU_ON: power up a core that is off and start it at an entry point (DEN0022 5.1.4, 5.6, 6.6)."""

from psci.model.calls.sleeping import will_be_entered
from psci.model.declare import Call
from psci.model.language.effects import each
from psci.model.language.rules import Completion, native, when
from psci.model.power.domains import RUN, node_after_wakeup
from psci.model.tables.codes import (
    ALREADY_ON,
    DENIED,
    INTERNAL_FAILURE,
    INVALID_ADDRESS,
    INVALID_PARAMETERS,
    NOT_SUPPORTED,
    ON_PENDING,
    SUCCESS,
)
from psci.model.tables.versions import V0_1, V0_2, V1_0, V1_2

CPU_ON = Call(
    "CPU_ON", "5.1.4", fid32=0x8400_0003, fid64=0xC400_0003, since=V0_1,
    arguments=(native("target_cpu"), native("entry_point_address"), native("context_id")),
)  # fmt: skip


@CPU_ON.must_refuse(INVALID_PARAMETERS, cites=("CPU_ON-4",))
def target_invalid(m, s, call):
    """No core has the MPIDR that target_cpu names, or a must-be-zero bit of it is set."""
    return ~m.is_core(call.target_cpu)


@CPU_ON.must_refuse(INVALID_ADDRESS, cites=("CPU_ON-5", "CPU_ON-20"), since=V1_0)
def entry_unusable(m, s, call):
    """The entry point is known to lie in a range that is not available to the caller."""
    return m.address_unusable(call.entry_point_address)


@CPU_ON.must_refuse(INVALID_PARAMETERS, cites=("CPU_ON-5", "REV-3"), until=V0_2)
def entry_unusable_before_1_0(m, s, call):
    """The entry point is known to lie in a range that is not available to the caller."""
    return m.address_unusable(call.entry_point_address)


@CPU_ON.must_refuse(ALREADY_ON, cites=("CPU_ON-6", "SM-7", "AFF-13"), since=V0_2)
def already_on(m, s, call):
    """The target is ON: it runs, it is suspended, it is the caller itself, or its CPU_OFF is not processed yet."""
    target = m.core_of(call.target_cpu)
    resumed = (s.activity[target] == "FROZEN") & (m.frozen_core == "RESUMES")
    return m.is_core(call.target_cpu) & (s.power[target] == "ON") & ~resumed


@CPU_ON.must_refuse(ON_PENDING, cites=("CPU_ON-7", "SM-7"), since=V0_2)
def on_pending(m, s, call):
    """An earlier CPU_ON for the target was accepted and the target is not ON yet."""
    target = m.core_of(call.target_cpu)
    return m.is_core(call.target_cpu) & (s.power[target] == "ON_PENDING")


@CPU_ON.may_refuse(ON_PENDING, cites=("RET-12", "CPU_ON-7"), since=V0_2)
def on_pending_with_new_entry(m, s, call):
    """The same, and where a refused call may take effect: entry point and context id are those of the later call."""
    target = m.core_of(call.target_cpu)
    pending = m.is_core(call.target_cpu) & (s.power[target] == "ON_PENDING")
    return when(pending & (m.failed_call == "MAY_TAKE_EFFECT")).then(will_be_entered(s, target, call))


@CPU_ON.must_refuse(DENIED, cites=("CPU_ON-9", "REV-10"), since=V1_2)
def denied_by_policy(m, s, call):
    """Firmware policy, declared never to change, keeps the target from use by the operating system."""
    target = m.core_of(call.target_cpu)
    return m.is_core(call.target_cpu) & (m.policy(target) == "DENIES")


@CPU_ON.may_refuse(DENIED, cites=("CPU_ON-9", "REV-10"), since=V1_2)
def denied_for_now(m, s, call):
    """The target is OFF, and the policy of the moment keeps it from use; it may change at any time, as by hotplug."""
    target = m.core_of(call.target_cpu)
    return m.is_core(call.target_cpu) & (s.power[target] == "OFF") & (m.policy(target) == "MAY_CHANGE")


@CPU_ON.must_refuse(INTERNAL_FAILURE, cites=("CPU_ON-8", "AFF-8"), since=V0_2)
def target_disabled(m, s, call):
    """The target is physically disabled, so that it cannot be powered up."""
    target = m.core_of(call.target_cpu)
    off = m.is_core(call.target_cpu) & (s.power[target] == "OFF")
    return off & (m.disabled_start == "REFUSED") & m.disabled(target)


@CPU_ON.must_refuse(None, cites=("REV-1", "SM-6"), until=V0_1)
def not_off_in_0_1(m, s, call):
    """The target is not OFF; version 0.1 has no code of its own for that, so INVALID_PARAMETERS or DENIED will do."""
    target = m.core_of(call.target_cpu)
    on = m.is_core(call.target_cpu) & (s.power[target] != "OFF")
    return when(on).returning_any(lambda r: (r == INVALID_PARAMETERS.number) | (r == DENIED.number))


@CPU_ON.may_refuse(NOT_SUPPORTED, cites=("REV-1", "CPU_ON-19"), until=V0_1)
def not_supported_in_0_1(m, s, call):
    """Version 0.1 lists NOT_SUPPORTED without saying when."""
    return True


@CPU_ON.may_refuse(DENIED, cites=("REV-1", "CPU_ON-9"), until=V0_1)
def denied_in_0_1(m, s, call):
    """Version 0.1 lists DENIED without saying when."""
    return True


@CPU_ON.may_refuse(INTERNAL_FAILURE, cites=("CPU_ON-8", "SM-15"), since=V0_2)
def cannot_be_powered(m, s, call):
    """The target is OFF, or frozen, and cannot be powered up for physical reasons."""
    target = m.core_of(call.target_cpu)
    down = (s.power[target] == "OFF") | ((s.activity[target] == "FROZEN") & (m.frozen_core == "RESUMES"))
    return m.is_core(call.target_cpu) & down


def stay_since_boot_ends(m, s, target, node):
    """The node was down, be it since the boot, and where that may count its statistics count it from now on."""
    return (m.stay_since_boot == "EITHER") & m.below(target, node) & (s.node[node] != RUN)


@CPU_ON.succeeds(
    Completion.RETURNS, SUCCESS,
    cites=("CPU_ON-1", "CPU_ON-2", "CPU_ON-10", "CPU_ON-16", "CPU_ON-21", "CPU_ON-23", "SM-6", "PC-6", "TOS-6"),
)  # fmt: skip
def accepted(m, s, call):
    """The target is OFF; it becomes ON_PENDING and will start at the entry point with the context id."""
    target = m.core_of(call.target_cpu)
    return when(m.is_core(call.target_cpu) & (s.power[target] == "OFF")).then(
        s.but(
            power={target: "ON_PENDING"},
            node=each(node_after_wakeup(m, s, target)),
            dozed=each(lambda node: s.dozed[node] | stay_since_boot_ends(m, s, target, node)),
        ).also(will_be_entered(s, target, call))
    )


def resumes(m, s, call):
    """The target is frozen, and CPU_ON brings a frozen core back."""
    frozen = s.activity[m.core_of(call.target_cpu)] == "FROZEN"
    return m.is_core(call.target_cpu) & frozen & (m.frozen_core == "RESUMES")


@CPU_ON.succeeds(Completion.RETURNS, SUCCESS, cites=("CPU_ON-18", "FREEZE-4", "CPU_ON-7", "SM-6"), since=V1_0)
def frozen_core_is_pending(m, s, call):
    """The target is frozen: it is ON_PENDING until it is entered at the entry point with the context id."""
    target = m.core_of(call.target_cpu)
    return when(resumes(m, s, call) & (m.frozen_resume != "STAYS_ON")).then(
        s.but(
            power={target: "ON_PENDING"},
            activity={target: "STOPPED"},
            slept={target: True},
            node=each(node_after_wakeup(m, s, target)),
        ).also(will_be_entered(s, target, call))
    )


@CPU_ON.succeeds(Completion.RETURNS, SUCCESS, cites=("CPU_ON-18", "FREEZE-4", "SM-2"), since=V1_0)
def frozen_core_resumes(m, s, call):
    """The target is frozen: it will be entered at the entry point with the context id, and stays ON."""
    target = m.core_of(call.target_cpu)
    return when(resumes(m, s, call) & (m.frozen_resume != "PENDING")).then(
        s.but(
            activity={target: "ENTERING"},
            slept={target: True},
            node=each(node_after_wakeup(m, s, target)),
        ).also(will_be_entered(s, target, call))
    )
