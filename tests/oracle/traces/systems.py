"""Shipped traces of the calls that stop, reset or suspend the system, and of what follows them."""

from __future__ import annotations

from tests.oracle.traces.writing import (
    CONTEXT,
    ENTRY,
    OFF,
    ON,
    OTHER_CONTEXT,
    OTHER_ENTRY,
    PLAIN,
    Trace,
    by_permission,
    conforms,
    deviates,
    harness_error,
    unknown,
    unpredictable,
)

HIBERNATE_OFF = 1
WARM, VENDOR = 0, 0x8000_0000

# ---- SYSTEM_OFF and SYSTEM_RESET


@conforms
def system_off_stops_the_machine(t: Trace) -> None:
    """SYSTEM_OFF does not return, and the outside sees the machine go off; the next start is a cold boot."""
    t.starts(0, 1)
    t.call(1, "SYSTEM_OFF")
    t.system("off")
    t.boots()
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)


@deviates
def system_off_returns(t: Trace) -> None:
    """SYSTEM_OFF has no return value."""
    t.asks(0, "SYSTEM_OFF", gives="DENIED")
    t.blames("OFF-1")


@conforms
def system_off_on_a_core_without_the_trusted_os(t: Trace) -> None:
    """SYSTEM_OFF works from every core, resident or not."""
    t.on(profile={"trusted_os": "up_fixed"})
    t.starts(0, 1)
    t.call(1, "SYSTEM_OFF")
    t.system("off")


@deviates
def system_off_resets_the_machine(t: Trace) -> None:
    """The outside saw a reset, which nobody asked for."""
    t.call(0, "SYSTEM_OFF")
    t.system("reset")
    t.blames("SYS-2")


@deviates
def the_machine_goes_off_although_nobody_asked(t: Trace) -> None:
    """No core made a system call."""
    t.system("off")
    t.blames("SYS-2")


@conforms
def other_cores_drain_after_system_off(t: Trace) -> None:
    """While the system goes down the others may still run, and read the caller as ON or OFF."""
    t.on(cpus=3)
    t.starts(0, 1)
    t.starts(0, 2)
    t.call(0, "SYSTEM_OFF")
    t.asks(1, "AFFINITY_INFO", 0, 0, gives=ON)
    t.asks(1, "PSCI_VERSION", gives=0x1_0003)
    t.call(2, "PSCI_VERSION")
    t.system("off")


@by_permission("AFFINITY_INFO.stopping")
def the_caller_of_system_off_may_read_off_while_the_system_goes_down(t: Trace) -> None:
    """A core that was already stopped may read as OFF."""
    t.starts(0, 1)
    t.call(0, "SYSTEM_OFF")
    t.asks(1, "AFFINITY_INFO", 0, 0, gives=OFF)
    t.system("off")


@deviates
def a_core_reads_off_while_nothing_stops_it(t: Trace) -> None:
    """Only while the system goes down may an ON core read as OFF."""
    t.starts(0, 1)
    t.asks(1, "AFFINITY_INFO", 0, 0, gives=OFF)
    t.blames("AFF-2")


@deviates
def a_core_calls_after_the_machine_went_off(t: Trace) -> None:
    """The system event closes the life (SYS-4, PROP-13)."""
    t.starts(0, 1)
    t.call(0, "SYSTEM_OFF")
    t.system("off")
    t.call(1, "PSCI_VERSION")
    t.blames("SYS-4")


@deviates
def at_once_nobody_sees_the_caller_of_system_off_stopped(t: Trace) -> None:
    """Under the reading that all cores stop at once, nobody is left to read the caller as OFF."""
    t.on(reading={"system-stop": "at-once"}, profile=PLAIN)
    t.starts(0, 1)
    t.call(0, "SYSTEM_OFF")
    t.asks(1, "AFFINITY_INFO", 0, 0, gives=OFF)
    t.blames("AFF-2")


@conforms
def of_two_system_calls_either_wins(t: Trace) -> None:
    """Nothing says which of two system calls takes effect (SYS-5)."""
    t.starts(0, 1)
    t.call(0, "SYSTEM_OFF")
    t.call(1, "SYSTEM_RESET")
    t.system("reset")
    t.boots()
    t.starts(0, 1)
    t.call(0, "SYSTEM_OFF")
    t.call(1, "SYSTEM_RESET")
    t.system("off")


