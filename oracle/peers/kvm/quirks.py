"""Known deviations of the PSCI that Linux's KVM offers to arm64 guests (`arch/arm64/kvm/psci.c`).

Each was seen on the running kernel, shrunk, and kept as a file under tests/regression/kvm.
"""

from psci.model.calls.cpu_suspend import CPU_SUSPEND
from psci.model.language.rules import Completion, when
from psci.oracle.peers.quirks import Quirks
from psci.oracle.peers.stray_bits import lists_stray_bits

QUIRKS = Quirks("kvm")

EVERY_KERNEL = r"."
"""Linux 5.10, 6.1, 6.12, 7.2 and 7.3 were run, and no kernel is known to do otherwise."""

lists_stray_bits(
    QUIRKS, seen_in=r"linux-image-5\.10\.",
    because="""KVM took everything but the affinity fields away before it looked for the core.""",
)  # fmt: skip


@QUIRKS.amends(
    CPU_SUSPEND, Completion.WAITS, breaks=("CPU_SUSPEND-8", "PSTATE-10", "CPU_SUSPEND-10"), seen_in=EVERY_KERNEL,
    because="""KVM does not look at the arguments of CPU_SUSPEND: whatever they are, the core waits as in WFI.""",
)  # fmt: skip
def power_state_ignored(m, s, call):
    """A power_state with reserved bits set is not an error: the core waits for a wakeup and returns SUCCESS."""
    return when(~m.well_formed(call.power_state)).then(s.but(activity={call.caller: "STANDBY"}))
