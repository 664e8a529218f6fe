"""Shipped traces of what an outside tells, and of what a log leaves out: statistics, entries, boots, flags, order."""

from __future__ import annotations

from tests.oracle.traces.writing import (
    CONTEXT,
    ENTRY,
    PLAIN,
    Trace,
    by_permission,
    conforms,
    deviates,
)

STATES = {
    "power_state_format": "original", "functions": {"PSCI_STAT_COUNT": True, "PSCI_STAT_RESIDENCY": True},
    "states": [
        {"power_state": "0x0", "core": "standby", "levels": {}},
        {"power_state": "0x1", "core": "retention", "levels": {}},
        {"power_state": "0x10000", "core": "powerdown", "levels": {}},
    ],
}  # fmt: skip
STANDBY, RETENTION, POWERDOWN = 0x0, 0x1, 0x1_0000
SHUTDOWN_BY_OFF2 = 0x1
"""Bit 0 of the flags of a shutdown, by which KVM tells SYSTEM_OFF2 from SYSTEM_OFF."""


def _entered_at(t: Trace, first: int, second: int) -> None:
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, ENTRY, CONTEXT, el=first)
    t.call(1, "CPU_OFF")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=1)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, ENTRY, CONTEXT, el=second)


def _returns_x4(t: Trace, after: int) -> None:
    t.on(smccc="1.1")
    t.call(0, "PSCI_VERSION", 0, 0, 0, 0x1234)
    t.returns(0, 0x1_0003, regs={"x4": after})


# ---- a line that is missing


@conforms
def a_core_that_was_started_calls_although_no_line_tells_of_its_entry(t: Trace) -> None:
    """A log of calls and returns holds no entries; the core may have arrived unseen."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(1, "PSCI_VERSION", gives=0x1_0003)


@deviates
def a_core_that_was_not_started_calls_although_no_line_tells_of_its_entry(t: Trace) -> None:
    """Its CPU_ON was refused, so that nothing can have brought it there."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="INTERNAL_FAILURE")
    t.call(1, "PSCI_VERSION")
    t.blames("SM-16")


@conforms
def a_core_that_slept_calls_although_no_line_tells_of_its_resume(t: Trace) -> None:
    """A powerdown ends with an entry, which such a log leaves out."""
    t.on(profile=PLAIN | STATES)
    t.call(0, "CPU_SUSPEND", POWERDOWN, ENTRY, CONTEXT)
    t.asks(0, "PSCI_VERSION", gives=0x1_0003)


@conforms
def a_boot_tells_that_the_system_went_down(t: Trace) -> None:
    """The outside logs no system event; the boot after SYSTEM_RESET says enough."""
    t.call(0, "SYSTEM_RESET")
    t.boots(0)
    t.asks(0, "PSCI_VERSION", gives=0x1_0003)


@deviates
def a_boot_without_a_call_that_asks_for_it(t: Trace) -> None:
    """Nobody asked for a reset, and no line tells of one."""
    t.asks(0, "PSCI_VERSION", gives=0x1_0003)
    t.boots(0)
    t.blames("SYS-3")


# ---- a core's own log


@conforms
def a_core_logs_its_own_events_in_their_order_whatever_their_intervals(t: Trace) -> None:
    """The interval of the second call begins before that of the first return, but the core logged it later."""
    t.call(0, "CPU_ON", 0, ENTRY, CONTEXT, wide=False)
    t.between(0, 2)
    t.returns(0, "ALREADY_ON")
    t.between(8, 12)
    t.call(0, "PSCI_VERSION")
    t.between(7, 10)
    t.returns(0, 0x1_0003)
    t.between(13, 14)


@deviates
def a_core_that_logs_its_answers_in_the_other_order(t: Trace) -> None:
    """The same intervals, and the answers exchanged: what a core logs first was first."""
    t.call(0, "CPU_ON", 0, ENTRY, CONTEXT, wide=False)
    t.between(0, 2)
    t.returns(0, 0x1_0003)
    t.between(8, 12)
    t.blames("CPU_ON-6")
    t.call(0, "PSCI_VERSION")
    t.between(7, 10)
    t.returns(0, 0x1_0003)
    t.between(13, 14)


# ---- statistics


