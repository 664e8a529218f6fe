"""CPU_DEFAULT_SUSPEND: suspend the calling core in a state that the implementation picks (DEN0022 5.1.17, 5.18)."""

from psci.model.calls.sleeping import falls_asleep, will_be_entered
from psci.model.declare import Call
from psci.model.language.effects import each
from psci.model.language.rules import Completion, always, native, when
from psci.model.power.domains import RUN
from psci.model.tables.codes import INVALID_ADDRESS, SUCCESS
from psci.model.tables.versions import V1_0

CPU_DEFAULT_SUSPEND = Call(
    "CPU_DEFAULT_SUSPEND", "5.1.17", fid32=0x8400_000C, fid64=0xC400_000C, since=V1_0, optional=True,
    arguments=(native("entry_point_address"), native("context_id")),
)  # fmt: skip


@CPU_DEFAULT_SUSPEND.must_refuse(INVALID_ADDRESS, cites=("DSUSP-5",))
def entry_unusable(m, s, call):
    """The entry point is known to lie in a range that is not available to the caller."""
    return (m.unused_entry == "IGNORED") & m.address_unusable(call.entry_point_address)


@CPU_DEFAULT_SUSPEND.may_refuse(INVALID_ADDRESS, cites=("DSUSP-5", "DSUSP-3", "DSUSP-4"))
def entry_unusable_or_unused(m, s, call):
    """The same, where a standby state may be entered in spite of an entry point that it does not use."""
    return (m.unused_entry == "EITHER") & m.address_unusable(call.entry_point_address)


def suspends(m, s, call, activity):
    """The caller sleeps; how far the nodes above it follow is the implementation's choice (DSUSP-3)."""
    return falls_asleep(m, s, call, activity, vote=lambda node: RUN, by_default=True).also(
        s.but(dozed=each(lambda node: s.dozed[node] | m.below(call.caller, node)))
    )


@CPU_DEFAULT_SUSPEND.succeeds(
    Completion.WAITS, cites=("DSUSP-1", "DSUSP-2", "DSUSP-3", "DSUSP-8", "DSUSP-10", "DSUSP-11", "STAT-7")
)
def powerdown(m, s, call):
    """A powerdown state: at a wakeup the core is entered at the entry point with the context id."""
    usable = when(~m.address_unusable(call.entry_point_address))
    return usable.then(suspends(m, s, call, "POWERDOWN").also(will_be_entered(s, call.caller, call)))


@CPU_DEFAULT_SUSPEND.succeeds(Completion.WAITS, cites=("DSUSP-2", "DSUSP-3", "DSUSP-4", "CPU_SUSPEND-6"))
def standby(m, s, call):
    """A standby state, chosen by the implementation or by a downgrade: the call returns SUCCESS at a wakeup."""
    return always.then(suspends(m, s, call, "STANDBY"))


@CPU_DEFAULT_SUSPEND.may_succeed(Completion.RETURNS, SUCCESS, cites=("DSUSP-4", "CPU_SUSPEND-7"))
def early_return(m, s, call):
    """A wakeup is pending: the call returns at the next instruction."""
    return always
