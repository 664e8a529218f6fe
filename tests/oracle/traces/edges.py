"""Shipped traces of the edges of DEN0022: each pair is one thing that it allows, and the nearest that it does not."""

from __future__ import annotations

from typing import Any

from tests.oracle.traces.writing import (
    CONTEXT,
    ENTRY,
    OFF,
    ON,
    OTHER_CONTEXT,
    OTHER_ENTRY,
    PENDING,
    PLAIN,
    Trace,
    by_permission,
    conforms,
    deviates,
    unpredictable,
)

NS_32, NS_64 = 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF
INITIATED = 1
HW_ON, HW_OFF = 0, 1
BY_AARCH32: dict[str, Any] = {"cores": {0x0: {"isa": "aarch32"}, 0x1: {"isa": "aarch32"}}}
IDS_OF_0_1 = {"cpu_suspend": 0x95C1_BA5E, "cpu_off": 0x95C1_BA5F, "cpu_on": 0x95C1_BA60, "migrate": 0x95C1_BA61}
TREE: dict[str, Any] = {"cpus": (0x0, 0x1, 0x100, 0x101), "topology": {"clusters": [2, 2]}}
STANDBY, CORE_DOWN, CLUSTER_DOWN, CLUSTER_RETAINED, SYSTEM_DOWN = 0x0, 0x1_0000, 0x101_0000, 0x101_0001, 0x201_0000
CLAIM = 0x1_0001
STATES: list[dict[str, Any]] = [
    {"power_state": hex(STANDBY), "core": "standby", "last_in_level": 0},
    {"power_state": hex(CORE_DOWN), "core": "powerdown", "last_in_level": 0},
    {"power_state": hex(CLAIM), "core": "powerdown", "last_in_level": 1},
    {"power_state": hex(CLUSTER_DOWN), "core": "powerdown", "levels": {"1": "powerdown"}, "last_in_level": 1},
    {"power_state": hex(CLUSTER_RETAINED), "core": "powerdown", "levels": {"1": "retention"}, "last_in_level": 1},
    {
        "power_state": hex(SYSTEM_DOWN), "core": "powerdown", "levels": {"1": "powerdown", "2": "powerdown"},
        "last_in_level": 2,
    },
]  # fmt: skip
CLUSTERS: dict[str, Any] = {
    "unusable": [["0x0", "0xfff"]], "power_state_format": "original", "os_initiated": True, "states": STATES,
    "functions": {
        "PSCI_SET_SUSPEND_MODE": True, "CPU_FREEZE": True, "CPU_DEFAULT_SUSPEND": True, "NODE_HW_STATE": True,
        "PSCI_STAT_COUNT": True, "PSCI_STAT_RESIDENCY": True,
    },
}  # fmt: skip


LOW_IS_UNUSABLE: dict[str, Any] = {"unusable": [["0x0", "0xfff"]], "states": [hex(CORE_DOWN)]}
CHECKED = {"unused-entry": "ignored"}
"""The reading under which an entry point is checked if a powerdown state is asked for, and only then."""
FROZEN: dict[str, Any] = {"power": {"0x1": "on"}, "activity": {"0x1": "frozen"}}
"""The state that a CPU_FREEZE of core 1 leaves."""


def clusters(t: Trace, **more: Any) -> None:
    """Two clusters of two cores, with the states of a platform."""
    t.on(profile=CLUSTERS | more, **TREE)


# ---- the width of an answer


@conforms
def an_aarch32_caller_sees_32_bits_of_an_answer(t: Trace) -> None:
    """R0 has 32 bits: NOT_SUPPORTED to an SMC64 id is 0xffffffff for an AArch32 caller."""
    t.on(**BY_AARCH32)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives=NS_32)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives=NS_64)


@deviates
def an_aarch64_caller_sees_64_bits_of_an_answer(t: Trace) -> None:
    """An error of an SMC64 call has 64 bits: the low half alone is another number."""
    t.on(profile={"functions": {"SYSTEM_OFF2": False}})
    t.asks(0, "SYSTEM_OFF2", 1, 0, gives=NS_32)
    t.blames("RET-4")


# ---- ids that are not PSCI's


@conforms
def an_id_of_another_service_is_not_judged(t: Trace) -> None:
    """SMCCC_VERSION, a random number and a vendor's hypercall are not PSCI's, whatever they answer."""
    t.asks(0, 0x8000_0000, gives=0x1_0004)
    t.asks(0, 0xC400_0053, 64, gives=0)
    t.asks(0, 0x8600_FF01, gives=0xB66F_B428)
    t.asks(0, 0x8400_0020, gives=7)


@deviates
def an_id_of_the_other_range_of_psci_is_judged(t: Trace) -> None:
    """PSCI owns 32 ids in each of the two Standard Secure ranges, used or not."""
    t.asks(0, 0xC400_001F, gives=0)
    t.blames("SMC-9")


