"""Shipped traces of the optional calls: modes, statistics, memory protection, the Trusted OS, node states, drafts."""

from __future__ import annotations

from tests.oracle.traces.writing import (
    CONTEXT,
    ENTRY,
    OTHER_CONTEXT,
    OTHER_ENTRY,
    Trace,
    by_permission,
    conforms,
    deviates,
    unpredictable,
)

COORDINATED, INITIATED = 0, 1
OSI = {"unusable": [], "power_state_format": "original", "states": ["0x0", "0x10000"], "os_initiated": True}
UP = {"trusted_os": "up_migratable"}

# ---- PSCI_SET_SUSPEND_MODE


@conforms
def the_mode_is_changed_at_boot(t: Trace) -> None:
    """OS-initiated mode is entered while nobody has suspended."""
    t.on(profile=OSI)
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", COORDINATED, gives="SUCCESS")


@conforms
def a_mode_that_does_not_exist_has_invalid_parameters(t: Trace) -> None:
    """The modes are 0 and 1."""
    t.on(profile=OSI | {"functions": {"PSCI_SET_SUSPEND_MODE": True}})
    t.asks(0, "PSCI_SET_SUSPEND_MODE", 2, gives="INVALID_PARAMETERS")


@deviates
def the_mode_changes_after_cpu_suspend_was_used(t: Trace) -> None:
    """Some core called CPU_SUSPEND since boot, so the change is denied."""
    t.on(profile=OSI)
    t.asks(0, "CPU_SUSPEND", 0, 0, 0, gives="SUCCESS")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")
    t.blames("MODE-4")


