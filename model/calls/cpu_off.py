"""CPU_OFF: turn off the calling core (DEN0022 5.1.3, 5.5, 6.6)."""

from psci.model.calls.trusted_os import is_resident
from psci.model.declare import Call
from psci.model.language.effects import each
from psci.model.language.rules import Completion, always, when
from psci.model.power.domains import node_after_off
from psci.model.tables.codes import DENIED, INVALID_PARAMETERS, NOT_SUPPORTED
from psci.model.tables.versions import V0_1, V0_2

CPU_OFF = Call("CPU_OFF", "5.1.3", fid32=0x8400_0002, since=V0_1)


@CPU_OFF.must_refuse(DENIED, cites=("CPU_OFF-3", "TOS-1", "TOS-7"), since=V0_2)
def trusted_os_resident(m, s, call):
    """A uniprocessor Trusted OS is resident on the calling core."""
    return is_resident(m, s, call.caller)


@CPU_OFF.may_refuse(None, cites=("REV-1", "CPU_OFF-1"), until=V0_1)
def refused_in_0_1(m, s, call):
    """Version 0.1, where the call had a power_state, lists INVALID_PARAMETERS and DENIED without saying when."""
    return when(True).returning_any(lambda r: (r == INVALID_PARAMETERS.number) | (r == DENIED.number))


@CPU_OFF.may_refuse(NOT_SUPPORTED, cites=("REV-1",), until=V0_1)
def not_supported_in_0_1(m, s, call):
    """Version 0.1 lists NOT_SUPPORTED without saying when."""
    return True


@CPU_OFF.succeeds(
    Completion.NEVER,
    cites=(
        "CPU_OFF-1",
        "CPU_OFF-2",
        "CPU_OFF-10",
        "CPU_OFF-12",
        "CPU_OFF-13",
        "CPU_OFF-14",
        "OSI-13",
        "SM-6",
        "STAT-7",
        "CPU_SUSPEND-26",
        "MODE-9",
        "PC-5",
        "PD-3",
    ),
)
def turned_off(m, s, call):
    """The caller becomes OFF, and only a CPU_ON brings it back; nodes above it go down as far as the others allow."""
    after = node_after_off(m, s, call.caller)
    return always.then(
        s.but(
            power={call.caller: "OFF"},
            activity={call.caller: "STOPPED"},
            rested={call.caller: True},
            slept={call.caller: True},
            node=each(after),
            dozed=each(lambda node: s.dozed[node] | (m.below(call.caller, node) & (after(node) != "RUN"))),
        )
    )