@conforms
def the_hint_bit_is_no_part_of_an_id(t: Trace) -> None:
    """From SMCCC 1.3 on bit 16 says that no SVE state is live."""
    t.asks(0, 0x8401_0000, gives=0x1_0003)
    t.asks(0, 0xC401_0003, 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1)


@conforms
def the_hint_bit_makes_an_id_unknown(t: Trace) -> None:
    """Before SMCCC 1.3 bit 16 is a part of the id, and then of every id."""
    t.asks(0, 0x8401_0000, gives=NS_32)
    t.asks(0, 0xC401_0003, 1, ENTRY, CONTEXT, gives="NOT_SUPPORTED")


@deviates
def the_hint_bit_is_known_and_then_unknown(t: Trace) -> None:
    """An implementation knows the hint bit, or does not."""
    t.asks(0, 0x8401_0000, gives=0x1_0003)
    t.asks(0, 0xC401_0003, 1, ENTRY, CONTEXT, gives="NOT_SUPPORTED")
    t.blames("CPU_ON-1")


# ---- policy


@conforms
def a_core_is_denied_and_then_plugged_in(t: Trace) -> None:
    """Policy is state: what it denies now it may allow later, as with hotplug of virtual cores."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="DENIED")
    t.host("unplug", 1)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1)


@deviates
def a_running_core_is_denied(t: Trace) -> None:
    """Policy keeps a core from use; one that the operating system uses is ON."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 0, ENTRY, CONTEXT, gives="DENIED")
    t.blames("CPU_ON-6")


# ---- what nobody declared


@conforms
def an_undeclared_trusted_os_refuses_cpu_off_where_it_is(t: Trace) -> None:
    """Nobody says whether there is a Trusted OS, and on which core: it is on one, and stays there."""
    t.starts(0, 1)
    t.asks(1, "CPU_OFF", gives="DENIED")
    t.asks(0, "MIGRATE_INFO_TYPE", gives=1)
    t.asks(0, "MIGRATE_INFO_UP_CPU", gives=1)
    t.call(0, "CPU_OFF")
    t.asks(1, "AFFINITY_INFO", 0, 0, gives=OFF)


@deviates
def an_undeclared_trusted_os_is_on_two_cores(t: Trace) -> None:
    """A uniprocessor Trusted OS is on one core."""
    t.starts(0, 1)
    t.asks(1, "CPU_OFF", gives="DENIED")
    t.asks(0, "CPU_OFF", gives="DENIED")
    t.blames("CPU_OFF-1")


@deviates
def an_undeclared_trusted_os_is_not_there_but_refuses_cpu_off(t: Trace) -> None:
    """MIGRATE_INFO_TYPE says that there is no uniprocessor Trusted OS, so nothing refuses CPU_OFF."""
    t.asks(0, "MIGRATE_INFO_TYPE", gives=2)
    t.asks(0, "CPU_OFF", gives="DENIED")
    t.blames("CPU_OFF-1")


@conforms
def an_undeclared_trusted_os_is_migrated(t: Trace) -> None:
    """A migratable Trusted OS moves, and from then on refuses CPU_OFF where it is."""
    t.starts(0, 1)
    t.asks(0, "MIGRATE_INFO_TYPE", gives=0)
    t.asks(0, "MIGRATE", 1, gives="SUCCESS")
    t.asks(1, "CPU_OFF", gives="DENIED")


@conforms
def an_undeclared_core_is_disabled(t: Trace) -> None:
    """Nobody says whether the core is physically disabled; it is, and so it cannot be powered up."""
    t.on(profile=PLAIN)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives="DISABLED")
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="INTERNAL_FAILURE")


@deviates
def a_disabled_core_is_turned_on(t: Trace) -> None:
    """A core that is physically disabled cannot be powered up."""
    t.on(profile=PLAIN)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives="DISABLED")
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-8")


@deviates
def a_running_core_is_disabled(t: Trace) -> None:
    """A core that runs is not disabled."""
    t.asks(0, "AFFINITY_INFO", 0, 0, gives="DISABLED")
    t.blames("AFF-2")


@conforms
def an_undeclared_power_state_is_refused_in_os_initiated_mode(t: Trace) -> None:
    """Nobody says what the power_state asks for, and another core runs, so that it may be in the way."""
    t.on(profile=PLAIN)
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")
    t.starts(0, 1)
    t.asks(0, "CPU_SUSPEND", 0x4100_0033, ENTRY, CONTEXT, gives="DENIED")


@deviates
def an_undeclared_power_state_is_denied_in_platform_coordinated_mode(t: Trace) -> None:
    """Votes are never DENIED, whatever they ask for."""
    t.on(profile=PLAIN)
    t.starts(0, 1)
    t.asks(0, "CPU_SUSPEND", 0x4100_0033, ENTRY, CONTEXT, gives="DENIED")
    t.blames("CPU_SUSPEND-5")