@conforms
def a_core_that_was_starting_runs_while_the_system_drains(t: Trace) -> None:
    """Draining, an accepted CPU_ON may still take effect."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.call(0, "SYSTEM_RESET")
    t.enters(1)
    t.system("reset")


@deviates
def a_core_is_entered_after_the_machine_went_off(t: Trace) -> None:
    """No caller code runs before the next boot."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.call(0, "SYSTEM_OFF")
    t.system("off")
    t.enters(1)
    t.blames("SYS-4")


@deviates
def a_call_returns_after_the_machine_went_off(t: Trace) -> None:
    """No caller code runs before the next boot."""
    t.starts(0, 1)
    t.call(1, "PSCI_VERSION")
    t.call(0, "SYSTEM_OFF")
    t.system("off")
    t.returns(1, 0x1_0003)
    t.blames("SYS-4")


@deviates
def system_reset_returns_and_the_reset_comes_all_the_same(t: Trace) -> None:
    """The wrong answer is blamed; the reset shows that the call had been accepted."""
    t.asks(0, "SYSTEM_RESET", gives="INTERNAL_FAILURE")
    t.blames("RESET-1")
    t.system("reset")
    t.follows()


@deviates
def a_core_stays_on_across_a_reset(t: Trace) -> None:
    """After a reset all cores but the boot core are OFF."""
    t.starts(0, 1)
    t.call(0, "SYSTEM_RESET")
    t.system("reset")
    t.boots()
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=ON)
    t.blames("AFF-3")


@deviates
def a_pending_core_starts_after_a_reset(t: Trace) -> None:
    """Nothing of the last life is left: the accepted CPU_ON is gone."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.call(0, "SYSTEM_RESET")
    t.system("reset")
    t.boots()
    t.enters(1)
    t.blames("CPU_OFF-2")


@deviates
def the_machine_boots_while_it_runs(t: Trace) -> None:
    """A boot needs a machine that is down."""
    t.asks(0, "PSCI_VERSION", gives=0x1_0003)
    t.boots()
    t.blames("SYS-3")


@conforms
def the_host_restarts_the_machine(t: Trace) -> None:
    """The host takes power away, and starts the machine again."""
    t.starts(0, 1)
    t.call(1, "PSCI_VERSION")
    t.host("restart")
    t.boots()
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)


@conforms
def the_boot_core_is_entered_where_the_loader_left_it(t: Trace) -> None:
    """The first entry of the boot core is no matter of PSCI."""
    t.enters(0, 0x8_0000, 0x4800_0000)
    t.call(0, "SYSTEM_RESET")
    t.system("reset")
    t.boots()
    t.enters(0, 0x8_0000, 0x4800_0000)


@conforms
def choices_survive_a_reboot(t: Trace) -> None:
    """What the implementation showed of itself in one life holds in the next."""
    t.asks(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT, gives="NOT_SUPPORTED")
    t.call(0, "SYSTEM_RESET")
    t.system("reset")
    t.boots()
    t.asks(0, "PSCI_FEATURES", 0xC400_000E, gives="NOT_SUPPORTED")


@deviates
def a_function_appears_after_a_reboot(t: Trace) -> None:
    """Presence is constant (FEAT-9), also across boots."""
    t.on(profile=PLAIN)
    t.asks(0, "PSCI_FEATURES", 0xC400_000E, gives="NOT_SUPPORTED")
    t.call(0, "SYSTEM_RESET")
    t.system("reset")
    t.boots()
    t.asks(0, "PSCI_FEATURES", 0xC400_000E, gives=0)
    t.blames("RET-5")


@harness_error
def the_machine_crashed(t: Trace) -> None:
    """A crash is nothing that PSCI knows; the trace says nothing about the implementation."""
    t.call(0, "PSCI_VERSION")
    t.system("crash")


# ---- SYSTEM_RESET2


@conforms
def warm_reset_resets_the_machine(t: Trace) -> None:
    """SYSTEM_RESET2 with type 0 is a warm reset; the cookie is ignored."""
    t.call(0, "SYSTEM_RESET2", WARM, 0x1234)
    t.system("reset")
    t.boots(cause="warm")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)


@deviates
def warm_reset_is_refused_for_its_cookie(t: Trace) -> None:
    """For a warm reset the cookie is ignored."""
    t.on(reading={"warm-reset": "there"})
    t.asks(0, "SYSTEM_RESET2", WARM, 0x1234, gives="INVALID_PARAMETERS")
    t.blames("RESET2-6")


@conforms
def there_is_no_warm_reset_whatever_the_cookie(t: Trace) -> None:
    """SYSTEM_RESET2 is there for vendor-specific resets alone."""
    t.asks(0, "SYSTEM_RESET2", WARM, 0, gives="INVALID_PARAMETERS")
    t.asks(0, "SYSTEM_RESET2", WARM, 0x1234, gives="INVALID_PARAMETERS")


@conforms
def a_reserved_reset_type_has_invalid_parameters(t: Trace) -> None:
    """Architectural types other than 0 are reserved."""
    t.on("1.1", profile={"functions": {"SYSTEM_RESET2": True}})
    t.asks(0, "SYSTEM_RESET2", 1, 0, gives="INVALID_PARAMETERS")


@deviates
def a_reserved_reset_type_resets(t: Trace) -> None:
    """Architectural types other than 0 are reserved, where 5.13.4 is read as an obligation to refuse them."""
    t.on("1.1", reading={"undefined-reset": "must-be-refused"})
    t.call(0, "SYSTEM_RESET2", 1, 0)
    t.system("reset")
    t.blames("SYS-2", "RESET2-5")


@conforms
def a_vendor_reset_resets_or_turns_off(t: Trace) -> None:
    """What a vendor reset does is the vendor's."""
    t.call(0, "SYSTEM_RESET2", VENDOR, 0)
    t.system("off")