@conforms
def a_count_is_at_most_the_stays(t: Trace) -> None:
    """Two suspends, and a count that goes from 1 to 2."""
    t.on(profile=PLAIN | STATES)
    for count in (1, 2):
        t.asks(0, "CPU_SUSPEND", STANDBY, 0, 0, gives="SUCCESS")
        t.asks(0, "PSCI_STAT_COUNT", 0, STANDBY, gives=count)


@deviates
def a_count_is_more_than_the_stays(t: Trace) -> None:
    """One suspend cannot be counted twice."""
    t.on(profile=PLAIN | STATES)
    t.asks(0, "CPU_SUSPEND", STANDBY, 0, 0, gives="SUCCESS")
    t.asks(0, "PSCI_STAT_COUNT", 0, STANDBY, gives=2)
    t.blames("STAT-6")


@deviates
def a_count_includes_a_refused_suspend(t: Trace) -> None:
    """A call that was refused took its core nowhere."""
    t.on(profile=PLAIN | STATES)
    t.asks(0, "CPU_SUSPEND", 0x2, 0, 0, gives="INVALID_PARAMETERS")
    t.asks(0, "PSCI_STAT_COUNT", 0, STANDBY, gives=1)
    t.blames("STAT-6")


@conforms
def a_powerdown_is_counted_as_the_standby_that_it_became(t: Trace) -> None:
    """The state that was entered counts; it may be shallower than asked for."""
    t.on(profile=PLAIN | STATES)
    t.asks(0, "CPU_SUSPEND", POWERDOWN, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "PSCI_STAT_COUNT", 0, STANDBY, gives=1)


@deviates
def a_standby_is_counted_as_a_powerdown(t: Trace) -> None:
    """No state is deeper than asked for."""
    t.on(profile=PLAIN | STATES)
    t.asks(0, "CPU_SUSPEND", STANDBY, 0, 0, gives="SUCCESS")
    t.asks(0, "PSCI_STAT_COUNT", 0, POWERDOWN, gives=1)
    t.blames("PC-2")


@deviates
def a_count_falls(t: Trace) -> None:
    """Between boots a count never falls."""
    t.on(profile=PLAIN | STATES)
    t.asks(0, "CPU_SUSPEND", STANDBY, 0, 0, gives="SUCCESS")
    t.asks(0, "PSCI_STAT_COUNT", 0, STANDBY, gives=1)
    t.asks(0, "PSCI_STAT_COUNT", 0, STANDBY, gives=0)
    t.blames("STAT-13")


@conforms
def a_residency_grows(t: Trace) -> None:
    """Microseconds add up."""
    t.on(profile=PLAIN | STATES)
    t.asks(0, "CPU_SUSPEND", STANDBY, 0, 0, gives="SUCCESS")
    t.asks(0, "PSCI_STAT_RESIDENCY", 0, STANDBY, gives=100)
    t.asks(0, "PSCI_STAT_RESIDENCY", 0, STANDBY, gives=100)


@deviates
def a_residency_falls(t: Trace) -> None:
    """64 bits of microseconds do not wrap."""
    t.on(profile=PLAIN | STATES)
    t.asks(0, "CPU_SUSPEND", STANDBY, 0, 0, gives="SUCCESS")
    t.asks(0, "PSCI_STAT_RESIDENCY", 0, STANDBY, gives=100)
    t.asks(0, "PSCI_STAT_RESIDENCY", 0, STANDBY, gives=50)
    t.blames("STAT-13")


@conforms
def a_residency_of_32_bits_wraps(t: Trace) -> None:
    """32 bits of microseconds are full after 71 minutes, and nothing tells how long the trace took."""
    t.on(profile=PLAIN | STATES)
    t.asks(0, "CPU_SUSPEND", STANDBY, 0, 0, gives="SUCCESS")
    t.asks(0, "PSCI_STAT_RESIDENCY", 0, STANDBY, gives=100, wide=False)
    t.asks(0, "PSCI_STAT_RESIDENCY", 0, STANDBY, gives=50, wide=False)


# ---- entries


@deviates
def a_core_is_entered_at_el0(t: Trace) -> None:
    """PSCI's callers run at EL1 or EL2."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, ENTRY, CONTEXT, el=0)
    t.blames("ENTRY-1")


@conforms
def a_core_is_entered_twice_at_one_exception_level(t: Trace) -> None:
    """The first Non-secure Exception level is the same at every entry."""
    _entered_at(t, 2, 2)


@deviates
def a_core_is_entered_at_el1_and_then_at_el2(t: Trace) -> None:
    """The first Non-secure Exception level of a core does not change."""
    _entered_at(t, 1, 2)
    t.blames("ENTRY-1")


@deviates
def an_aarch64_caller_starts_a_core_in_aarch32(t: Trace) -> None:
    """A core is entered in the execution state of its Exception level, and AArch64 callers have AArch64 above them."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, ENTRY, CONTEXT, el=1, isa="aarch32")
    t.blames("ENTRY-5")


