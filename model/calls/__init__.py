"""The calls of PSCI, one file each (or a tight family); this list is all that a new file has to join."""

from psci.model.call import Call
from psci.model.calls import conventions, psci_features
from psci.model.calls.affinity_info import AFFINITY_INFO
from psci.model.calls.conventions import UNKNOWN
from psci.model.calls.cpu_off import CPU_OFF
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.cpu_suspend import CPU_SUSPEND
from psci.model.calls.migrate_info_type import MIGRATE_INFO_TYPE
from psci.model.calls.psci_features import PSCI_FEATURES
from psci.model.calls.psci_version import PSCI_VERSION
from psci.model.calls.system_off import SYSTEM_OFF, SYSTEM_RESET
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.calls.system_reset2 import SYSTEM_RESET2
from psci.model.calls.system_suspend import SYSTEM_SUSPEND

CALLS: tuple[Call, ...] = (
    PSCI_VERSION, CPU_SUSPEND, CPU_OFF, CPU_ON, AFFINITY_INFO, MIGRATE_INFO_TYPE, SYSTEM_OFF, SYSTEM_RESET,
    PSCI_FEATURES, SYSTEM_SUSPEND, SYSTEM_RESET2, SYSTEM_OFF2,
)  # fmt: skip
"""Every function, in the order of the numbers of their ids."""

psci_features.answer_for(CALLS)
for _function in CALLS:
    conventions.apply_to(_function)

__all__ = ["CALLS", "UNKNOWN"]
