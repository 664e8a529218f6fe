"""CPU_FREEZE: stop the calling core until a CPU_ON for it, whatever interrupts arrive (DEN0022 5.1.16, 5.17)."""

from psci.model.calls.sleeping import has_slept
from psci.model.calls.trusted_os import is_resident
from psci.model.declare import Call
from psci.model.language.effects import each
from psci.model.language.rules import Completion, always
from psci.model.tables.codes import DENIED
from psci.model.tables.versions import V1_0

CPU_FREEZE = Call("CPU_FREEZE", "5.1.16", fid32=0x8400_000B, since=V1_0, optional=True, presence_cites=("FREEZE-7",))


@CPU_FREEZE.must_refuse(DENIED, cites=("FREEZE-7", "TOS-1"))
def trusted_os_resident(m, s, call):
    """A uniprocessor Trusted OS is resident on the calling core."""
    return is_resident(m, s, call.caller)


@CPU_FREEZE.succeeds(
    Completion.NEVER, cites=("FREEZE-1", "FREEZE-2", "FREEZE-3", "FREEZE-4", "FREEZE-13", "AFF-2", "STAT-7")
)
def frozen(m, s, call):
    """The caller is frozen: it stays ON, ignores wakeup events, and only a CPU_ON brings it back.

    Its low-power state is the implementation's choice, and so is what that means for the nodes above it.
    """
    return always.then(
        s.but(
            activity={call.caller: "FROZEN"},
            rested={call.caller: True},
            slept={call.caller: has_slept(m, s, call.caller)},
            dozed=each(lambda node: s.dozed[node] | m.below(call.caller, node)),
        )
    )
