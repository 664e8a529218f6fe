"""CPU_OFF: turn off the calling core (DEN0022 5.1.3, 5.5, 6.6)."""

from psci.model.call import Call
from psci.model.codes import DENIED
from psci.model.language.rules import Completion, always
from psci.model.versions import V0_1, V0_2

CPU_OFF = Call("CPU_OFF", "5.1.3", fid32=0x8400_0002, since=V0_1)


@CPU_OFF.must_refuse(DENIED, cites=("CPU_OFF-3", "TOS-1"), since=V0_2)
def trusted_os_resident(m, s, call):
    """A uniprocessor Trusted OS is resident on the calling core."""
    return m.up_trusted_os() & (s.resident == call.caller)


@CPU_OFF.succeeds(Completion.NEVER, cites=("CPU_OFF-1", "CPU_OFF-2", "CPU_OFF-14", "SM-6"))
def turned_off(m, s, call):
    """The caller becomes OFF, and only a CPU_ON brings it back."""
    return always.then(s.but(power={call.caller: "OFF"}, activity={call.caller: "STOPPED"}))