@conforms
def a_stray_wakeup_resets_an_undeclared_machine(t: Trace) -> None:
    """What a wakeup of an OFF core does is the implementation's choice, and nobody says which it took."""
    t.wakes(1)
    t.system("reset")


@deviates
def a_stray_wakeup_resets_a_machine_that_ignores_it(t: Trace) -> None:
    """The profile declares that such a wakeup is ignored."""
    t.on(profile={"stray_wakeup": "ignored"})
    t.wakes(1)
    t.system("reset")
    t.blames("SYS-2")


# ---- version 0.1


@conforms
def in_0_1_an_entry_point_is_as_wide_as_the_callers_registers(t: Trace) -> None:
    """The ids of the device tree tell no width."""
    t.on("0.1", ids=IDS_OF_0_1)
    t.asks(0, IDS_OF_0_1["cpu_on"], 1, 0x1_4000_0000, gives=0)
    t.enters(1, 0x1_4000_0000, 0x1234)


@deviates
def in_0_1_a_core_starts_at_half_of_its_entry_point(t: Trace) -> None:
    """An AArch64 caller gave 64 bits."""
    t.on("0.1", ids=IDS_OF_0_1)
    t.asks(0, IDS_OF_0_1["cpu_on"], 1, 0x1_4000_0000, gives=0)
    t.enters(1, 0x4000_0000, 0x1234)
    t.blames("REV-1")


@conforms
def in_0_1_functions_may_be_not_supported(t: Trace) -> None:
    """Version 0.1 lists NOT_SUPPORTED for CPU_SUSPEND, CPU_OFF and CPU_ON; how wide it is nobody says."""
    t.on("0.1", ids=IDS_OF_0_1)
    t.asks(0, IDS_OF_0_1["cpu_suspend"], 0, 0, gives=NS_64)
    t.asks(0, IDS_OF_0_1["cpu_off"], 0, gives=NS_32)
    t.asks(0, IDS_OF_0_1["cpu_on"], 1, ENTRY, gives=NS_64)


@deviates
def in_0_2_cpu_off_is_not_supported(t: Trace) -> None:
    """Since 0.2 the function is mandatory and has one error."""
    t.on("0.2")
    t.asks(0, "CPU_OFF", gives="NOT_SUPPORTED")
    t.blames("CPU_OFF-1")


# ---- levels and state ids


@conforms
def power_levels_have_values_of_the_platform(t: Trace) -> None:
    """In the scheme of 6.5 the cluster is 0x1000, and 0x1 names nothing."""
    t.on("1.1", cpus=(0x0, 0x1, 0x100, 0x101), profile="mobile")
    t.asks(0, "NODE_HW_STATE", 0x0, 0x1000, gives=HW_ON)
    t.asks(0, "NODE_HW_STATE", 0x0, 0x1, gives="INVALID_PARAMETERS")


@deviates
def a_power_level_that_the_platform_has_not_is_answered(t: Trace) -> None:
    """The platform's power levels are 0, 0x1000 and 0x2000."""
    t.on("1.1", cpus=(0x0, 0x1, 0x100, 0x101), profile="mobile")
    t.asks(0, "NODE_HW_STATE", 0x0, 0x3000, gives=HW_ON)
    t.blames("HWSTATE-3")


@conforms
def statistics_ignore_the_last_level(t: Trace) -> None:
    """Whichever level the caller was last in, the statistics are those of the cluster's powerdown."""
    t.on("1.1", cpus=(0x0, 0x1, 0x100, 0x101), profile="mobile")
    t.starts(0, 1, 0x4000_0000)
    t.call(1, "CPU_SUSPEND", 0x4000_1033, 0x5000_0000, 7)
    t.call(0, "CPU_SUSPEND", 0x4000_1033, 0x5000_0000, 7)
    t.enters(0, 0x5000_0000, 7)
    t.asks(0, "PSCI_STAT_COUNT", 0x0, 0x4000_0033, gives=1)
    t.asks(0, "PSCI_STAT_COUNT", 0x0, 0x4000_2033, gives=1)


@deviates
def statistics_count_a_state_that_the_platform_has_not(t: Trace) -> None:
    """No node has the state, however much of the value is ignored."""
    t.on("1.1", cpus=(0x0, 0x1, 0x100, 0x101), profile="mobile")
    t.call(0, "CPU_SUSPEND", 0x4000_0003, 0x5000_0000, 7)
    t.enters(0, 0x5000_0000, 7)
    t.asks(0, "PSCI_STAT_COUNT", 0x0, 0x4000_0044, gives=1)
    t.blames("STAT-5")


@conforms
def statistics_may_have_an_encoding_of_their_own(t: Trace) -> None:
    """The profile gives the values that the statistics functions take (since 1.1)."""
    clusters(t, counted_states=[{"power_state": "0x7", "level": 0}])
    t.call(0, "CPU_SUSPEND", CORE_DOWN, ENTRY, CONTEXT)
    t.enters(0)
    t.asks(0, "PSCI_STAT_COUNT", 0x0, 0x7, gives=1)
    t.asks(0, "PSCI_STAT_COUNT", 0x0, CORE_DOWN, gives=0)


