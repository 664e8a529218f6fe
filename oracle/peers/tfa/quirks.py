"""Known deviations of Trusted Firmware-A.

Each was seen on the running firmware, shrunk, and kept as a file under tests/regression/tfa.
"""

from psci.model.calls.cpu_suspend import CPU_SUSPEND
from psci.model.calls.psci_features import PSCI_FEATURES
from psci.model.language.rules import Completion
from psci.model.tables.codes import NOT_SUPPORTED
from psci.oracle.peers.quirks import Quirks
from psci.oracle.peers.stray_bits import lists_stray_bits

QUIRKS = Quirks("tfa")

WITHOUT_SUSPEND = r"arm-trusted-firmware 2\.(8|12)\S* \(rpi4\)"

lists_stray_bits(
    QUIRKS, seen_in=r"arm-trusted-firmware 2\.(8|12)\.",
    because="""The platform's plat_core_pos_by_mpidr clears everything beside the affinity fields before it looks.""",
)  # fmt: skip


@QUIRKS.amends(
    CPU_SUSPEND, Completion.RETURNS, NOT_SUPPORTED, breaks=("FEAT-3", "RET-4", "RET-14"), seen_in=WITHOUT_SUSPEND,
    because="""The platform rpi4 has no states to suspend to, and the firmware then leaves the function out, although it
    is mandatory.""",
)  # fmt: skip
def suspend_left_out(m, s, call):
    """CPU_SUSPEND is not there."""
    return True


@QUIRKS.amends(
    PSCI_FEATURES, Completion.RETURNS, NOT_SUPPORTED, breaks=("FEAT-3",), seen_in=WITHOUT_SUSPEND,
    because="""PSCI_FEATURES says so, too.""",
)  # fmt: skip
def suspend_said_to_be_absent(m, s, call):
    """PSCI_FEATURES denies CPU_SUSPEND."""
    return (call.psci_func_id == CPU_SUSPEND.fid32) | (call.psci_func_id == CPU_SUSPEND.fid64)