@by_permission("SYSTEM_RESET2.vendor_reset_refused")
def a_vendor_reset_has_an_error_of_its_own(t: Trace) -> None:
    """A vendor reset may return a value below -256."""
    t.asks(0, "SYSTEM_RESET2", VENDOR | 1, 0, gives=(1 << 64) - 300)


@deviates
def a_vendor_reset_is_not_supported_although_the_function_is_there(t: Trace) -> None:
    """NOT_SUPPORTED is for the absent function only."""
    t.on(profile={"functions": {"SYSTEM_RESET2": True}})
    t.asks(0, "SYSTEM_RESET2", VENDOR, 0, gives="NOT_SUPPORTED")
    t.blames("RESET2-14")


@deviates
def a_vendor_reset_has_an_error_between_the_ranges(t: Trace) -> None:
    """Vendor errors that are not in Table 5 lie below -256."""
    t.on(profile={"functions": {"SYSTEM_RESET2": True}})
    t.asks(0, "SYSTEM_RESET2", VENDOR, 0, gives=(1 << 64) - 100)
    t.blames("RESET2-14")


@deviates
def system_reset2_1_0_is_there(t: Trace) -> None:
    """SYSTEM_RESET2 is new in 1.1."""
    t.on("1.0")
    t.asks(0, "SYSTEM_RESET2", 1, 0, gives="INVALID_PARAMETERS")
    t.blames("RET-4")


@deviates
def a_warm_reset_is_seen_as_a_vendor_reset(t: Trace) -> None:
    """The outside saw the type."""
    t.call(0, "SYSTEM_RESET2", WARM, 0)
    t.system("reset", reset_type=VENDOR)
    t.blames("SYS-2")


@deviates
def system_reset_is_seen_as_a_system_reset2(t: Trace) -> None:
    """The flags of the outside tell the two calls apart."""
    t.call(0, "SYSTEM_RESET")
    t.system("reset", flags=1)
    t.blames("SYS-2")


# ---- SYSTEM_OFF2, in four versions


@conforms
def hibernate_off_by_type_1(t: Trace) -> None:
    """Type 1 is HIBERNATE_OFF, and the outside sees that it is not a plain power-off."""
    t.call(0, "SYSTEM_OFF2", HIBERNATE_OFF, 0)
    t.system("hibernate")
    t.boots()


@conforms
def hibernate_off_by_its_smc32_id(t: Trace) -> None:
    """The SMC32 id does the same."""
    t.call(0, "SYSTEM_OFF2", HIBERNATE_OFF, 0, wide=False)
    t.system("hibernate")