@deviates
def statistics_take_an_encoding_that_is_not_theirs(t: Trace) -> None:
    """The encoding of CPU_SUSPEND is another one, and the profile says so."""
    clusters(t, counted_states=[{"power_state": "0x7", "level": 0}])
    t.call(0, "CPU_SUSPEND", CORE_DOWN, ENTRY, CONTEXT)
    t.enters(0)
    t.asks(0, "PSCI_STAT_COUNT", 0x0, CORE_DOWN, gives=1)
    t.blames("STAT-5")


# ---- nodes as the outside sees them


@conforms
def the_cluster_of_a_frozen_core_is_the_implementations_choice(t: Trace) -> None:
    """DEN0022 leaves open how far the nodes above a frozen core follow it."""
    clusters(t)
    t.starts(0, 0x100)
    t.call(0x100, "CPU_FREEZE")
    t.looks_at("cluster1", "powerdown")
    t.looks_at("cluster1", "run")


@conforms
def the_cluster_of_a_core_suspended_by_default_is_the_implementations_choice(t: Trace) -> None:
    """So it does for CPU_DEFAULT_SUSPEND."""
    clusters(t)
    t.starts(0, 0x100)
    t.call(0x100, "CPU_DEFAULT_SUSPEND", ENTRY, CONTEXT)
    t.looks_at("cluster1", "retention")
    t.enters(0x100)


@deviates
def the_cluster_of_a_running_core_is_down_beside_a_frozen_one(t: Trace) -> None:
    """A cluster with a running core runs."""
    clusters(t)
    t.starts(0, 1)
    t.call(1, "CPU_FREEZE")
    t.looks_at("cluster0", "powerdown")
    t.blames("PD-3")


@conforms
def a_cluster_is_shallower_than_its_votes(t: Trace) -> None:
    """Both cores voted for powerdown; votes are upper limits."""
    clusters(t)
    t.starts(0, 1)
    t.call(1, "CPU_SUSPEND", CLUSTER_DOWN, OTHER_ENTRY, OTHER_CONTEXT)
    t.call(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT)
    t.looks_at("cluster0", "retention")
    t.enters(0)


@deviates
def a_cluster_is_deeper_than_a_vote(t: Trace) -> None:
    """One core voted for retention: powerdown is too deep."""
    clusters(t)
    t.starts(0, 1)
    t.call(1, "CPU_SUSPEND", CLUSTER_RETAINED, OTHER_ENTRY, OTHER_CONTEXT)
    t.call(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT)
    t.looks_at("cluster0", "powerdown")
    t.blames("PC-2")


@deviates
def a_cluster_is_shallower_than_its_votes_where_it_is_to_be_the_deepest(t: Trace) -> None:
    """Section 4.2.3.1 as binding: the deepest state that all votes allow."""
    clusters(t, reading={"shallower-node": "deepest"})
    t.call(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT)
    t.looks_at("cluster0", "retention")
    t.blames("PC-2")


@conforms
def a_cluster_need_not_run_at_once_when_its_core_is_turned_on(t: Trace) -> None:
    """From the SUCCESS of CPU_ON to the start of its target the cluster may still be down."""
    clusters(t)
    t.asks(0, "CPU_ON", 0x100, ENTRY, CONTEXT, gives="SUCCESS")
    t.looks_at("cluster1", "powerdown")
    t.enters(0x100)
    t.looks_at("cluster1", "run")


@deviates
def a_cluster_is_down_although_its_core_runs(t: Trace) -> None:
    """A core was entered in it."""
    clusters(t)
    t.starts(0, 0x100)
    t.looks_at("cluster1", "powerdown")
    t.blames("PD-3")


@deviates
def the_power_controller_shows_the_boot_core_off(t: Trace) -> None:
    """A snapshot may be old, but the boot core was never down."""
    clusters(t)
    t.asks(0, "NODE_HW_STATE", 0x0, 0, gives=HW_OFF)
    t.blames("HWSTATE-2")


@conforms
def the_power_controller_shows_what_was(t: Trace) -> None:
    """A snapshot may be old: the target of a CPU_ON was off a moment ago."""
    clusters(t)
    t.starts(0, 1)
    t.asks(0, "NODE_HW_STATE", 0x1, 0, gives=HW_OFF)
    t.asks(0, "NODE_HW_STATE", 0x1, 0, gives=HW_ON)


@by_permission("NODE_HW_STATE.node_not_reported")
def the_power_controller_does_not_report_one_node(t: Trace) -> None:
    """It reports the core and not what is above it."""
    clusters(t)
    t.asks(0, "NODE_HW_STATE", 0x0, 0, gives=HW_ON)
    t.asks(0, "NODE_HW_STATE", 0x0, 2, gives="NOT_SUPPORTED")


