"""Shipped traces of what public test suites of PSCI assert: each pair is right, and wrong in one thing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.oracle.traces.edges import CLUSTER_DOWN, CORE_DOWN, FROZEN, STANDBY, STATES, TREE
from tests.oracle.traces.writing import (
    CONTEXT,
    ENTRY,
    OTHER_CONTEXT,
    OTHER_ENTRY,
    PLAIN,
    Trace,
    conforms,
    deviates,
    unpredictable,
)

INITIATED, COORDINATED = 1, 0
HW_ON, HW_OFF, HW_STANDBY = 0, 1, 2
ALL_FUNCTIONS = (
    "PSCI_SET_SUSPEND_MODE", "CPU_FREEZE", "CPU_DEFAULT_SUSPEND", "NODE_HW_STATE", "SYSTEM_SUSPEND", "SYSTEM_RESET2",
    "MEM_PROTECT", "MEM_PROTECT_CHECK_RANGE", "PSCI_STAT_COUNT", "PSCI_STAT_RESIDENCY",
)  # fmt: skip
BOARD: dict[str, Any] = {
    "power_state_format": "original", "os_initiated": True, "states": STATES, "unusable": [["0x0", "0xfff"]],
    "functions": dict.fromkeys(ALL_FUNCTIONS, True), "power_levels": {"1": "0x1000", "2": "0x2000"},
    "trusted_os": "mp_or_none",
}  # fmt: skip
A32: dict[str, Any] = {"cores": {0x0: {"isa": "aarch32"}, 0x1: {"isa": "aarch32"}}}
EL1: dict[str, Any] = {"cores": {0x0: {"isa": "aarch64", "el": 1}, 0x1: {"isa": "aarch64", "el": 1}}}
SUPERVISOR, T32 = 0x1D3, 0x20
CLUSTER_LEVEL, SYSTEM_LEVEL = 0x1000, 0x2000
WHOLE = 1 << 32
RESERVED_STATE = 0x8000_0000


def board(t: Trace, **more: Any) -> None:
    """Two clusters of two cores with every optional function, and values of power levels as in 6.5."""
    t.on(profile=BOARD | more, **TREE)


def freezes(t: Trace) -> None:
    """Core 1 starts and freezes, and the outside saw it do nothing any more."""
    t.starts(0, 0x1)
    t.call(0x1, "CPU_FREEZE")
    t.silent(0x1)


# ---- readings of which DEN0022 says both: none is blamed, but it is always the same


@conforms
def system_suspend_is_refused_with_the_code_of_its_prototype(t: Trace) -> None:
    """5.20.2 says DENIED while another core is on; the prototype of 5.1.19 lists ALREADY_ON instead."""
    t.starts(0, 1)
    t.asks(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT, gives="ALREADY_ON")


@deviates
def system_suspend_is_refused_with_that_code_while_all_others_are_off(t: Trace) -> None:
    """Neither code is for a system in which every other core is OFF."""
    t.asks(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT, gives="ALREADY_ON")
    t.blames("SYSSUSP-4")


@conforms
def an_aarch32_caller_below_an_aarch64_hypervisor_gives_an_odd_address(t: Trace) -> None:
    """6.4.3.1 enters the core in the hypervisor's execution state, where bit 0 is a bit of the address."""
    t.call(0, "CPU_ON", 1, ENTRY | 1, CONTEXT, wide=False, isa="aarch32")
    t.returns(0, "SUCCESS")
    t.enters(1, ENTRY | 1)


@deviates
def bit_0_of_an_entry_point_is_an_address_once_and_t32_once(t: Trace) -> None:
    """Whether bit 0 asks for T32 below an AArch64 Exception level can be read in two ways, but not in both."""
    t.on(cpus=3)
    for target, entry in ((1, ENTRY | 1), (2, ENTRY)):
        t.call(0, "CPU_ON", target, ENTRY | 1, CONTEXT, wide=False, isa="aarch32")
        t.returns(0, "SUCCESS")
        t.enters(target, entry)
    t.blames("ENTRY-11")


