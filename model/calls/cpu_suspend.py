"""CPU_SUSPEND: put the calling core into a low-power state until a wakeup (DEN0022 5.1.2, 5.4)."""

from psci.model.call import Call
from psci.model.codes import INVALID_ADDRESS, INVALID_PARAMETERS, SUCCESS
from psci.model.language.rules import Completion, native, u32, when
from psci.model.language.terms import Const, U32, choose
from psci.model.versions import V0_1, V0_2, V1_0

CPU_SUSPEND = Call(
    "CPU_SUSPEND", "5.1.2", fid32=0x8400_0001, fid64=0xC400_0001, since=V0_1,
    arguments=(u32("power_state"), native("entry_point_address"), native("context_id")),
)  # fmt: skip


@CPU_SUSPEND.features(cites=("FEAT-3", "PSTATE-4"))
def flags(m):
    """Bit 1: the power_state format is the extended one. Bit 0: OS-initiated mode is supported."""
    extended, osi = Const(0b10, U32), Const(0b01, U32)
    none = Const(0, U32)
    return choose(m.extended_state_id, extended, none) | choose(m.osi_supported, osi, none)


@CPU_SUSPEND.must_refuse(INVALID_PARAMETERS, cites=("CPU_SUSPEND-8", "PSTATE-10"))
def reserved_bits_set(m, s, call):
    """A reserved bit of power_state is set."""
    return ~m.well_formed(call.power_state)


@CPU_SUSPEND.must_refuse(INVALID_PARAMETERS, cites=("CPU_SUSPEND-8", "PSTATE-12"))
def state_invalid(m, s, call):
    """power_state is well-formed but names no state of this platform."""
    return m.well_formed(call.power_state) & ~m.state_valid(call.power_state)


@CPU_SUSPEND.must_refuse(INVALID_ADDRESS, cites=("CPU_SUSPEND-10", "CPU_SUSPEND-3"), since=V1_0)
def entry_unusable(m, s, call):
    """A powerdown state is asked for with an entry point known to be unavailable to the caller."""
    return m.is_powerdown(call.power_state) & m.address_unusable(call.entry_point_address)


@CPU_SUSPEND.must_refuse(INVALID_PARAMETERS, cites=("CPU_SUSPEND-10", "REV-3"), until=V0_2)
def entry_unusable_before_1_0(m, s, call):
    """A powerdown state is asked for with an entry point known to be unavailable to the caller."""
    return m.is_powerdown(call.power_state) & m.address_unusable(call.entry_point_address)


@CPU_SUSPEND.succeeds(Completion.WAITS, cites=("CPU_SUSPEND-1", "CPU_SUSPEND-2", "CPU_SUSPEND-4"))
def standby(m, s, call):
    """A standby or retention state: the core waits, keeps its state, and returns SUCCESS at a wakeup."""
    return when(~m.is_powerdown(call.power_state)).then(s.but(activity={call.caller: "STANDBY"}))


@CPU_SUSPEND.succeeds(Completion.WAITS, cites=("CPU_SUSPEND-5", "CPU_SUSPEND-20", "PSTATE-5"))
def powerdown(m, s, call):
    """A powerdown state: at a wakeup the core is entered at the entry point with the context id."""
    return when(m.is_powerdown(call.power_state)).then(
        s.but(
            activity={call.caller: "POWERDOWN"},
            entry={call.caller: call.entry_point_address},
            context={call.caller: call.context_id},
            entry_wide={call.caller: call.wide},
            entry_isa={call.caller: call.isa},
        )
    )


@CPU_SUSPEND.may_succeed(Completion.WAITS, cites=("CPU_SUSPEND-6", "CPU_SUSPEND-7b"))
def downgraded(m, s, call):
    """A powerdown state is downgraded to standby: the core waits and returns SUCCESS at a wakeup."""
    return when(m.is_powerdown(call.power_state)).then(s.but(activity={call.caller: "STANDBY"}))


@CPU_SUSPEND.may_succeed(Completion.RETURNS, SUCCESS, cites=("CPU_SUSPEND-7", "CPU_SUSPEND-7a"))
def early_return(m, s, call):
    """A powerdown state ends early because a wakeup is pending: the call returns at the next instruction."""
    return when(m.is_powerdown(call.power_state))
