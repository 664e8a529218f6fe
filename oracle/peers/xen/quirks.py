"""Known deviations of the PSCI that Xen offers to its domains (`xen/arch/arm/vpsci.c`).

Each was seen on the running hypervisor, shrunk, and kept as a file under tests/regression/xen.
"""

from psci.model.calls.affinity_info import AFFINITY_INFO, OFF, instance
from psci.model.calls.cpu_suspend import CPU_SUSPEND
from psci.model.language.rules import Completion, when
from psci.model.language.terms import CORE, some
from psci.oracle.peers.quirks import Quirks
from psci.oracle.peers.stray_bits import lists_stray_bits

QUIRKS = Quirks("xen")

SEEN = r"xen-hypervisor-4\.(14|17|20)-"

lists_stray_bits(
    QUIRKS, seen_in=SEEN, starts=0xFFFF,
    because="""Xen makes the number of a virtual processor from Aff0 and Aff1, and looks at nothing else.""",
)  # fmt: skip


@QUIRKS.amends(
    AFFINITY_INFO, Completion.RETURNS, breaks=("AFF-6", "AFF-10"), seen_in=SEEN, always=False,
    because="""Xen looks for a processor of the instance that is on, and has one answer for every other case.""",
)  # fmt: skip
def absent_instance_reads_off(m, s, call):
    """An affinity instance that no core belongs to reads as OFF."""
    absent = ~some(CORE, instance(m, call))
    return when((call.lowest_affinity_level <= 3) & absent).returning(OFF)


@QUIRKS.amends(
    CPU_SUSPEND, Completion.WAITS, breaks=("CPU_SUSPEND-8", "PSTATE-10", "CPU_SUSPEND-10"), seen_in=SEEN,
    because="""Xen does not look at the arguments of CPU_SUSPEND: whatever they are, the core waits as in WFI.""",
)  # fmt: skip
def power_state_ignored(m, s, call):
    """A power_state with reserved bits set is no error: the core waits for a wakeup and returns SUCCESS."""
    return when(~m.well_formed(call.power_state)).then(s.but(activity={call.caller: "STANDBY"}))
