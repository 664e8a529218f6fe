"""CPU_DEFAULT_SUSPEND: suspend the calling core in a state that the implementation picks (DEN0022 5.1.17, 5.18)."""

from psci.model.call import Call
from psci.model.codes import INVALID_ADDRESS, SUCCESS
from psci.model.language.effects import each
from psci.model.language.rules import Completion, always, native
from psci.model.language.terms import choose
from psci.model.power_domains import RUN
from psci.model.versions import V1_0

CPU_DEFAULT_SUSPEND = Call(
    "CPU_DEFAULT_SUSPEND", "5.1.17", fid32=0x8400_000C, fid64=0xC400_000C, since=V1_0, optional=True,
    arguments=(native("entry_point_address"), native("context_id")),
)  # fmt: skip


@CPU_DEFAULT_SUSPEND.must_refuse(INVALID_ADDRESS, cites=("DSUSP-5",))
def entry_unusable(m, s, call):
    """The entry point is known to lie in a range that is not available to the caller."""
    return m.address_unusable(call.entry_point_address)


@CPU_DEFAULT_SUSPEND.succeeds(Completion.WAITS, cites=("DSUSP-1", "DSUSP-2", "DSUSP-3", "DSUSP-8", "DSUSP-10", "DSUSP-11"))
def powerdown(m, s, call):
    """A powerdown state: at a wakeup the core is entered at the entry point with the context id."""
    return always.then(
        s.but(
            activity={call.caller: "POWERDOWN"},
            default_suspended={call.caller: True},
            slept={call.caller: True},
            vote=each(lambda core, node: choose(core == call.caller, RUN, s.vote[core, node])),
            entry={call.caller: call.entry_point_address},
            context={call.caller: call.context_id},
            entry_wide={call.caller: call.wide},
            entry_isa={call.caller: call.isa},
        )
    )


@CPU_DEFAULT_SUSPEND.succeeds(Completion.WAITS, cites=("DSUSP-2", "DSUSP-3", "DSUSP-4", "CPU_SUSPEND-6"))
def standby(m, s, call):
    """A standby state, chosen by the implementation or by a downgrade: the call returns SUCCESS at a wakeup."""
    return always.then(
        s.but(
            activity={call.caller: "STANDBY"},
            default_suspended={call.caller: True},
            slept={call.caller: True},
            vote=each(lambda core, node: choose(core == call.caller, RUN, s.vote[core, node])),
        )
    )


@CPU_DEFAULT_SUSPEND.may_succeed(Completion.RETURNS, SUCCESS, cites=("DSUSP-4", "CPU_SUSPEND-7"))
def early_return(m, s, call):
    """A wakeup is pending: the call returns at the next instruction."""
    return always