@conforms
def the_mode_changes_after_cpu_default_suspend_was_used(t: Trace) -> None:
    """CPU_DEFAULT_SUSPEND does not count (DSUSP-8)."""
    t.on(profile=OSI)
    t.asks(0, "CPU_DEFAULT_SUSPEND", ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")


@deviates
def the_mode_goes_back_while_another_core_is_on(t: Trace) -> None:
    """To platform-coordinated all other cores have to be OFF."""
    t.on(profile=OSI)
    t.starts(0, 1)
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", COORDINATED, gives="SUCCESS")
    t.blames("MODE-5")


@deviates
def the_mode_is_kept_across_a_reset(t: Trace) -> None:
    """The boot default is platform-coordinated, where DENIED stands for a CPU_SUSPEND that was used."""
    t.on(profile=OSI)
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")
    t.call(0, "SYSTEM_RESET")
    t.system("reset")
    t.boots()
    t.asks(0, "CPU_SUSPEND", 0, 0, 0, gives="SUCCESS")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")
    t.blames("MODE-4")


# ---- CPU_DEFAULT_SUSPEND and CPU_FREEZE


@conforms
def cpu_default_suspend_ends_either_way(t: Trace) -> None:
    """The state is the implementation's choice: it may return, or enter."""
    t.asks(0, "CPU_DEFAULT_SUSPEND", OTHER_ENTRY, OTHER_CONTEXT, gives="SUCCESS")
    t.call(0, "CPU_DEFAULT_SUSPEND", OTHER_ENTRY, OTHER_CONTEXT)
    t.wakes(0)
    t.enters(0, OTHER_ENTRY, OTHER_CONTEXT)


@deviates
def cpu_default_suspend_is_denied(t: Trace) -> None:
    """It has no such code."""
    t.on(profile={"functions": {"CPU_DEFAULT_SUSPEND": True}})
    t.asks(0, "CPU_DEFAULT_SUSPEND", OTHER_ENTRY, OTHER_CONTEXT, gives="DENIED")
    t.blames("DSUSP-2")


@deviates
def an_interrupt_wakes_a_frozen_core(t: Trace) -> None:
    """A frozen core ignores wakeups."""
    t.starts(0, 1)
    t.call(1, "CPU_FREEZE")
    t.wakes(1)
    t.returns(1, "SUCCESS")
    t.blames("FREEZE-1")


@conforms
def cpu_freeze_is_denied_on_the_core_of_a_trusted_os(t: Trace) -> None:
    """As CPU_OFF is."""
    t.on(profile=UP | {"functions": {"CPU_FREEZE": True}})
    t.asks(0, "CPU_FREEZE", gives="DENIED")


# ---- the Trusted OS


@conforms
def migrate_moves_the_trusted_os(t: Trace) -> None:
    """After MIGRATE the old core may be turned off, and the new one not (MIGRATE-12)."""
    t.on(profile=UP)
    t.starts(0, 1)
    t.asks(0, "MIGRATE_INFO_TYPE", gives=0)
    t.asks(0, "MIGRATE_INFO_UP_CPU", gives=0)
    t.asks(0, "MIGRATE", 1, gives="SUCCESS")
    t.asks(0, "MIGRATE_INFO_UP_CPU", gives=1)
    t.asks(1, "CPU_OFF", gives="DENIED")
    t.call(0, "CPU_OFF")
    t.asks(1, "AFFINITY_INFO", 0, 0, gives=1)


@deviates
def migrate_forgets_where_the_trusted_os_is(t: Trace) -> None:
    """MIGRATE said SUCCESS, so the Trusted OS is on the target."""
    t.on(profile=UP)
    t.starts(0, 1)
    t.asks(0, "MIGRATE", 1, gives="SUCCESS")
    t.asks(0, "MIGRATE_INFO_UP_CPU", gives=0)
    t.blames("MIG_CPU-1")


@conforms
def migrate_from_another_core_is_not_present(t: Trace) -> None:
    """The Trusted OS is not resident on the caller."""
    t.on(profile=UP | {"functions": {"MIGRATE": True}})
    t.starts(0, 1)
    t.asks(1, "MIGRATE", 1, gives="NOT_PRESENT")


@conforms
def migrate_of_a_fixed_trusted_os_is_denied(t: Trace) -> None:
    """A Trusted OS that cannot be migrated."""
    t.on(profile={"trusted_os": "up_fixed", "functions": {"MIGRATE": True}})
    t.asks(0, "MIGRATE", 0, gives="DENIED")


@by_permission("MIGRATE.failed")
def migrate_fails(t: Trace) -> None:
    """INTERNAL_FAILURE for a reason that the implementation defines."""
    t.on(profile=UP)
    t.starts(0, 1)
    t.asks(0, "MIGRATE", 1, gives="INTERNAL_FAILURE")


@unpredictable
def migrate_to_a_core_that_is_off(t: Trace) -> None:
    """The target has to be powered up before the call."""
    t.on(profile=UP | {"functions": {"MIGRATE": True}, "trusted_os_home": "0x0"})
    t.asks(0, "MIGRATE", 1, gives="INVALID_PARAMETERS")


@conforms
def migrate_info_up_cpu_without_a_uniprocessor_trusted_os_is_anything(t: Trace) -> None:
    """The result is UNDEFINED."""
    t.asks(0, "MIGRATE_INFO_UP_CPU", gives="INVALID_PARAMETERS")
    t.asks(0, "MIGRATE_INFO_UP_CPU", gives=0x1234)


# ---- memory protection


@conforms
def mem_protect_returns_the_previous_state(t: Trace) -> None:
    """0 off, 1 on."""
    t.asks(0, "MEM_PROTECT", 1, gives=0)
    t.asks(0, "MEM_PROTECT", 1, gives=1)
    t.asks(0, "MEM_PROTECT", 0, gives=1)
    t.asks(0, "MEM_PROTECT", 0, gives=0)


@deviates
def mem_protect_is_still_on_after_a_boot(t: Trace) -> None:
    """Protection is off by default at every boot."""
    t.asks(0, "MEM_PROTECT", 1, gives=0)
    t.call(0, "SYSTEM_RESET")
    t.system("reset")
    t.boots()
    t.asks(0, "MEM_PROTECT", 1, gives=1)
    t.blames("MEMP-2")


@deviates
def mem_protect_is_denied(t: Trace) -> None:
    """Its only error is NOT_SUPPORTED."""
    t.on(profile={"functions": {"MEM_PROTECT": True}})
    t.asks(0, "MEM_PROTECT", 1, gives="DENIED")
    t.blames("MEMP-2")


@conforms
def mem_protect_check_range_answers_the_same_for_the_same_range(t: Trace) -> None:
    """What is protected is not declared, but fixed."""
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", 0x4000_0000, 0x1000, gives="SUCCESS")
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", 0x0900_0000, 0x1000, gives="DENIED")
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", 0x4000_0000, 0x1000, gives="SUCCESS")


@deviates
def mem_protect_check_range_changes_its_mind(t: Trace) -> None:
    """What is protected is not declared, but fixed."""
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", 0x4000_0000, 0x1000, gives="SUCCESS")
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", 0x4000_0000, 0x1000, gives="DENIED")
    t.blames("MEMC-2")


# ---- statistics and node states


@conforms
def statistics_are_zero_before_anybody_slept(t: Trace) -> None:
    """Counters are zero at cold boot."""
    t.asks(0, "PSCI_STAT_COUNT", 0, 0x1_0000, gives=0)
    t.asks(0, "PSCI_STAT_RESIDENCY", 0, 0x1_0000, gives=0)


@deviates
def statistics_count_before_anybody_slept(t: Trace) -> None:
    """Only low-power states count."""
    t.on(profile={"functions": {"PSCI_STAT_COUNT": True}})
    t.asks(0, "PSCI_STAT_COUNT", 0, 0x1_0000, gives=3)
    t.blames("STAT-9")


@conforms
def node_hw_state_is_what_the_power_controller_says(t: Trace) -> None:
    """No relation with AFFINITY_INFO is promised (HWSTATE-6)."""
    t.asks(0, "NODE_HW_STATE", 0, 0, gives=0)
    t.asks(0, "NODE_HW_STATE", 1, 0, gives=0)
    t.asks(0, "NODE_HW_STATE", 1, 0, gives=2)


@deviates
def node_hw_state_has_a_fourth_value(t: Trace) -> None:
    """HW_ON, HW_OFF and HW_STANDBY."""
    t.on(profile={"functions": {"NODE_HW_STATE": True}})
    t.asks(0, "NODE_HW_STATE", 0, 0, gives=3)
    t.blames("HWSTATE-2")


# ---- the alpha's cache maintenance


@by_permission("CLEAN_INV_MEMREGION.refused")
def the_alpha_cleans_memory_and_may_be_busy(t: Trace) -> None:
    """Functions and codes of the alpha only."""
    t.on("1.3-alpha")
    t.asks(0, "CLEAN_INV_MEMREGION", 0x4000_0000, 0x1000, 0, gives="SUCCESS")
    t.asks(0, "CLEAN_INV_MEMREGION", 0x4000_0000, 0x1000, 0, gives="BUSY")


@deviates
def the_final_text_cleans_memory(t: Trace) -> None:
    """The function was dropped before the final text."""
    t.asks(0, "CLEAN_INV_MEMREGION", 0x4000_0000, 0x1000, 0, gives="SUCCESS")
    t.blames("RET-4")