@conforms
def a_use_of_cpu_suspend_counts_to_the_boot(t: Trace) -> None:
    """5.21.3 has no time limit: a CPU_SUSPEND before the last change of mode stands in the way of the next."""
    board(t)
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")
    t.asks(0, "CPU_SUSPEND", STANDBY, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", COORDINATED, gives="SUCCESS")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="DENIED")


@deviates
def a_use_of_cpu_suspend_counts_to_the_boot_once_and_once_not(t: Trace) -> None:
    """Whichever way 5.21 is read, it is read so always."""
    board(t)
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")
    t.asks(0, "CPU_SUSPEND", STANDBY, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", COORDINATED, gives="SUCCESS")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="DENIED")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")
    t.blames("MODE-13")


@conforms
def a_refused_cpu_suspend_was_called(t: Trace) -> None:
    """By the letter of 5.21.2 a core has called CPU_SUSPEND, also if it was refused."""
    board(t)
    t.asks(0, "CPU_SUSPEND", RESERVED_STATE, ENTRY, CONTEXT, gives="INVALID_PARAMETERS")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="DENIED")


@deviates
def nobody_called_cpu_suspend_and_the_mode_is_denied(t: Trace) -> None:
    """No core called CPU_SUSPEND, and all but the caller are OFF."""
    board(t)
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="DENIED")
    t.blames("MODE-1")


@conforms
def cpu_on_of_a_frozen_core_is_always_already_on(t: Trace) -> None:
    """A frozen core never called CPU_OFF: 5.6.2 has ALREADY_ON for it, where 5.17 has it resume."""
    board(t)
    t.on(initial=FROZEN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="ALREADY_ON")
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="ALREADY_ON")


@deviates
def cpu_on_of_a_running_core_that_was_frozen_succeeds(t: Trace) -> None:
    """Once it was resumed and runs, a core is ON, and nothing else."""
    board(t)
    freezes(t)
    t.starts(0, 1)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-6")


@conforms
def cpu_on_of_a_frozen_core_fails_for_physical_reasons(t: Trace) -> None:
    """A frozen core may be powered down, and may fail to power up like one that is OFF."""
    board(t)
    freezes(t)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="INTERNAL_FAILURE")
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1)


@conforms
def a_frozen_core_may_be_too_shallow_for_a_request(t: Trace) -> None:
    """In which low-power state a frozen core is, is the implementation's choice (FREEZE-2)."""
    board(t)
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")
    freezes(t)
    t.asks(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT, gives="INVALID_PARAMETERS")


@deviates
def a_running_core_is_not_too_shallow_for_a_request(t: Trace) -> None:
    """Where the core in the way runs, the code is DENIED."""
    board(t)
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")
    t.starts(0, 0x1)
    t.asks(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT, gives="INVALID_PARAMETERS")
    t.blames("CPU_SUSPEND-11")


@conforms
def memory_protection_outlives_a_warm_reset(t: Trace) -> None:
    """A warm reset overwrites nothing; 5.14.2 has protection off at every boot, 5.14.3 only after an overwrite."""
    board(t)
    t.asks(0, "MEM_PROTECT", 1, gives=0)
    t.call(0, "SYSTEM_RESET2", 0, 0)
    t.system("reset")
    t.boots(cause="warm")
    t.asks(0, "MEM_PROTECT", 0, gives=1)


@deviates
def memory_protection_outlives_a_cold_reset(t: Trace) -> None:
    """After SYSTEM_RESET memory was overwritten, and protection is off."""
    board(t)
    t.asks(0, "MEM_PROTECT", 1, gives=0)
    t.call(0, "SYSTEM_RESET")
    t.system("reset")
    t.boots()
    t.asks(0, "MEM_PROTECT", 0, gives=1)
    t.blames("MEMP-2")


@conforms
def an_aarch32_caller_of_migrates_smc64_id_has_invalid_parameters(t: Trace) -> None:
    """5.8.2 has a code of its own for registers that are not as wide as the id says."""
    t.call(0, "MIGRATE", 0, isa="aarch32")
    t.returns(0, "INVALID_PARAMETERS")