@deviates
def suspending_in_one_cluster_does_not_count_in_another(t: Trace) -> None:
    """No core of the other cluster was ever in a low-power state of its own."""
    clusters(t, reading={"stay-since-boot": "not-counted"})
    t.call(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT)
    t.enters(0)
    t.asks(0, "PSCI_STAT_COUNT", 0x100, CLUSTER_DOWN, gives=1)
    t.blames("STAT-6")


# ---- one breach, one verdict


@unpredictable
def a_target_with_upper_bits_in_an_smc32_call_is_no_core(t: Trace) -> None:
    """An AArch64 caller keeps to 32 bits in an SMC32 call; where it does not, nothing is promised."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 1 << 32 | 1, ENTRY, CONTEXT, gives="INVALID_PARAMETERS", wide=False)


@unpredictable
def a_running_target_with_upper_bits_in_an_smc32_call_is_no_core(t: Trace) -> None:
    """The same breach has the same verdict while the target is ON."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 1 << 32, ENTRY, CONTEXT, gives="INVALID_PARAMETERS", wide=False)


@unpredictable
def a_level_with_upper_bits_in_an_smc32_call_is_some_level(t: Trace) -> None:
    """And so it has for other functions."""
    t.asks(0, "AFFINITY_INFO", 1, 1 << 32, gives=ON, wide=False)


