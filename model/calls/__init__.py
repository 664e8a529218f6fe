"""The calls of PSCI, one file each (or a tight family); this list is all that a new file has to join."""

from psci.model.call import Call
from psci.model.calls import conventions, psci_features
from psci.model.calls.affinity_info import AFFINITY_INFO
from psci.model.calls.clean_inv_memregion import CLEAN_INV_MEMREGION, CLEAN_INV_MEMREGION_ATTRIBUTES
from psci.model.calls.conventions import UNKNOWN
from psci.model.calls.cpu_default_suspend import CPU_DEFAULT_SUSPEND
from psci.model.calls.cpu_freeze import CPU_FREEZE
from psci.model.calls.cpu_off import CPU_OFF
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.cpu_suspend import CPU_SUSPEND
from psci.model.calls.mem_protect import MEM_PROTECT, MEM_PROTECT_CHECK_RANGE
from psci.model.calls.migrate import MIGRATE, MIGRATE_INFO_UP_CPU
from psci.model.calls.migrate_info_type import MIGRATE_INFO_TYPE
from psci.model.calls.node_hw_state import NODE_HW_STATE
from psci.model.calls.psci_features import PSCI_FEATURES
from psci.model.calls.psci_stat import PSCI_STAT_COUNT, PSCI_STAT_RESIDENCY
from psci.model.calls.psci_version import PSCI_VERSION
from psci.model.calls.set_suspend_mode import PSCI_SET_SUSPEND_MODE
from psci.model.calls.system_off import SYSTEM_OFF, SYSTEM_RESET
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.calls.system_reset2 import SYSTEM_RESET2
from psci.model.calls.system_suspend import SYSTEM_SUSPEND

CALLS: tuple[Call, ...] = (
    PSCI_VERSION, CPU_SUSPEND, CPU_OFF, CPU_ON, AFFINITY_INFO, MIGRATE, MIGRATE_INFO_TYPE, MIGRATE_INFO_UP_CPU,
    SYSTEM_OFF, SYSTEM_RESET, PSCI_FEATURES, CPU_FREEZE, CPU_DEFAULT_SUSPEND, NODE_HW_STATE, SYSTEM_SUSPEND,
    PSCI_SET_SUSPEND_MODE, PSCI_STAT_RESIDENCY, PSCI_STAT_COUNT, SYSTEM_RESET2, MEM_PROTECT, MEM_PROTECT_CHECK_RANGE,
    SYSTEM_OFF2, CLEAN_INV_MEMREGION, CLEAN_INV_MEMREGION_ATTRIBUTES,
)  # fmt: skip
"""Every function, in the order of the numbers of their ids."""

psci_features.answer_for(CALLS)
for _function in CALLS:
    conventions.apply_to(_function)

__all__ = ["CALLS", "UNKNOWN"]