@deviates
def an_aarch32_caller_of_migrates_smc64_id_is_denied(t: Trace) -> None:
    """NOT_SUPPORTED by 5.2.1, INVALID_PARAMETERS by 5.8.2; DENIED by nothing."""
    t.on(profile={"trusted_os": "up_migratable", "trusted_os_home": "0x0"})
    t.starts(0, 1)
    t.call(0, "MIGRATE", 1, isa="aarch32")
    t.returns(0, "DENIED")
    t.blames("MIGRATE-13")


@unpredictable
def a_realm_caller_is_answered_as_nobody_in_the_normal_world(t: Trace) -> None:
    """Section 5 lets Realm callers in, 5.10.1 does not; what they get then is not stated."""
    t.on(cores={0x0: {"world": "realm"}})
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="NOT_SUPPORTED")


@conforms
def a_reserved_reset_type_is_taken_as_a_reset(t: Trace) -> None:
    """5.13.4 says that INVALID_PARAMETERS "can also apply" to a reserved type: it need not."""
    board(t)
    t.call(0, "SYSTEM_RESET2", 1, 0)
    t.system("reset")


@deviates
def a_reserved_reset_type_is_refused_with_another_code(t: Trace) -> None:
    """The code for a reserved type is INVALID_PARAMETERS."""
    board(t)
    t.asks(0, "SYSTEM_RESET2", 1, 0, gives="DENIED")
    t.blames("RESET2-5")


# ---- what the power controller can show


@conforms
def a_node_that_was_down_since_boot_may_be_shown_so(t: Trace) -> None:
    """Nothing ran in cluster 1 yet; the caller's own cluster and the system run."""
    board(t)
    t.asks(0, "NODE_HW_STATE", 0x100, CLUSTER_LEVEL, gives=HW_OFF)
    t.asks(0, "NODE_HW_STATE", 0x0, CLUSTER_LEVEL, gives=HW_ON)
    t.asks(0, "NODE_HW_STATE", 0x100, SYSTEM_LEVEL, gives=HW_ON)


@deviates
def the_system_is_shown_off_to_a_core_that_always_ran(t: Trace) -> None:
    """A parent is in no deeper state than its children, and the caller has been running since boot."""
    board(t)
    t.asks(0, "NODE_HW_STATE", 0x100, SYSTEM_LEVEL, gives=HW_OFF)
    t.blames("HWSTATE-2")


@conforms
def a_core_in_standby_is_shown_so(t: Trace) -> None:
    """HW_STANDBY is standby or retention."""
    board(t)
    t.starts(0, 0x100)
    t.call(0, "CPU_SUSPEND", STANDBY, ENTRY, CONTEXT)
    t.asks(0x100, "NODE_HW_STATE", 0x0, 0, gives=HW_STANDBY)


@deviates
def a_core_in_standby_is_shown_off(t: Trace) -> None:
    """A core that asked for standby, and for nothing deeper since boot, was never powered down."""
    board(t)
    t.starts(0, 0x100)
    t.call(0, "CPU_SUSPEND", STANDBY, ENTRY, CONTEXT)
    t.asks(0x100, "NODE_HW_STATE", 0x0, 0, gives=HW_OFF)
    t.blames("HWSTATE-2")


@conforms
def the_outside_sees_a_core_that_is_starting(t: Trace) -> None:
    """A core that is ON_PENDING is seen as on."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.observes(1, "on")


@deviates
def the_outside_sees_a_core_off_whose_start_was_accepted(t: Trace) -> None:
    """From the SUCCESS of its CPU_ON a core is ON_PENDING or ON."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.observes(1, "off")
    t.blames("SM-1")


# ---- time


def _sleeps_for(t: Trace, residency: int) -> None:
    t.on(clock="us", profile=PLAIN | {"power_state_format": "original"})
    at = iter((1_000, 1_500, 2_000, 2_100, 2_110))
    for step in (
        lambda: t.call(0, "CPU_SUSPEND", CORE_DOWN, ENTRY, CONTEXT),
        lambda: t.wakes(0),
        lambda: t.enters(0),
        lambda: t.call(0, "PSCI_STAT_RESIDENCY", 0, CORE_DOWN),
        lambda: t.returns(0, residency),
    ):
        step()
        t.events[-1] = replace(t.events[-1], t=next(at))