@conforms
def hibernate_off_by_type_0_in_f_b(t: Trace) -> None:
    """F.b takes type 0 as HIBERNATE_OFF."""
    t.call(0, "SYSTEM_OFF2", 0, 0)
    t.system("hibernate")


@deviates
def f_b_refuses_type_0(t: Trace) -> None:
    """F.b takes type 0 as HIBERNATE_OFF; only F allowed to refuse it."""
    t.on(profile={"functions": {"SYSTEM_OFF2": True}})
    t.asks(0, "SYSTEM_OFF2", 0, 0, gives="INVALID_PARAMETERS")
    t.blames("OFF2-4")


@by_permission("SYSTEM_OFF2.default_type_reserved")
def f_may_refuse_type_0(t: Trace) -> None:
    """Issue F reserves type 0 and allows INVALID_PARAMETERS."""
    t.on("1.3-F")
    t.asks(0, "SYSTEM_OFF2", 0, 0, gives="INVALID_PARAMETERS")


@conforms
def f_may_take_type_0(t: Trace) -> None:
    """Issue F does not oblige to refuse type 0."""
    t.on("1.3-F")
    t.call(0, "SYSTEM_OFF2", 0, 0)
    t.system("hibernate")


@deviates
def f_refuses_type_1(t: Trace) -> None:
    """Type 1 is HIBERNATE_OFF, which is always supported."""
    t.on("1.3-F", profile={"functions": {"SYSTEM_OFF2": True}})
    t.asks(0, "SYSTEM_OFF2", 1, 0, gives="INVALID_PARAMETERS")
    t.blames("OFF2-3")


@conforms
def a_reserved_type_has_invalid_parameters(t: Trace) -> None:
    """Types other than 0 and 1 are reserved, and bit 31 must be zero."""
    t.asks(0, "SYSTEM_OFF2", 2, 0, gives="INVALID_PARAMETERS")
    t.asks(0, "SYSTEM_OFF2", 3, 0, gives="INVALID_PARAMETERS")
    t.asks(0, "SYSTEM_OFF2", 0x8000_0001, 0, gives="INVALID_PARAMETERS")


@deviates
def a_reserved_type_hibernates(t: Trace) -> None:
    """Types other than 0 and 1 are reserved."""
    t.call(0, "SYSTEM_OFF2", 2, 0)
    t.system("hibernate")
    t.blames("SYS-2", "OFF2-5")


@conforms
def a_cookie_has_invalid_parameters(t: Trace) -> None:
    """The cookie must be zero, all of it."""
    t.asks(0, "SYSTEM_OFF2", HIBERNATE_OFF, 1, gives="INVALID_PARAMETERS")
    t.asks(0, "SYSTEM_OFF2", HIBERNATE_OFF, 1 << 32, gives="INVALID_PARAMETERS")


@deviates
def a_cookie_is_not_checked(t: Trace) -> None:
    """The cookie must be zero."""
    t.call(0, "SYSTEM_OFF2", HIBERNATE_OFF, 1)
    t.system("hibernate")
    t.blames("SYS-2", "OFF2-6", "OFF2-8")


@conforms
def the_upper_half_of_a_cookie_is_not_there_in_an_smc32_call(t: Trace) -> None:
    """An SMC32 call has a 32-bit cookie."""
    t.call(0, "SYSTEM_OFF2", HIBERNATE_OFF, 1 << 32, wide=False)
    t.system("hibernate")


@deviates
def system_off2_is_denied_because_other_cores_run(t: Trace) -> None:
    """DENIED is not a permitted result (OFF2-19)."""
    t.on(profile={"functions": {"SYSTEM_OFF2": True}})
    t.starts(0, 1)
    t.asks(0, "SYSTEM_OFF2", HIBERNATE_OFF, 0, gives="DENIED")
    t.blames("OFF2-7")


@deviates
def system_off2_returns_success(t: Trace) -> None:
    """Success does not return."""
    t.asks(0, "SYSTEM_OFF2", HIBERNATE_OFF, 0, gives="SUCCESS")
    t.blames("OFF2-7")


@deviates
def system_off2_looks_like_a_plain_power_off(t: Trace) -> None:
    """The outside can tell hibernation from power-off, and saw the latter: the hint is lost (OFF2-18)."""
    t.call(0, "SYSTEM_OFF2", HIBERNATE_OFF, 0)
    t.system("off", flags=0)
    t.blames("SYS-2")