@conforms
def an_aarch32_caller_starts_a_core_in_an_aarch64_hypervisor(t: Trace) -> None:
    """The caller at EL1 is AArch32, the hypervisor at EL2 is AArch64, and that is where cores are entered."""
    t.on(profile=PLAIN, cores={0: {"isa": "aarch32"}})
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS", wide=False)
    t.enters(1, ENTRY, CONTEXT, el=2, isa="aarch64")


@deviates
def a_core_is_entered_without_a_counter_frequency(t: Trace) -> None:
    """Firmware has initialised the counter frequency register."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, ENTRY, CONTEXT, el=1, regs={"cntfrq": 0})
    t.blames("ENTRY-12")


@conforms
def a_core_is_entered_with_a_counter_frequency(t: Trace) -> None:
    """Firmware has initialised the counter frequency register."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, ENTRY, CONTEXT, el=1, regs={"cntfrq": 62_500_000})


# ---- registers that a call leaves alone


@conforms
def a_call_leaves_x4_alone(t: Trace) -> None:
    """From SMCCC 1.1 on x4 to x17 keep their values."""
    _returns_x4(t, 0x1234)


@deviates
def a_call_changes_x4(t: Trace) -> None:
    """From SMCCC 1.1 on x4 to x17 keep their values."""
    _returns_x4(t, 0x4321)
    t.blames("SMC-11")


# ---- what the outside tells of the end, and of the next boot


@conforms
def hibernation_is_told_as_a_shutdown_with_its_flag(t: Trace) -> None:
    """KVM reports SYSTEM_OFF2 as a shutdown with bit 0 of its flags set."""
    t.call(0, "SYSTEM_OFF2", 1, 0)
    t.system("off", flags=SHUTDOWN_BY_OFF2)
    t.boots(0)


@deviates
def power_off_is_told_with_the_flag_of_hibernation(t: Trace) -> None:
    """SYSTEM_OFF is a shutdown without that flag."""
    t.call(0, "SYSTEM_OFF")
    t.system("off", flags=SHUTDOWN_BY_OFF2)
    t.blames("SYS-4")


@deviates
def hibernation_is_told_without_its_flag(t: Trace) -> None:
    """A source that gives flags tells hibernation from power-off."""
    t.call(0, "SYSTEM_OFF2", 1, 0)
    t.system("off", flags=0)
    t.blames("SYS-4")


@deviates
def a_warm_boot_follows_system_off(t: Trace) -> None:
    """After power-off the next start is a cold boot."""
    t.call(0, "SYSTEM_OFF")
    t.system("off")
    t.boots(0, "warm")
    t.blames("SYS-3")


@deviates
def a_warm_boot_follows_system_reset(t: Trace) -> None:
    """After a cold reset the next start is a cold boot."""
    t.call(0, "SYSTEM_RESET")
    t.system("reset")
    t.boots(0, "warm")
    t.blames("SYS-3")


@conforms
def a_warm_boot_follows_a_warm_reset(t: Trace) -> None:
    """SYSTEM_RESET2 with the architectural warm reset."""
    t.call(0, "SYSTEM_RESET2", 0, 0)
    t.system("reset")
    t.boots(0, "warm")


@by_permission("HOST.undone")
def a_host_undoes_a_hibernation(t: Trace) -> None:
    """User space runs the caller again, with an answer of its own, and its cores go on."""
    t.on(profile=PLAIN)
    t.call(0, "SYSTEM_OFF2", 1, 0)
    t.system("off", flags=SHUTDOWN_BY_OFF2)
    t.host("resume", 0)
    t.returns(0, "INTERNAL_FAILURE")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=1)


@deviates
def a_call_returns_from_a_hibernation_that_no_host_undid(t: Trace) -> None:
    """The same without the host's action."""
    t.on(profile=PLAIN)
    t.call(0, "SYSTEM_OFF2", 1, 0)
    t.system("off", flags=SHUTDOWN_BY_OFF2)
    t.returns(0, "INTERNAL_FAILURE")
    t.blames("SYS-4")
