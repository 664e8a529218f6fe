"""Shipped traces on which the options of a reading differ: what one allows, and another does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.oracle.traces.edges import CLUSTER_DOWN, CORE_DOWN, FROZEN, STANDBY, STATES, SYSTEM_DOWN
from tests.oracle.traces.suites import INITIATED, board
from tests.oracle.traces.writing import CONTEXT, ENTRY, ON, Trace, by_permission, conforms

MIGRATABLE: dict[str, Any] = {"trusted_os": "up_migratable", "trusted_os_home": "0x0"}
CLAIMS_TOO_LITTLE = 0x101_0002


def os_initiated(t: Trace, **more: Any) -> None:
    """The board in OS-initiated mode."""
    board(t, **more)
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")


def resets_warm(t: Trace) -> None:
    """A warm reset and the boot after it."""
    t.call(0, "SYSTEM_RESET2", 0, 0)
    t.system("reset")
    t.boots(cause="warm")


@by_permission("MIGRATE.target_is_the_caller")
def migrate_to_the_caller_is_denied(t: Trace) -> None:
    """The Trusted OS is there already."""
    t.on(profile=MIGRATABLE)
    t.asks(0, "MIGRATE", 0, gives="DENIED")


@conforms
def migrate_of_a_fixed_trusted_os_from_elsewhere_is_not_present(t: Trace) -> None:
    """Two refusals apply, and no order is stated."""
    t.on(profile={"trusted_os": "up_fixed", "trusted_os_home": "0x0"})
    t.starts(0, 1)
    t.asks(1, "MIGRATE", 0, gives="NOT_PRESENT")


@by_permission("AFFINITY_INFO.instance_disabled")
def affinity_info_of_a_partly_disabled_cluster_is_disabled(t: Trace) -> None:
    """One core of the instance is disabled, and the other is OFF."""
    t.on(cpus=(0x0, 0x100, 0x101), profile={"disabled": ["0x101"], "affinity_levels": [1, 2, 3]})
    t.asks(0, "AFFINITY_INFO", 0x100, 1, gives="DISABLED")


@conforms
def a_request_is_downgraded_for_the_cluster_alone(t: Trace) -> None:
    """The core asked for a cluster that is powered down, which is in retention."""
    os_initiated(t)
    t.call(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT)
    t.looks_at("cluster0", "retention")


@conforms
def an_older_request_holds_again(t: Trace) -> None:
    """Core 0 asked for the cluster and slept on; core 1 woke up and sleeps again without a request for it."""
    os_initiated(t)
    t.starts(0, 0x1)
    t.call(0x1, "CPU_SUSPEND", CORE_DOWN, ENTRY, CONTEXT)
    t.call(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT)
    t.looks_at("cluster0", "powerdown")
    t.wakes(0x1)
    t.enters(0x1)
    t.call(0x1, "CPU_SUSPEND", CORE_DOWN, ENTRY, CONTEXT)
    t.looks_at("cluster0", "powerdown")


@by_permission("CPU_SUSPEND.claims_too_little")
def a_request_that_claims_too_little_is_denied(t: Trace) -> None:
    """The caller asks for its cluster, and does not say that it is the last core there."""
    too_little = {"power_state": hex(CLAIMS_TOO_LITTLE), "core": "powerdown", "levels": {"1": "powerdown"}}
    os_initiated(t, states=[*STATES, too_little | {"last_in_level": 0}])
    t.asks(0, "CPU_SUSPEND", CLAIMS_TOO_LITTLE, ENTRY, CONTEXT, gives="DENIED")


@conforms
def a_cluster_that_was_left_running_goes_down_with_the_system(t: Trace) -> None:
    """The only core of cluster 1 sleeps and asked nothing for its cluster; core 0 asks for the system."""
    os_initiated(t)
    t.starts(0, 0x100)
    t.call(0x100, "CPU_SUSPEND", CORE_DOWN, ENTRY, CONTEXT)
    t.call(0, "CPU_SUSPEND", SYSTEM_DOWN, ENTRY, CONTEXT)
    t.wakes(0)
    t.enters(0)


@conforms
def a_core_that_is_suspended_by_default_is_not_in_the_way(t: Trace) -> None:
    """It counts by the state that the implementation picked, which is deep enough."""
    os_initiated(t)
    t.starts(0, 0x1)
    t.call(0x1, "CPU_DEFAULT_SUSPEND", ENTRY, CONTEXT)
    t.call(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT)
    t.wakes(0)
    t.enters(0)


@by_permission("CPU_SUSPEND.woken_before_the_check")
def a_wakeup_ends_an_inconsistent_request_before_it_is_looked_at(t: Trace) -> None:
    """Core 1 runs, and a wakeup of core 0 is pending."""
    os_initiated(t)
    t.starts(0, 0x1)
    t.wakes(0)
    t.asks(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT, gives="SUCCESS")


@conforms
def a_frozen_core_is_not_in_the_way_of_the_mode(t: Trace) -> None:
    """A frozen core is in none of the groups of 5.21.2, and stands in nobody's way."""
    board(t)
    t.on(initial=FROZEN)
    t.asks(0, "PSCI_SET_SUSPEND_MODE", INITIATED, gives="SUCCESS")