@conforms
def system_off2_seen_by_an_outside_that_cannot_tell(t: Trace) -> None:
    """A source without flags cannot tell hibernation from power-off."""
    t.call(0, "SYSTEM_OFF2", HIBERNATE_OFF, 0)
    t.system("off")


@deviates
def system_off_looks_like_hibernation(t: Trace) -> None:
    """Nobody asked for hibernation."""
    t.call(0, "SYSTEM_OFF")
    t.system("hibernate")
    t.blames("SYS-2")


@conforms
def system_off2_is_absent(t: Trace) -> None:
    """SYSTEM_OFF2 is optional; absent, it is NOT_SUPPORTED for all arguments, and PSCI_FEATURES says so."""
    t.asks(0, "PSCI_FEATURES", 0xC400_0015, gives="NOT_SUPPORTED")
    t.asks(0, "SYSTEM_OFF2", HIBERNATE_OFF, 0, gives="NOT_SUPPORTED")
    t.asks(0, "SYSTEM_OFF2", 7, 7, gives="NOT_SUPPORTED")
    t.asks(0, "SYSTEM_OFF2", HIBERNATE_OFF, 0, gives="NOT_SUPPORTED", wide=False)


@deviates
def system_off2_is_announced_and_then_absent(t: Trace) -> None:
    """What PSCI_FEATURES announces is there (FEAT-10)."""
    t.asks(0, "PSCI_FEATURES", 0xC400_0015, gives=1)
    t.asks(0, "SYSTEM_OFF2", HIBERNATE_OFF, 0, gives="NOT_SUPPORTED")
    t.blames("OFF2-7")


@deviates
def system_off2_is_absent_and_then_hibernates(t: Trace) -> None:
    """An absent function does not appear."""
    t.asks(0, "SYSTEM_OFF2", 7, 0, gives="NOT_SUPPORTED")
    t.call(0, "SYSTEM_OFF2", HIBERNATE_OFF, 0)
    t.system("hibernate")
    t.blames("SYS-2")


@deviates
def system_off2_1_2_is_there(t: Trace) -> None:
    """SYSTEM_OFF2 is new in 1.3."""
    t.on("1.2")
    t.asks(0, "SYSTEM_OFF2", 7, 0, gives="INVALID_PARAMETERS")
    t.blames("RET-4")


@deviates
def system_off2_has_a_feature_bit_that_is_not_defined(t: Trace) -> None:
    """Bits 30 to 1 of the bitmap must be zero."""
    t.asks(0, "PSCI_FEATURES", 0xC400_0015, gives=3)
    t.blames("OFF2-10")


@deviates
def system_off2_has_an_empty_bitmap(t: Trace) -> None:
    """HIBERNATE_OFF is always supported where the function is."""
    t.asks(0, "PSCI_FEATURES", 0xC400_0015, gives=0)
    t.blames("OFF2-10")


@conforms
def the_alpha_has_no_bitmap(t: Trace) -> None:
    """Before the beta the answer is any flags with bit 31 clear."""
    t.on("1.3-alpha")
    t.asks(0, "PSCI_FEATURES", 0xC400_0015, gives=0)


@conforms
def hibernate_off_is_0_in_the_alpha(t: Trace) -> None:
    """In the alpha HIBERNATE_OFF is 0."""
    t.on("1.3-alpha")
    t.call(0, "SYSTEM_OFF2", 0, 0)
    t.system("hibernate")


@conforms
def the_alpha_does_not_know_type_1(t: Trace) -> None:
    """A client of the final text on a host of the alpha is refused."""
    t.on("1.3-alpha")
    t.asks(0, "SYSTEM_OFF2", 1, 0, gives="INVALID_PARAMETERS")


@deviates
def the_alpha_hibernates_by_type_1(t: Trace) -> None:
    """In the alpha there is no type 1."""
    t.on("1.3-alpha")
    t.call(0, "SYSTEM_OFF2", 1, 0)
    t.system("hibernate")
    t.blames("SYS-2", "OFF2-5")


@deviates
def the_alpha_refuses_type_0(t: Trace) -> None:
    """Type 0 is the one type of the alpha."""
    t.on("1.3-alpha", profile={"functions": {"SYSTEM_OFF2": True}})
    t.asks(0, "SYSTEM_OFF2", 0, 0, gives="INVALID_PARAMETERS")
    t.blames("OFF2-3")


