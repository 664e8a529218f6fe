"""Faults in rules: checks that are missing or swapped, codes, effects before the check, what is kept too long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psci.model.calls.cpu_suspend import CPU_SUSPEND
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.language.rules import Completion
from psci.model.language.terms import TRUE
from psci.model.symbols.machine import MACHINE
from psci.model.tables.codes import (
    ALREADY_ON,
    DENIED,
    INVALID_ADDRESS,
    INVALID_PARAMETERS,
    NOT_PRESENT,
    NOT_SUPPORTED,
    ON_PENDING,
    SUCCESS,
)
from psci.oracle.reference.faults.fault import (
    Fault,
    answering,
    both,
    dropped,
    ending,
    forgetting,
    guarded,
    with_value,
    writing_before_refusing,
)

UP_FIXED: Mapping[str, Any] = {"trusted_os": "up_fixed"}
UP_MIGRATABLE: Mapping[str, Any] = {"trusted_os": "up_migratable"}
LEFT_BY_A_START = ("entry", "context", "entry_wide", "entry_isa")

EARLY = "state written before the check that refuses"
CODES = "codes swapped"
CHECKS = "a check missing, or too much of one"
KEPT = "kept over a reset"
SYSTEM = "system calls"
COUNTERS = "counters, residency, protection"

RULE_FAULTS: tuple[Fault, ...] = (
    # ---- state written before the check that refuses
    Fault("moves-entry-of-a-core-that-is-on", "CPU_ON stores entry and context, then finds the target ON.", EARLY,
          writing_before_refusing("CPU_ON.already_on", "CPU_ON.accepted", *LEFT_BY_A_START)),
    Fault("moves-context-of-a-core-that-is-on", "CPU_ON stores the context id, then finds the target ON.", EARLY,
          writing_before_refusing("CPU_ON.already_on", "CPU_ON.accepted", "context")),
    Fault("moves-entry-of-a-pending-core", "CPU_ON stores the entry, then finds the target ON_PENDING.", EARLY,
          writing_before_refusing("CPU_ON.on_pending", "CPU_ON.accepted", "entry")),
    Fault("moves-context-of-a-pending-core", "CPU_ON stores the context id, then finds the target ON_PENDING.", EARLY,
          writing_before_refusing("CPU_ON.on_pending", "CPU_ON.accepted", "context")),
    Fault("second-cpu-on-wins", "A second CPU_ON is accepted and replaces the entry of the first.", EARLY,
          both(writing_before_refusing("CPU_ON.on_pending", "CPU_ON.accepted"),
               answering("CPU_ON.on_pending", SUCCESS))),
    Fault("starts-at-an-address-that-it-refuses", "CPU_ON says INVALID_ADDRESS and starts the core.", EARLY,
          writing_before_refusing("CPU_ON.entry_unusable", "CPU_ON.accepted", "power", *LEFT_BY_A_START)),
    Fault("goes-off-and-says-denied", "CPU_OFF marks the core OFF, then finds the Trusted OS on it.", EARLY,
          writing_before_refusing("CPU_OFF.trusted_os_resident", "CPU_OFF.turned_off", "power"), profile=UP_FIXED),
    Fault("hibernates-and-refuses-the-cookie", "SYSTEM_OFF2 refuses a cookie, and the system goes down.", EARLY,
          writing_before_refusing("SYSTEM_OFF2.cookie_set", "SYSTEM_OFF2.hibernate", "system", "asked")),
    Fault("hibernates-and-refuses-the-type", "SYSTEM_OFF2 refuses a type, and the system goes down.", EARLY,
          writing_before_refusing("SYSTEM_OFF2.type_unknown", "SYSTEM_OFF2.hibernate", "system", "asked")),
    Fault("resets-and-refuses-the-type", "SYSTEM_RESET2 refuses a type, and the system resets.", EARLY,
          writing_before_refusing("SYSTEM_RESET2.type_undefined", "SYSTEM_RESET2.warm_reset", "system", "asked")),
    Fault("changes-mode-and-refuses", "PSCI_SET_SUSPEND_MODE stores the mode, then finds other cores running.", EARLY,
          both(*(writing_before_refusing(f"PSCI_SET_SUSPEND_MODE.{rule}", "PSCI_SET_SUSPEND_MODE.mode_changed", "mode")
                 for rule in ("other_core_not_off", "core_in_the_way_of_osi", "cpu_suspend_was_used")))),
    Fault("counts-a-refused-suspend", "CPU_SUSPEND counts as used although its bits were refused.", EARLY,
          writing_before_refusing("CPU_SUSPEND.reserved_bits_set", "CPU_SUSPEND.standby",
                                  "suspend_used", "suspend_ever")),
    Fault("migrates-and-denies", "MIGRATE moves the Trusted OS, then finds the caller is not its core.", EARLY,
          writing_before_refusing("MIGRATE.not_resident", "MIGRATE.moved"), profile=UP_MIGRATABLE),
    Fault("freezes-and-denies", "CPU_FREEZE marks the core OFF, then finds the Trusted OS on it.", EARLY,
          writing_before_refusing("CPU_FREEZE.trusted_os_resident", "CPU_OFF.turned_off", "power"), profile=UP_FIXED),
    # ---- codes swapped
    Fault("already-on-is-pending", "CPU_ON of a running core is ON_PENDING.", CODES,
          answering("CPU_ON.already_on", ON_PENDING)),
    Fault("already-on-is-denied", "CPU_ON of a running core is DENIED.", CODES, answering("CPU_ON.already_on", DENIED)),
    Fault("pending-is-invalid", "CPU_ON of a pending core is INVALID_PARAMETERS.", CODES,
          answering("CPU_ON.on_pending", INVALID_PARAMETERS)),
    Fault("absent-target-is-not-present", "CPU_ON of an absent core is NOT_PRESENT.", CODES,
          answering("CPU_ON.target_invalid", NOT_PRESENT)),
    Fault("accepts-any-mpidr", "CPU_ON succeeds for a core that is not there.", CODES,
          answering("CPU_ON.target_invalid", SUCCESS)),
    Fault("bad-entry-is-invalid", "CPU_ON has the code of 0.2 for an unusable entry.", CODES,
          answering("CPU_ON.entry_unusable", INVALID_PARAMETERS)),
    Fault("bad-entry-has-the-newer-code", "CPU_ON of 0.2 has the code of 1.0 for an unusable entry.", CODES,
          answering("CPU_ON.entry_unusable_before_1_0", INVALID_ADDRESS), psci="0.2"),
    Fault("absent-instance-is-not-present", "AFFINITY_INFO has the code that an erratum removed.", CODES,
          answering("AFFINITY_INFO.instance_absent", NOT_PRESENT)),
    Fault("any-level-is-on", "AFFINITY_INFO takes any level.", CODES,
          answering("AFFINITY_INFO.level_invalid", SUCCESS)),
    Fault("bad-state-is-denied", "CPU_SUSPEND has DENIED for reserved bits.", CODES,
          answering("CPU_SUSPEND.reserved_bits_set", DENIED)),
    Fault("busy-system-is-already-on", "SYSTEM_SUSPEND has the code of the prototype alone.", CODES,
          answering("SYSTEM_SUSPEND.other_core_not_off", ALREADY_ON)),
    Fault("bad-mode-is-unsupported", "PSCI_SET_SUSPEND_MODE has NOT_SUPPORTED for an unknown mode.", CODES,
          answering("PSCI_SET_SUSPEND_MODE.mode_invalid", NOT_SUPPORTED)),
    Fault("busy-mode-is-invalid", "PSCI_SET_SUSPEND_MODE has INVALID_PARAMETERS while cores run.", CODES,
          answering("PSCI_SET_SUSPEND_MODE.other_core_not_off", INVALID_PARAMETERS)),
    Fault("bad-type-is-unsupported", "SYSTEM_OFF2 has NOT_SUPPORTED for an unknown type.", CODES,
          answering("SYSTEM_OFF2.type_unknown", NOT_SUPPORTED)),
    Fault("bad-reset-is-unsupported", "SYSTEM_RESET2 has NOT_SUPPORTED for an undefined type.", CODES,
          answering("SYSTEM_RESET2.type_undefined", NOT_SUPPORTED)),
    Fault("unknown-is-invalid", "An unknown function id has INVALID_PARAMETERS.", CODES,
          answering("UNKNOWN.no_function", INVALID_PARAMETERS)),
    Fault("foreign-core-is-denied", "MIGRATE from another core is DENIED.", CODES,
          answering("MIGRATE.not_resident", DENIED), profile=UP_MIGRATABLE),
    Fault("old-version", "PSCI_VERSION says 1.0.", CODES, with_value("PSCI_VERSION.version", 0x1_0000)),
    Fault("hides-on-pending", "AFFINITY_INFO shows ON_PENDING as OFF.", CODES,
          with_value("AFFINITY_INFO.on_pending", 1)),
    Fault("off-is-pending", "AFFINITY_INFO shows OFF as ON_PENDING.", CODES, with_value("AFFINITY_INFO.off", 2)),
    # ---- checks
    Fault("any-cookie", "SYSTEM_OFF2 takes any cookie.", CHECKS, dropped("SYSTEM_OFF2.cookie_set")),
    Fault("any-type", "SYSTEM_OFF2 takes any type.", CHECKS, dropped("SYSTEM_OFF2.type_unknown")),
    Fault("type-0-only", "SYSTEM_OFF2 knows type 0 only, as in the alpha.", CHECKS,
          guarded("SYSTEM_OFF2.type_unknown", lambda guard: (SYSTEM_OFF2.terms.type != 0) | guard)),
    Fault("announced-and-absent", "PSCI_FEATURES announces SYSTEM_OFF2, and the call is NOT_SUPPORTED.", CHECKS,
          guarded("SYSTEM_OFF2.absent", lambda guard: TRUE)),
    Fault("any-suspend-mode", "PSCI_SET_SUSPEND_MODE takes any mode.", CHECKS,
          dropped("PSCI_SET_SUSPEND_MODE.mode_invalid")),
    Fault("mode-beside-others", "The suspend mode changes while other cores run.", CHECKS,
          both(*(dropped(f"PSCI_SET_SUSPEND_MODE.{rule}")
                 for rule in ("other_core_not_off", "core_in_the_way_of_osi", "cpu_suspend_was_used")))),
    Fault("any-power-state", "CPU_SUSPEND takes reserved bits.", CHECKS, dropped("CPU_SUSPEND.reserved_bits_set")),
    Fault("any-entry", "CPU_ON takes an unusable entry.", CHECKS, dropped("CPU_ON.entry_unusable")),
    Fault("suspend-any-entry", "CPU_SUSPEND takes an unusable entry, and the core wakes up there.", CHECKS,
          both(dropped("CPU_SUSPEND.entry_unusable"), dropped("CPU_SUSPEND.entry_unusable_or_unused"),
               guarded("CPU_SUSPEND.powerdown", lambda guard: MACHINE.is_powerdown(CPU_SUSPEND.terms.power_state)))),
    Fault("announces-what-is-not-there", "PSCI_FEATURES announces ids that belong to nothing.", CHECKS,
          answering("PSCI_FEATURES.invalid_id", SUCCESS)),
    Fault("forgets-the-trusted-os", "CPU_OFF turns off the core of a Trusted OS.", CHECKS,
          dropped("CPU_OFF.trusted_os_resident"), profile=UP_FIXED),
    Fault("denies-every-core", "CPU_OFF is denied on every core, wherever the Trusted OS is.", CHECKS,
          guarded("CPU_OFF.trusted_os_resident", lambda guard: TRUE), profile=UP_FIXED),
    Fault("migrates-anywhere", "MIGRATE takes a core that is not there.", CHECKS,
          both(dropped("MIGRATE.target_invalid"), guarded("MIGRATE.moved", lambda guard: TRUE)), profile=UP_MIGRATABLE),
    Fault("migrates-for-anybody", "MIGRATE moves the Trusted OS whoever asks.", CHECKS,
          both(dropped("MIGRATE.not_resident"), guarded("MIGRATE.moved", lambda guard: TRUE)), profile=UP_MIGRATABLE),
    Fault("any-reset-type", "SYSTEM_RESET2 resets whatever the type.", CHECKS,
          both(dropped("SYSTEM_RESET2.type_undefined"), guarded("SYSTEM_RESET2.warm_reset", lambda guard: TRUE))),
    # ---- kept over a reset
    Fault("keeps-cores-on", "After a reset the other cores are what they were.", KEPT,
          both(*(forgetting(f"BOOT.{rule}", "power") for rule in ("cold_boot", "warm_boot")))),
    Fault("keeps-mode", "After a reset the suspend mode is what it was.", KEPT,
          both(*(forgetting(f"BOOT.{rule}", "mode") for rule in ("cold_boot", "orderly_off_overwrites")))),
    Fault("keeps-residency", "After a reset the Trusted OS is where it was.", KEPT,
          forgetting("BOOT.cold_boot", "resident"), profile=UP_MIGRATABLE),
    Fault("keeps-protection", "After a reset MEM_PROTECT is on as it was.", KEPT,
          both(*(forgetting(f"BOOT.{rule}", "memory_protected") for rule in ("cold_boot", "orderly_off_overwrites")))),
    # ---- system calls
    Fault("off-returns", "SYSTEM_OFF returns SUCCESS.", SYSTEM, ending("SYSTEM_OFF.off", Completion.RETURNS)),
    Fault("reset-returns", "SYSTEM_RESET returns SUCCESS.", SYSTEM, ending("SYSTEM_RESET.reset", Completion.RETURNS)),
    Fault("off2-returns", "SYSTEM_OFF2 returns SUCCESS.", SYSTEM, ending("SYSTEM_OFF2.hibernate", Completion.RETURNS)),
    Fault("cpu-off-returns", "CPU_OFF returns SUCCESS and turns nothing off.", SYSTEM,
          both(ending("CPU_OFF.turned_off", Completion.RETURNS),
               forgetting("CPU_OFF.turned_off", "power", "activity"))),
    # ---- counters, residency, protection
    Fault("counts-before-use", "PSCI_STAT_COUNT is 1 for a state that was never used.", COUNTERS,
          with_value("PSCI_STAT_COUNT.count_before_use", 1)),
    Fault("counts-what-is-no-state", "PSCI_STAT_COUNT is 1 for a word that names no state.", COUNTERS,
          with_value("PSCI_STAT_COUNT.no_count", 1)),
    Fault("residency-before-use", "PSCI_STAT_RESIDENCY is 1 for a state that was never used.", COUNTERS,
          with_value("PSCI_STAT_RESIDENCY.residency_before_use", 1)),
    Fault("stays-after-migrate", "MIGRATE succeeds, and the Trusted OS stays where it was.", COUNTERS,
          forgetting("MIGRATE.moved", "resident"), profile=UP_MIGRATABLE),
    Fault("protection-says-new-state", "MEM_PROTECT returns the new state, not the one before.", COUNTERS,
          with_value("MEM_PROTECT.switched", 1)),
    Fault("protection-never-changes", "MEM_PROTECT remembers nothing.", COUNTERS,
          forgetting("MEM_PROTECT.switched", "memory_protected")),
    Fault("node-that-is-not-there", "NODE_HW_STATE answers for nodes that are not there.", COUNTERS,
          dropped("NODE_HW_STATE.node_absent")),
    Fault("node-is-4", "NODE_HW_STATE answers for a running core with a number that is none of its answers.", COUNTERS,
          with_value("NODE_HW_STATE.running", 4)),
)  # fmt: skip
"""Wrong in their rules."""


__all__ = ["RULE_FAULTS"]