@conforms
def a_residency_is_in_microseconds(t: Trace) -> None:
    """A core that slept for half a millisecond was in the state for no longer."""
    _sleeps_for(t, 480)


@deviates
def a_residency_is_longer_than_the_trace(t: Trace) -> None:
    """Of some milliseconds since the call no five seconds can have been spent in the state."""
    _sleeps_for(t, 5_000_000)
    t.blames("STAT-6")


# ---- entries


@conforms
def a_core_is_entered_at_the_level_that_its_register_tells(t: Trace) -> None:
    """CurrentEL and PSTATE tell the Exception level as well as `el` does."""
    t.on(**EL1)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, regs={"currentel": 0x4, "pstate": 0x3C5})


@deviates
def a_core_is_entered_at_another_level_than_its_register_tells(t: Trace) -> None:
    """The cores are at EL1, and this one was entered at EL2."""
    t.on(**EL1)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, regs={"currentel": 0x8})
    t.blames("ENTRY-1")


@conforms
def an_odd_entry_point_starts_a_core_in_t32(t: Trace) -> None:
    """Bit 0 asks for T32 at the even address."""
    t.on(**A32)
    t.asks(0, "CPU_ON", 1, ENTRY | 1, CONTEXT, gives="SUCCESS", wide=False)
    t.enters(1, isa="aarch32", regs={"cpsr": SUPERVISOR | T32})


@deviates
def an_odd_entry_point_starts_a_core_in_a32(t: Trace) -> None:
    """The address is right, and the instruction set is not."""
    t.on(**A32)
    t.asks(0, "CPU_ON", 1, ENTRY | 1, CONTEXT, gives="SUCCESS", wide=False)
    t.enters(1, isa="aarch32", regs={"cpsr": SUPERVISOR})
    t.blames("ENTRY-11")


# ---- more than 32 bits in an SMC32 call, of which nothing is promised


@unpredictable
def all_64_bits_of_an_smc32_call_are_taken(t: Trace) -> None:
    """An AArch64 caller that sets upper halves breaks SMC-5; an implementation may narrow them, or not."""
    t.on(cpus=(0x0, WHOLE))
    t.asks(0, "CPU_ON", WHOLE, WHOLE | ENTRY, CONTEXT, gives="SUCCESS", wide=False)
    t.enters(WHOLE, WHOLE | ENTRY)


@deviates
def a_core_is_entered_at_neither_half_nor_whole_of_an_smc32_entry_point(t: Trace) -> None:
    """The call was accepted, and the core begins at an address that nobody gave."""
    t.asks(0, "CPU_ON", 1, WHOLE | ENTRY, CONTEXT, gives="SUCCESS", wide=False)
    t.enters(1, OTHER_ENTRY)
    t.blames("CPU_ON-12")


# ---- calls that overlap


@conforms
def a_state_is_valid_for_two_cores_at_once(t: Trace) -> None:
    """Two cores ask for the same state at the same time."""
    t.starts(0, 1)
    t.call(1, "CPU_SUSPEND", CORE_DOWN, ENTRY, CONTEXT)
    t.call(0, "CPU_SUSPEND", CORE_DOWN, OTHER_ENTRY, OTHER_CONTEXT)
    t.enters(1)
    t.enters(0, OTHER_ENTRY, OTHER_CONTEXT)


@deviates
def a_state_is_valid_for_one_core_and_invalid_for_another_at_once(t: Trace) -> None:
    """Core 1 was in the state, which no line but its next call tells; core 0 asked for it and was refused."""
    t.starts(0, 1)
    t.call(1, "CPU_SUSPEND", CORE_DOWN, ENTRY, CONTEXT)
    t.call(0, "CPU_SUSPEND", CORE_DOWN, OTHER_ENTRY, OTHER_CONTEXT)
    t.call(1, "AFFINITY_INFO", 0, 0)
    t.returns(0, "INVALID_PARAMETERS")
    t.blames("CPU_SUSPEND-8")