@by_permission("SYSTEM_OFF2.cookie_set_in_a_draft")
def the_alpha_may_check_the_cookie(t: Trace) -> None:
    """Whether the drafts check the cookie is not certain."""
    t.on("1.3-alpha")
    t.asks(0, "SYSTEM_OFF2", 0, 1, gives="INVALID_PARAMETERS")


@conforms
def the_alpha_may_ignore_the_cookie(t: Trace) -> None:
    """Whether the drafts check the cookie is not certain."""
    t.on("1.3-alpha")
    t.call(0, "SYSTEM_OFF2", 0, 1)
    t.system("hibernate")


@conforms
def the_beta_has_one_type_and_keeps_to_it(t: Trace) -> None:
    """It is not certain which value HIBERNATE_OFF has in the beta, but it is one."""
    t.on("1.3-beta")
    t.asks(0, "SYSTEM_OFF2", 0, 0, gives="INVALID_PARAMETERS")
    t.call(0, "SYSTEM_OFF2", 1, 0)
    t.system("hibernate")


@deviates
def the_beta_refuses_both_types(t: Trace) -> None:
    """One of the two values is HIBERNATE_OFF."""
    t.on("1.3-beta", profile={"functions": {"SYSTEM_OFF2": True}})
    t.asks(0, "SYSTEM_OFF2", 0, 0, gives="INVALID_PARAMETERS")
    t.asks(0, "SYSTEM_OFF2", 1, 0, gives="INVALID_PARAMETERS")
    t.blames("OFF2-3")


@conforms
def the_beta_read_as_the_final_text_has_type_1(t: Trace) -> None:
    """Under this reading HIBERNATE_OFF is 1 in the beta."""
    t.on("1.3-beta", reading={"beta-type": "final"}, profile={"functions": {"SYSTEM_OFF2": True}})
    t.asks(0, "SYSTEM_OFF2", 0, 0, gives="INVALID_PARAMETERS")
    t.asks(0, "SYSTEM_OFF2", 2, 0, gives="INVALID_PARAMETERS")
    t.call(0, "SYSTEM_OFF2", 1, 0)
    t.system("hibernate")


@deviates
def the_beta_read_as_the_final_text_hibernates_by_type_0(t: Trace) -> None:
    """Under this reading HIBERNATE_OFF is 1 in the beta."""
    t.on("1.3-beta", reading={"beta-type": "final"})
    t.call(0, "SYSTEM_OFF2", 0, 0)
    t.system("hibernate")
    t.blames("SYS-2")


@by_permission("SYSTEM_OFF2.cookie_set_in_a_draft")
def the_beta_may_check_the_cookie(t: Trace) -> None:
    """Both types are refused with a cookie, so the cookie was the reason."""
    t.on("1.3-beta", reading={"beta-type": "final"})
    t.asks(0, "SYSTEM_OFF2", 1, 1, gives="INVALID_PARAMETERS")


@conforms
def system_off2_from_a_core_without_the_trusted_os(t: Trace) -> None:
    """SYSTEM_OFF2 works from every core, whoever else runs."""
    t.on(profile={"trusted_os": "up_migratable"}, cpus=3)
    t.starts(0, 1)
    t.starts(0, 2)
    t.call(2, "SYSTEM_OFF2", HIBERNATE_OFF, 0)
    t.system("hibernate")


@unpredictable
def system_off2_from_the_secure_state(t: Trace) -> None:
    """A Secure caller is not entitled to it, and nothing says what it gets (OFF2-12)."""
    t.on(cores={0: {"world": "secure"}}, profile={"functions": {"SYSTEM_OFF2": True}})
    t.asks(0, "SYSTEM_OFF2", HIBERNATE_OFF, 0, gives="DENIED")


@unpredictable
def cpu_on_from_the_secure_state(t: Trace) -> None:
    """CPU_ON cannot be called from the Secure state (CPU_ON-13)."""
    t.on(cores={0: {"world": "secure"}}, profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="NOT_SUPPORTED")