@deviates
def a_target_without_upper_bits_in_an_smc32_call_is_no_core(t: Trace) -> None:
    """The caller kept its duty, so the implementation is held to the rules."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="INVALID_PARAMETERS", wide=False)
    t.blames("CPU_ON-1")


# ---- statistics of the time since boot


@conforms
def statistics_may_count_the_stay_since_boot(t: Trace) -> None:
    """The core was OFF from the boot to its CPU_ON, and that may count when it comes up."""
    t.on(profile=PLAIN)
    t.starts(0, 1)
    t.asks(0, "PSCI_STAT_COUNT", 1, 0x1_0000, gives=1)


@deviates
def statistics_count_the_stay_since_boot_before_it_ends(t: Trace) -> None:
    """At a cold boot the statistics are zero, and nothing has happened since."""
    t.on(profile=PLAIN)
    t.asks(0, "PSCI_STAT_COUNT", 1, 0x1_0000, gives=1)
    t.blames("STAT-9")


# ---- a system that is going down


@deviates
def a_core_that_was_seen_off_is_on_again_while_the_system_goes_down(t: Trace) -> None:
    """After OFF was observed a core stays OFF unless it is turned on."""
    t.starts(0, 1)
    t.call(0, "SYSTEM_OFF")
    t.asks(1, "AFFINITY_INFO", 0, 0, gives=OFF)
    t.asks(1, "AFFINITY_INFO", 0, 0, gives=ON)
    t.blames("AFF-3")


@deviates
def a_core_that_was_seen_off_is_already_on_while_the_system_goes_down(t: Trace) -> None:
    """CPU_ON sees what AFFINITY_INFO saw."""
    t.on(profile=PLAIN)
    t.starts(0, 1)
    t.call(0, "SYSTEM_OFF")
    t.asks(1, "AFFINITY_INFO", 0, 0, gives=OFF)
    t.asks(1, "CPU_ON", 0, ENTRY, CONTEXT, gives="ALREADY_ON")
    t.blames("CPU_ON-1")


# ---- ranges


RANGES: dict[str, Any] = {"functions": {"MEM_PROTECT": True, "MEM_PROTECT_CHECK_RANGE": True}}


@conforms
def a_range_is_protected_where_its_parts_are(t: Trace) -> None:
    """Nobody says which memory is protected; what is learned of ranges fits together."""
    t.on(profile=RANGES)
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", 0x1000, 0x1000, gives="SUCCESS")
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", 0x2000, 0x1000, gives="SUCCESS")
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", 0x1000, 0x2000, gives="SUCCESS")
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", 0x1000, 0x4000, gives="DENIED")


@deviates
def a_part_of_a_protected_range_is_denied(t: Trace) -> None:
    """All of it is protected, and so is each part."""
    t.on(profile=RANGES)
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", 0x1000, 0x2000, gives="SUCCESS")
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", 0x1800, 0x800, gives="DENIED")
    t.blames("MEMC-2")


@deviates
def a_range_beyond_the_last_address_is_protected(t: Trace) -> None:
    """A range that does not end has a part that is not memory."""
    t.on(profile=RANGES)
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", (1 << 64) - 0x1000, 0x2000, gives="SUCCESS")
    t.blames("MEMC-3")


@conforms
def declared_ranges_are_protected(t: Trace) -> None:
    """The profile declares what MEM_PROTECT protects."""
    t.on(profile=RANGES | {"protected": [["0x1000", "0x1fff"], ["0x2000", "0x2fff"]]})
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", 0x1800, 0x1000, gives="SUCCESS")
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", 0x1800, 0x2000, gives="DENIED")


@deviates
def a_declared_range_is_not_protected(t: Trace) -> None:
    """The profile declares what MEM_PROTECT protects."""
    t.on(profile=RANGES | {"protected": [["0x1000", "0x1fff"]]})
    t.asks(0, "MEM_PROTECT_CHECK_RANGE", 0x1000, 0x1000, gives="DENIED")
    t.blames("MEMC-2")


# ---- MIGRATE and PSCI_SET_SUSPEND_MODE


@deviates
def migrate_to_a_frozen_core_succeeds(t: Trace) -> None:
    """A uniprocessor Trusted OS is on no frozen core: CPU_FREEZE would have been denied there."""
    t.on(profile={"trusted_os": "up_migratable", "trusted_os_home": "0x0"}, initial=FROZEN)
    t.asks(0, "MIGRATE", 1, gives="SUCCESS")
    t.blames("MIGRATE-6")


@conforms
def migrate_to_a_frozen_core_fails(t: Trace) -> None:
    """The target does not answer."""
    t.on(profile={"trusted_os": "up_migratable", "trusted_os_home": "0x0"})
    t.starts(0, 1)
    t.call(1, "CPU_FREEZE")
    t.asks(0, "MIGRATE", 1, gives="INTERNAL_FAILURE")
    t.asks(0, "CPU_OFF", gives="DENIED")


@unpredictable
def migrate_to_a_pending_core_is_denied(t: Trace) -> None:
    """The caller was to wait until the target is up."""
    t.on(profile={"trusted_os": "up_migratable", "trusted_os_home": "0x0", **PLAIN})
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "MIGRATE", 1, gives="DENIED")


@conforms
def os_initiated_mode_that_is_not_supported_has_one_of_three_codes(t: Trace) -> None:
    """PSCI_SET_SUSPEND_MODE is there and OS-initiated mode is not: no fact names a code."""
    t.on(profile={"os_initiated": False, "functions": {"PSCI_SET_SUSPEND_MODE": True}})
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="INVALID_PARAMETERS")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="NOT_SUPPORTED")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="DENIED")


@deviates
def os_initiated_mode_that_is_not_supported_is_set(t: Trace) -> None:
    """What is not supported cannot be set."""
    t.on(profile={"os_initiated": False, "functions": {"PSCI_SET_SUSPEND_MODE": True}})
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")
    t.blames("FEAT-11")


@conforms
def a_cpu_suspend_refused_for_its_upper_half_counts_where_refusals_do(t: Trace) -> None:
    """By the letter of 5.21.2 a call that was refused was called, whatever it was refused for."""
    t.on(
        profile={"os_initiated": True, "functions": {"PSCI_SET_SUSPEND_MODE": True}, **PLAIN},
        reading={"refused-suspend": "counted", "upper-halves": "checked"},
    )
    t.asks(0, "CPU_SUSPEND", 1 << 32, ENTRY, CONTEXT, gives="INVALID_PARAMETERS")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="DENIED")


@deviates
def a_cpu_suspend_refused_for_its_upper_half_does_not_count(t: Trace) -> None:
    """The same reading, and the mode changes all the same."""
    t.on(
        profile={"os_initiated": True, "functions": {"PSCI_SET_SUSPEND_MODE": True}, **PLAIN},
        reading={"refused-suspend": "counted", "upper-halves": "checked"},
    )
    t.asks(0, "CPU_SUSPEND", 1 << 32, ENTRY, CONTEXT, gives="INVALID_PARAMETERS")
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")
    t.blames("MODE-4")


# ---- a second CPU_ON of a frozen core


@conforms
def a_frozen_core_that_resumes_is_on_pending(t: Trace) -> None:
    """From the CPU_ON to its entry it may be ON_PENDING, as a core that was OFF."""
    t.on(profile={"functions": {"CPU_FREEZE": True}, "trusted_os": "mp_or_none", **PLAIN})
    t.starts(0, 1)
    t.call(1, "CPU_FREEZE")
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, OTHER_CONTEXT, gives="SUCCESS")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=PENDING)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="ON_PENDING")
    t.enters(1, OTHER_ENTRY, OTHER_CONTEXT)


@deviates
def a_frozen_core_resumes_twice(t: Trace) -> None:
    """The first CPU_ON was accepted, so the second finds no frozen core."""
    t.on(profile={"functions": {"CPU_FREEZE": True}, "trusted_os": "mp_or_none", **PLAIN})
    t.starts(0, 1)
    t.call(1, "CPU_FREEZE")
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, OTHER_CONTEXT, gives="SUCCESS")
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-7")


# ---- OS-initiated mode


def osi_clusters(t: Trace, **more: Any) -> None:
    """The two clusters in OS-initiated mode."""
    clusters(t, **more)
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")


@by_permission("CPU_SUSPEND.others_perhaps_running")
def a_frozen_core_is_in_the_way(t: Trace) -> None:
    """The platform counts a frozen core as running."""
    clusters(t)
    t.on(initial=FROZEN | {"mode": "os_initiated"})
    t.asks(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT, gives="DENIED")


@conforms
def a_frozen_core_is_not_in_the_way(t: Trace) -> None:
    """The platform counts it as down."""
    osi_clusters(t)
    t.starts(0, 1)
    t.call(1, "CPU_FREEZE")
    t.call(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT)
    t.looks_at("cluster0", "powerdown")


@deviates
def a_running_core_is_not_in_the_way(t: Trace) -> None:
    """A request that the running core contradicts is refused."""
    osi_clusters(t)
    t.starts(0, 1)
    t.call(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT)
    t.enters(0, ENTRY, CONTEXT)
    t.blames("CPU_SUSPEND-11")


@by_permission("CPU_SUSPEND.others_perhaps_running")
def a_wrong_claim_is_refused(t: Trace) -> None:
    """The caller says that it is the last core of its cluster, which is to run on; it is not the last."""
    osi_clusters(t)
    t.starts(0, 1)
    t.asks(0, "CPU_SUSPEND", CLAIM, ENTRY, CONTEXT, gives="DENIED")


@conforms
def a_wrong_claim_is_not_looked_at(t: Trace) -> None:
    """No low-power state was asked for above the core."""
    osi_clusters(t)
    t.starts(0, 1)
    t.call(0, "CPU_SUSPEND", CLAIM, ENTRY, CONTEXT)
    t.wakes(0)
    t.enters(0)


@deviates
def a_right_claim_is_refused(t: Trace) -> None:
    """The caller is the last core of its cluster."""
    osi_clusters(t)
    t.asks(0, "CPU_SUSPEND", CLAIM, ENTRY, CONTEXT, gives="DENIED")
    t.blames("CPU_SUSPEND-5")


# ---- rules that no other trace needs


@conforms
def in_0_2_cpu_suspend_has_invalid_parameters_for_an_unusable_entry(t: Trace) -> None:
    """INVALID_ADDRESS came with 1.0."""
    t.on("0.2", profile=LOW_IS_UNUSABLE)
    t.asks(0, "CPU_SUSPEND", CORE_DOWN, 0x800, CONTEXT, gives="INVALID_PARAMETERS")


@deviates
def in_0_2_cpu_suspend_ends_although_its_entry_is_unusable(t: Trace) -> None:
    """The profile declares that the address is known to be unavailable."""
    t.on("0.2", reading=CHECKED, profile=LOW_IS_UNUSABLE)
    t.asks(0, "CPU_SUSPEND", CORE_DOWN, 0x800, CONTEXT, gives="SUCCESS")
    t.blames("CPU_SUSPEND-10")


@conforms
def in_0_2_cpu_suspend_may_be_downgraded_although_its_entry_is_unusable(t: Trace) -> None:
    """The request may have become a standby, which uses no entry point."""
    t.on("0.2", profile=LOW_IS_UNUSABLE)
    t.asks(0, "CPU_SUSPEND", CORE_DOWN, 0x800, CONTEXT, gives="SUCCESS")


@conforms
def in_0_2_cpu_suspend_must_check_an_entry_where_it_is_read_so(t: Trace) -> None:
    """The powerdown state would use it."""
    t.on("0.2", reading=CHECKED, profile=LOW_IS_UNUSABLE)
    t.asks(0, "CPU_SUSPEND", CORE_DOWN, 0x800, CONTEXT, gives="INVALID_PARAMETERS")


@conforms
def in_0_1_cpu_off_may_be_refused(t: Trace) -> None:
    """Version 0.1 lists INVALID_PARAMETERS and DENIED without saying when."""
    t.on("0.1", ids=IDS_OF_0_1)
    t.asks(0, IDS_OF_0_1["cpu_off"], 7, gives="INVALID_PARAMETERS")
    t.asks(0, IDS_OF_0_1["cpu_off"], 0, gives="DENIED")


@deviates
def in_0_1_cpu_off_succeeds_and_returns(t: Trace) -> None:
    """A core that turned itself off does not go on."""
    t.on("0.1", ids=IDS_OF_0_1)
    t.asks(0, IDS_OF_0_1["cpu_off"], 0, gives=0)
    t.blames("CPU_OFF-1")


@conforms
def cpu_default_suspend_may_check_its_entry_point(t: Trace) -> None:
    """An unusable entry point is refused; or a standby state is entered, which does not use it."""
    clusters(t)
    t.asks(0, "CPU_DEFAULT_SUSPEND", 0x800, CONTEXT, gives="INVALID_ADDRESS")
    t.asks(0, "CPU_DEFAULT_SUSPEND", 0x800, CONTEXT, gives="SUCCESS")


@deviates
def cpu_default_suspend_enters_a_core_at_an_unusable_entry_point(t: Trace) -> None:
    """No core is entered at an address that is known to be unavailable."""
    clusters(t)
    t.call(0, "CPU_DEFAULT_SUSPEND", 0x800, CONTEXT)
    t.enters(0, 0x800)
    t.blames("DSUSP-5")


@conforms
def residency_is_zero_until_the_state_was_used(t: Trace) -> None:
    """Microseconds, of which there are none before the first stay, and none for a state that does not exist."""
    clusters(t)
    t.asks(0, "PSCI_STAT_RESIDENCY", 0x0, CORE_DOWN, gives=0)
    t.call(0, "CPU_SUSPEND", CORE_DOWN, ENTRY, CONTEXT)
    t.enters(0)
    t.asks(0, "PSCI_STAT_RESIDENCY", 0x0, CORE_DOWN, gives=1234)
    t.asks(0, "PSCI_STAT_RESIDENCY", 0x9, CORE_DOWN, gives=0)


@deviates
def residency_is_there_before_the_state_was_used(t: Trace) -> None:
    """At a cold boot the statistics are zero."""
    clusters(t)
    t.asks(0, "PSCI_STAT_RESIDENCY", 0x0, CORE_DOWN, gives=1234)
    t.blames("STAT-6")


@deviates
def residency_is_there_for_a_core_that_is_not(t: Trace) -> None:
    """An absent node has no residency."""
    clusters(t)
    t.call(0, "CPU_SUSPEND", CORE_DOWN, ENTRY, CONTEXT)
    t.enters(0)
    t.asks(0, "PSCI_STAT_RESIDENCY", 0x9, CORE_DOWN, gives=1234)
    t.blames("STAT-5")


# ---- both ids of one function


@conforms
def a_function_has_its_smc32_id_only(t: Trace) -> None:
    """Where the two ids may be apart, an SMC64 id that is not there is an absent function."""
    t.on(reading={"both-ids": "apart"}, profile={"functions": {"SYSTEM_OFF2": True}})
    t.asks(0, "CPU_ON", 0x1, ENTRY, CONTEXT, gives="NOT_SUPPORTED", wide=True)
    t.asks(0, "AFFINITY_INFO", 0x1, 0, gives="NOT_SUPPORTED", wide=True)
    t.asks(0, "AFFINITY_INFO", 0x1, 0, gives=OFF, wide=False)
    t.asks(0, "CPU_ON", 0x1, ENTRY, CONTEXT, gives="SUCCESS", wide=False)
    t.enters(1)
    t.asks(0, "SYSTEM_OFF2", 1, 0, gives="NOT_SUPPORTED", wide=True)
    t.asks(0, "SYSTEM_OFF2", 3, 0, gives="INVALID_PARAMETERS", wide=False)


@deviates
def an_smc64_id_comes_and_goes(t: Trace) -> None:
    """What is absent stays absent, also where the two ids may be apart."""
    t.on(reading={"both-ids": "apart"})
    t.asks(0, "CPU_ON", 0x1, ENTRY, CONTEXT, gives="NOT_SUPPORTED", wide=True)
    t.asks(0, "CPU_ON", 0x1, ENTRY, CONTEXT, gives="SUCCESS", wide=True)
    t.blames("RET-4")


@conforms
def a_frozen_core_that_resumes_stays_on(t: Trace) -> None:
    """Where a frozen core is ON all the time, AFFINITY_INFO says so between its CPU_ON and its entry."""
    t.on(profile=CLUSTERS, reading={"frozen-resume": "stays-on"}, initial=FROZEN)
    t.asks(0, "CPU_ON", 0x1, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "AFFINITY_INFO", 0x1, 0, gives=ON)
    t.enters(1)


@by_permission("AFFINITY_INFO.frozen_reads_off")
def a_frozen_core_reads_off(t: Trace) -> None:
    """A CPU_ON for a frozen core is accepted, so AFFINITY_INFO may call it OFF."""
    t.on(profile=CLUSTERS, initial=FROZEN)
    t.asks(0, "AFFINITY_INFO", 0x1, 0, gives=OFF)


@deviates
def a_frozen_core_reads_off_where_it_is_on(t: Trace) -> None:
    """It never called CPU_OFF."""
    t.on(profile=CLUSTERS, reading={"frozen-affinity": "on"}, initial=FROZEN)
    t.asks(0, "AFFINITY_INFO", 0x1, 0, gives=OFF)
    t.blames("AFF-3")


# ---- a platform that cannot do it now


@by_permission("SYSTEM_OFF2.impossible_now")
def hibernation_is_impossible_now(t: Trace) -> None:
    """Where a platform may say so, it says INTERNAL_FAILURE."""
    t.on(profile={"functions": {"SYSTEM_OFF2": True}}, reading={"cannot-now": "may-be-told"})
    t.asks(0, "SYSTEM_OFF2", 1, 0, gives="INTERNAL_FAILURE")


@deviates
def hibernation_is_impossible_now_although_no_code_exists(t: Trace) -> None:
    """The text lists no code for that."""
    t.on(profile={"functions": {"SYSTEM_OFF2": True}})
    t.asks(0, "SYSTEM_OFF2", 1, 0, gives="INTERNAL_FAILURE")
    t.blames("OFF2-7")
