"""SYSTEM_OFF and SYSTEM_RESET: power the system off, or reset it (DEN0022 5.1.9, 5.1.11, 5.10, 5.12)."""

from psci.model.calls.going_down import goes_down
from psci.model.declare import Call
from psci.model.language.rules import Completion, always
from psci.model.tables.codes import INTERNAL_FAILURE
from psci.model.tables.versions import V0_2

SYSTEM_OFF = Call("SYSTEM_OFF", "5.1.9", fid32=0x8400_0008, since=V0_2)
SYSTEM_RESET = Call("SYSTEM_RESET", "5.1.11", fid32=0x8400_0009, since=V0_2)


@SYSTEM_OFF.may_refuse(INTERNAL_FAILURE, cites=("OFF-1", "OFF-2"))
def off_impossible_now(m, s, call):
    """The platform cannot do it now, and says so; no fact has a code for that."""
    return m.cannot_now == "MAY_BE_TOLD"


@SYSTEM_OFF.succeeds(Completion.NEVER, cites=("OFF-1", "OFF-2", "OFF-3", "TOS-8", "SYS-4"))
def off(m, s, call):
    """Power is removed from the caller-visible system, whichever core calls."""
    return always.then(goes_down(m, s, call, "OFF"))


@SYSTEM_RESET.may_refuse(INTERNAL_FAILURE, cites=("RESET-1", "RESET-3"))
def reset_impossible_now(m, s, call):
    """The platform cannot do it now, and says so; no fact has a code for that."""
    return m.cannot_now == "MAY_BE_TOLD"


@SYSTEM_RESET.succeeds(Completion.NEVER, cites=("RESET-1", "RESET-2", "RESET-3", "SYS-4"))
def reset(m, s, call):
    """The caller-visible system is cold reset, as by a power cycle."""
    return always.then(goes_down(m, s, call, "RESET"))