@unpredictable
def affinity_info_from_the_secure_state(t: Trace) -> None:
    """PSCI is called from the Normal or Realm state (SMC-3)."""
    t.on(cores={0: {"world": "secure"}})
    t.asks(0, "AFFINITY_INFO", 0, 0, gives="NOT_SUPPORTED")


@deviates
def a_realm_caller_is_refused(t: Trace) -> None:
    """Where it is read so, the Realm state is entitled to PSCI as the Normal state is (SMC-3)."""
    t.on(cores={0: {"world": "realm"}}, profile=PLAIN, reading={"realm-callers": "entitled"})
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="NOT_SUPPORTED")
    t.blames("CPU_ON-1")


@unpredictable
def a_realm_caller_where_that_is_not_stated(t: Trace) -> None:
    """The reading under which 5.10.1 lets only the Normal world in."""
    t.on(cores={0: {"world": "realm"}}, reading={"realm-callers": "not-stated"}, profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="NOT_SUPPORTED")


# ---- SYSTEM_SUSPEND


@conforms
def system_suspend_resumes_at_its_entry(t: Trace) -> None:
    """SYSTEM_SUSPEND suspends to RAM; the caller is entered at the entry point with the context id."""
    t.call(0, "SYSTEM_SUSPEND", OTHER_ENTRY, OTHER_CONTEXT)
    t.system("suspend")
    t.wakes(0)
    t.enters(0, OTHER_ENTRY, OTHER_CONTEXT)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)


@deviates
def system_suspend_resumes_somewhere_else(t: Trace) -> None:
    """The core resumes at the entry point of its call."""
    t.call(0, "SYSTEM_SUSPEND", OTHER_ENTRY, OTHER_CONTEXT)
    t.wakes(0)
    t.enters(0, ENTRY, OTHER_CONTEXT)
    t.blames("CPU_SUSPEND-29")


@deviates
def system_suspend_resumes_on_another_core(t: Trace) -> None:
    """The core that called is the one that resumes (SYSSUSP-7)."""
    t.call(0, "SYSTEM_SUSPEND", OTHER_ENTRY, OTHER_CONTEXT)
    t.system("suspend")
    t.enters(1, OTHER_ENTRY, OTHER_CONTEXT)
    t.blames("CPU_OFF-2")


@conforms
def system_suspend_is_denied_while_another_core_is_on(t: Trace) -> None:
    """All other cores have to be OFF first."""
    t.starts(0, 1)
    t.asks(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT, gives="DENIED")


@conforms
def system_suspend_is_denied_while_another_core_is_pending(t: Trace) -> None:
    """ON_PENDING is not OFF (SYSSUSP-5)."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT, gives="DENIED")


@deviates
def system_suspend_suspends_while_another_core_is_on(t: Trace) -> None:
    """All other cores have to be OFF first (PROP-10)."""
    t.starts(0, 1)
    t.call(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT)
    t.system("suspend")
    t.blames("SYS-2", "SYSSUSP-4")


@deviates
def system_suspend_is_denied_although_all_others_are_off(t: Trace) -> None:
    """Nothing stands against it."""
    t.on(profile={"unusable": [], "functions": {"SYSTEM_SUSPEND": True}})
    t.asks(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT, gives="DENIED")
    t.blames("SYSSUSP-4")


@by_permission("SYSTEM_SUSPEND.early_return")
def system_suspend_may_return_early(t: Trace) -> None:
    """A pending wakeup may make it return SUCCESS, although the prototype says that it does not (SYSSUSP-9)."""
    t.wakes(0)
    t.asks(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT, gives="SUCCESS")


@conforms
def a_core_that_is_turning_off_decides_what_system_suspend_sees(t: Trace) -> None:
    """While another core's CPU_OFF is under way SYSTEM_SUSPEND may be denied, and later succeed."""
    t.starts(0, 1)
    t.call(1, "CPU_OFF")
    t.asks(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT, gives="DENIED")
    t.call(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT)
    t.system("suspend")


@conforms
def a_suspended_system_is_silent(t: Trace) -> None:
    """Without a wakeup nothing has to happen."""
    t.call(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT)
    t.silent(0)


@unknown
def a_suspended_system_does_not_wake(t: Trace) -> None:
    """A wakeup is pending and the core does not answer: nobody can say how long it may take."""
    t.call(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT)
    t.system("suspend")
    t.wakes(0)
    t.silent(0)