@by_permission("PSCI_SET_SUSPEND_MODE.condition_fails_for_the_mode_that_is_set")
def the_mode_that_is_set_is_denied(t: Trace) -> None:
    """The conditions of the mode are looked at, though it is set already."""
    board(t)
    t.starts(0, 0x1)
    t.asks(0, "PSCI_SET_SUSPEND_MODE", 0, gives="DENIED")


@conforms
def a_running_core_and_a_shallow_one_are_in_the_way(t: Trace) -> None:
    """Of the two codes that 5.4.5 has for these, either may be returned."""
    os_initiated(t)
    t.on(cpus=3, topology={"clusters": [3]})
    t.starts(0, 1)
    t.starts(0, 2)
    t.call(2, "CPU_SUSPEND", STANDBY, ENTRY, CONTEXT)
    t.asks(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT, gives="INVALID_PARAMETERS")


@conforms
def a_stay_is_counted_while_it_lasts(t: Trace) -> None:
    """Core 0 sleeps for the first time, and core 1 reads how often it did."""
    board(t)
    t.starts(0, 0x1)
    t.call(0, "CPU_SUSPEND", CORE_DOWN, ENTRY, CONTEXT)
    t.asks(0x1, "PSCI_STAT_COUNT", 0, CORE_DOWN, gives=1)


@conforms
def a_core_is_what_it_was_after_a_warm_reset(t: Trace) -> None:
    """What becomes of the state of cores that do not boot, DEN0022 does not say of a warm reset."""
    board(t)
    t.starts(0, 0x1)
    resets_warm(t)
    t.asks(0, "AFFINITY_INFO", 0x1, 0, gives=ON)


@conforms
def the_mode_is_what_it_was_after_a_warm_reset(t: Trace) -> None:
    """DENIED is a code of OS-initiated mode only."""
    os_initiated(t)
    resets_warm(t)
    t.starts(0, 0x1)
    t.asks(0, "CPU_SUSPEND", CLUSTER_DOWN, ENTRY, CONTEXT, gives="DENIED")


@conforms
def the_trusted_os_is_where_it_was_after_a_warm_reset(t: Trace) -> None:
    """It was migrated to core 1, and nothing says that a warm reset sets it up anew."""
    t.on(profile=MIGRATABLE)
    t.starts(0, 1)
    t.asks(0, "MIGRATE", 1, gives="SUCCESS")
    resets_warm(t)
    t.asks(0, "MIGRATE_INFO_UP_CPU", gives=1)


@conforms
def statistics_go_on_after_a_warm_reset(t: Trace) -> None:
    """They are zero at a cold boot; of a warm one nothing is said."""
    board(t)
    t.call(0, "CPU_SUSPEND", CORE_DOWN, ENTRY, CONTEXT)
    t.wakes(0)
    t.enters(0)
    t.asks(0, "PSCI_STAT_COUNT", 0, CORE_DOWN, gives=1)
    resets_warm(t)
    t.asks(0, "PSCI_STAT_COUNT", 0, CORE_DOWN, gives=1)


@conforms
def the_host_starts_a_core(t: Trace) -> None:
    """User space lets a vCPU run, and PSCI sees it on."""
    t.host("start_cpu", 1)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=ON)


