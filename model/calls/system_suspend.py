"""SYSTEM_SUSPEND: suspend the system to RAM (DEN0022 5.1.19, 5.20)."""

from psci.model.calls.sleeping import falls_asleep, will_be_entered
from psci.model.declare import Call
from psci.model.language.effects import each
from psci.model.language.rules import Completion, always, native
from psci.model.language.terms import CORE, some
from psci.model.power.domains import POWERDOWN
from psci.model.tables.codes import ALREADY_ON, DENIED, INTERNAL_FAILURE, INVALID_ADDRESS, SUCCESS
from psci.model.tables.versions import V1_0

SYSTEM_SUSPEND = Call(
    "SYSTEM_SUSPEND", "5.1.19", fid32=0x8400_000E, fid64=0xC400_000E, since=V1_0, optional=True,
    presence_cites=("SYSSUSP-6",), arguments=(native("entry_point_address"), native("context_id")),
)  # fmt: skip


@SYSTEM_SUSPEND.must_refuse(DENIED, cites=("SYSSUSP-3", "SYSSUSP-4", "SYSSUSP-5", "TOS-7"))
def other_core_not_off(m, s, call):
    """Some core other than the caller is ON or ON_PENDING, or made a system call that is taking effect."""
    not_off = lambda core: (s.power[core] != "OFF") | (s.asked[core] != "NONE")  # noqa: E731  # one line of a rule
    return some(CORE, lambda core: (core != call.caller) & not_off(core))


@SYSTEM_SUSPEND.may_refuse(ALREADY_ON, cites=("SYSSUSP-4",))
def other_core_not_off_by_the_prototype(m, s, call):
    """The same, with the code that only the prototype lists."""
    busy = some(CORE, lambda core: (core != call.caller) & (s.power[core] != "OFF"))
    return busy & (m.suspend_refusal == "PROTOTYPE")


@SYSTEM_SUSPEND.must_refuse(INVALID_ADDRESS, cites=("SYSSUSP-6", "ENTRY-15"))
def entry_unusable(m, s, call):
    """The entry point is known to lie in a range that is not available to the caller."""
    return m.address_unusable(call.entry_point_address)


@SYSTEM_SUSPEND.may_refuse(INTERNAL_FAILURE, cites=("SYSSUSP-1", "SYSSUSP-2"))
def impossible_now(m, s, call):
    """The platform cannot do it now, and says so; no fact has a code for that."""
    return m.cannot_now == "MAY_BE_TOLD"


@SYSTEM_SUSPEND.succeeds(
    Completion.WAITS, cites=("SYSSUSP-1", "SYSSUSP-2", "SYSSUSP-7", "SYSSUSP-11", "SYS-6", "STAT-7")
)
def suspended(m, s, call):
    """The system is suspended; at a wakeup the caller is entered at the entry point with the context id."""
    return always.then(
        falls_asleep(m, s, call, "POWERDOWN", vote=lambda node: POWERDOWN)
        .also(will_be_entered(s, call.caller, call))
        .also(
            s.but(
                system="SUSPENDED",
                node=each(lambda node: "POWERDOWN"),
                dozed=each(lambda node: True),
            )
        )
    )


@SYSTEM_SUSPEND.may_succeed(Completion.RETURNS, SUCCESS, cites=("SYSSUSP-9",))
def early_return(m, s, call):
    """A wakeup is pending: the call returns at the next instruction and nothing was suspended."""
    return m.suspend_return == "POSSIBLE"