DIFFERS: Mapping[str, str] = {
    "errata": "in-0-2-as-written-a-width-mismatch-is-accepted",
    "upper-halves": "upper-halves-read-as-checked-are-not",
    "migrate-width": "an-aarch32-caller-of-migrates-smc64-id-has-invalid-parameters",
    "realm-callers": "a-realm-caller-is-refused",
    "both-ids": "a-function-has-its-smc32-id-only",
    "migrate-target": "migrate-to-a-frozen-core-succeeds",
    "migrate-to-self": "migrate-to-the-caller-is-denied",
    "failed-call": "a-refused-cpu-on-may-replace-the-entry-where-failures-may-take-effect",
    "migrate-order": "migrate-of-a-fixed-trusted-os-from-elsewhere-is-not-present",
    "disabled-core": "affinity-info-of-a-disabled-core-is-off-although-read-as-disabled",
    "undefined-reset": "a-reserved-reset-type-resets",
    "vendor-bit": "a-vendor-reset-resets-or-turns-off",
    "suspend-refusal": "system-suspend-is-refused-with-the-code-of-its-prototype",
    "suspend-return": "system-suspend-may-return-early",
    "frozen-core": "cpu-on-of-a-frozen-core-is-always-already-on",
    "power-on-failure": "a-core-that-cannot-be-powered-falls-back-if-read-so",
    "context-width": "only-w0-holds-the-context-of-an-smc32-call",
    "mixed-entry": "an-aarch32-caller-below-an-aarch64-hypervisor-gives-an-odd-address",
    "frozen-affinity": "a-frozen-core-reads-off-where-it-is-on",
    "frozen-resume": "a-frozen-core-that-resumes-is-on-pending",
    "disabled-instance": "affinity-info-of-a-partly-disabled-cluster-is-disabled",
    "disabled-start": "a-disabled-core-is-turned-on",
    "shallower-node": "a-cluster-is-shallower-than-its-votes",
    "partial-downgrade": "a-request-is-downgraded-for-the-cluster-alone",
    "older-request": "an-older-request-holds-again",
    "claim-alone": "a-wrong-claim-is-refused",
    "low-claim": "a-request-that-claims-too-little-is-denied",
    "idle-inside": "a-cluster-that-was-left-running-goes-down-with-the-system",
    "frozen-in-osi": "a-frozen-core-is-in-the-way",
    "default-in-osi": "a-core-that-is-suspended-by-default-is-not-in-the-way",
    "check-and-wakeup": "a-wakeup-ends-an-inconsistent-request-before-it-is-looked-at",
    "unused-entry": "in-0-2-cpu-suspend-ends-although-its-entry-is-unusable",
    "mode-groups": "a-frozen-core-is-not-in-the-way-of-the-mode",
    "same-mode": "the-mode-that-is-set-is-denied",
    "mode-history": "a-use-of-cpu-suspend-counts-to-the-boot",
    "refused-suspend": "a-refused-cpu-suspend-was-called",
    "osi-mixed": "a-running-core-and-a-shallow-one-are-in-the-way",
    "stay-since-boot": "statistics-may-count-the-stay-since-boot",
    "unreported-node": "the-power-controller-does-not-report-one-node",
    "stat-update": "a-stay-is-counted-while-it-lasts",
    "warm-protection": "memory-protection-outlives-a-warm-reset",
    "reset-cores": "a-core-is-what-it-was-after-a-warm-reset",
    "reset-mode": "the-mode-is-what-it-was-after-a-warm-reset",
    "reset-residency": "the-trusted-os-is-where-it-was-after-a-warm-reset",
    "reset-statistics": "statistics-go-on-after-a-warm-reset",
    "cannot-now": "hibernation-is-impossible-now",
    "warm-reset": "warm-reset-is-refused-for-its-cookie",
    "system-stop": "at-once-nobody-sees-the-caller-of-system-off-stopped",
    "beta-type": "the-beta-read-as-the-final-text-has-type-1",
    "host-power": "the-host-starts-a-core",
}
"""For each reading the trace whose verdict depends on it."""

NOT_SEEN: Mapping[str, str] = {
    "vote-counting": "a node may be shallower than its votes, so that no trace tells when they were counted",
    "hibernate-overwrite": "no event of a trace tells what memory holds",
    "fallback-memory": "no event of a trace tells what memory holds",
}
"""Readings whose options no trace tells apart, and why."""
