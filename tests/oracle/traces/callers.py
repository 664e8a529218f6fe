"""Shipped traces of CPU_SUSPEND, queries, optional functions, versions, widths, time limits, and merged clocks."""

from __future__ import annotations

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
    harness_error,
    unknown,
    unpredictable,
)

STANDBY, POWERDOWN = 0x0, 0x1_0000
"""power_state values of the original format."""
ORIGINAL = {"unusable": [], "power_state_format": "original", "states": ["0x0", "0x10000"]}
AARCH32 = {0: {"isa": "aarch32"}, 1: {"isa": "aarch32"}}

# ---- CPU_SUSPEND


@conforms
def standby_returns_at_a_wakeup(t: Trace) -> None:
    """A standby state returns SUCCESS at the next instruction."""
    t.on(profile=ORIGINAL)
    t.call(0, "CPU_SUSPEND", STANDBY, 0, 0)
    t.wakes(0)
    t.returns(0, "SUCCESS")


@deviates
def standby_ends_with_an_entry(t: Trace) -> None:
    """A standby state loses nothing, and is not left through the entry point."""
    t.on(profile=ORIGINAL)
    t.call(0, "CPU_SUSPEND", STANDBY, OTHER_ENTRY, OTHER_CONTEXT)
    t.wakes(0)
    t.enters(0, OTHER_ENTRY, OTHER_CONTEXT)
    t.blames("CPU_SUSPEND-4")


@conforms
def powerdown_ends_with_an_entry(t: Trace) -> None:
    """A powerdown state is left through the entry point with the context id."""
    t.on(profile=ORIGINAL)
    t.call(0, "CPU_SUSPEND", POWERDOWN, OTHER_ENTRY, OTHER_CONTEXT)
    t.wakes(0)
    t.enters(0, OTHER_ENTRY, OTHER_CONTEXT)


@deviates
def powerdown_ends_with_an_entry_and_another_context(t: Trace) -> None:
    """context_id is preserved unchanged."""
    t.on(profile=ORIGINAL)
    t.call(0, "CPU_SUSPEND", POWERDOWN, OTHER_ENTRY, OTHER_CONTEXT)
    t.wakes(0)
    t.enters(0, OTHER_ENTRY, CONTEXT)
    t.blames("CPU_SUSPEND-29")


@by_permission("CPU_SUSPEND.downgraded")
def powerdown_may_return_early(t: Trace) -> None:
    """A pending wakeup, or a downgrade to standby, makes it return SUCCESS; which of them nobody can tell."""
    t.on(profile=ORIGINAL)
    t.wakes(0)
    t.asks(0, "CPU_SUSPEND", POWERDOWN, OTHER_ENTRY, OTHER_CONTEXT, gives="SUCCESS")


@conforms
def a_reserved_bit_of_power_state_has_invalid_parameters(t: Trace) -> None:
    """Reserved bits have to be zero."""
    t.on(profile=ORIGINAL)
    t.asks(0, "CPU_SUSPEND", 0x8000_0000, 0, 0, gives="INVALID_PARAMETERS")


@conforms
def an_undeclared_power_state_may_be_valid_or_not_but_always_the_same(t: Trace) -> None:
    """What is not declared is not held against an implementation."""
    t.on(profile={"power_state_format": "original", "unusable": []})
    t.asks(0, "CPU_SUSPEND", 0x7, 0, 0, gives="INVALID_PARAMETERS")
    t.asks(0, "CPU_SUSPEND", 0x7, 0, 0, gives="INVALID_PARAMETERS")
    t.asks(0, "CPU_SUSPEND", 0x0, 0, 0, gives="SUCCESS")


@deviates
def an_undeclared_power_state_is_invalid_and_then_valid(t: Trace) -> None:
    """The set of valid states is fixed."""
    t.on(profile={"power_state_format": "original", "unusable": []})
    t.asks(0, "CPU_SUSPEND", 0x7, 0, 0, gives="INVALID_PARAMETERS")
    t.asks(0, "CPU_SUSPEND", 0x7, 0, 0, gives="SUCCESS")
    t.blames("PSTATE-12")


@deviates
def a_power_state_of_one_format_follows_the_other(t: Trace) -> None:
    """The implementation announced the original format, in which bit 30 is reserved."""
    t.on(profile=PLAIN)
    t.asks(0, "PSCI_FEATURES", 0xC400_0001, gives=0)
    t.asks(0, "CPU_SUSPEND", 0x4000_0000, ENTRY, CONTEXT, gives="SUCCESS")
    t.blames("PSTATE-10")


@deviates
def cpu_suspend_is_denied_in_platform_coordinated_mode(t: Trace) -> None:
    """DENIED is for OS-initiated mode only (CPU_SUSPEND-13)."""
    t.on(profile=ORIGINAL)
    t.asks(0, "CPU_SUSPEND", STANDBY, 0, 0, gives="DENIED")
    t.blames("CPU_SUSPEND-1")


@conforms
def standby_ignores_the_entry_point(t: Trace) -> None:
    """For standby entry point and context id have no meaning."""
    t.on(profile=ORIGINAL | {"unusable": [["0x0", "0xfff"]]})
    t.asks(0, "CPU_SUSPEND", STANDBY, 0x10, 0, gives="SUCCESS")
    t.asks(0, "CPU_SUSPEND", POWERDOWN, 0x10, 0, gives="INVALID_ADDRESS")


@conforms
def two_cores_suspend_and_wake_in_any_order(t: Trace) -> None:
    """Suspended cores are independent."""
    t.on(profile=ORIGINAL)
    t.starts(0, 1)
    t.call(0, "CPU_SUSPEND", POWERDOWN, ENTRY, CONTEXT)
    t.call(1, "CPU_SUSPEND", POWERDOWN, OTHER_ENTRY, OTHER_CONTEXT)
    t.wakes(1)
    t.enters(1, OTHER_ENTRY, OTHER_CONTEXT)
    t.wakes(0)
    t.enters(0, ENTRY, CONTEXT)


@deviates
def two_cores_suspend_and_wake_with_each_others_context(t: Trace) -> None:
    """Each core resumes with what its own call left."""
    t.on(profile=ORIGINAL)
    t.starts(0, 1)
    t.call(0, "CPU_SUSPEND", POWERDOWN, ENTRY, CONTEXT)
    t.call(1, "CPU_SUSPEND", POWERDOWN, OTHER_ENTRY, OTHER_CONTEXT)
    t.wakes(1)
    t.enters(1, ENTRY, CONTEXT)
    t.blames("CPU_SUSPEND-29")


@conforms
def the_outside_sees_a_suspended_core(t: Trace) -> None:
    """A core in CPU_SUSPEND is ON and suspended."""
    t.on(profile=ORIGINAL)
    t.call(0, "CPU_SUSPEND", POWERDOWN, ENTRY, CONTEXT)
    t.observes(0, "suspended")
    t.observes(0, "on")


# ---- time limits


@conforms
def a_suspended_core_is_silent(t: Trace) -> None:
    """No wakeup, no answer: a wait explains the silence."""
    t.on(profile=ORIGINAL)
    t.call(0, "CPU_SUSPEND", STANDBY, 0, 0)
    t.silent(0)


@unknown
def a_suspended_core_does_not_wake(t: Trace) -> None:
    """A wakeup is pending and the call does not return: it may still come."""
    t.on(profile=ORIGINAL)
    t.call(0, "CPU_SUSPEND", STANDBY, 0, 0)
    t.wakes(0)
    t.silent(0)


@conforms
def a_wakeup_that_was_withdrawn_wakes_nobody(t: Trace) -> None:
    """The tester took the wakeup back before the core saw it."""
    t.on(profile=ORIGINAL)
    t.call(0, "CPU_SUSPEND", STANDBY, 0, 0)
    t.wakes(0)
    t.unwakes(0)
    t.silent(0)


@unknown
def a_query_does_not_return(t: Trace) -> None:
    """PSCI_VERSION always returns, but when is not said."""
    t.call(0, "PSCI_VERSION")
    t.silent(0)


@unknown
def a_core_does_not_start(t: Trace) -> None:
    """CPU_ON was accepted and its target is never entered; no rule bounds the time (SM-14)."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.silent(1)


@conforms
def a_late_answer_is_an_answer(t: Trace) -> None:
    """A time limit changes no state."""
    t.call(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT)
    t.silent(0)
    t.returns(0, "NOT_SUPPORTED")


@conforms
def a_stopped_core_is_silent_while_the_system_goes_down(t: Trace) -> None:
    """A call may be cut off by another core's SYSTEM_OFF."""
    t.starts(0, 1)
    t.call(1, "PSCI_VERSION")
    t.call(0, "SYSTEM_OFF")
    t.silent(1)
    t.silent(0)


@harness_error
def a_return_without_a_call(t: Trace) -> None:
    """The tester lost a line."""
    t.call(0, "PSCI_VERSION")
    t.returns(0, 0x1_0003)
    t.returns(0, 0x1_0003)


@harness_error
def a_call_inside_a_call(t: Trace) -> None:
    """The tester lost the return of a call that can only return."""
    t.call(0, "PSCI_VERSION")
    t.call(0, "PSCI_VERSION")


# ---- PSCI_VERSION, PSCI_FEATURES, versions


@conforms
def every_version_says_which_it_is_0_2(t: Trace) -> None:
    """0.2 is 0x00000002."""
    t.on("0.2")
    t.asks(0, "PSCI_VERSION", gives=0x2)


@conforms
def every_version_says_which_it_is_1_0(t: Trace) -> None:
    """1.0 is 0x00010000."""
    t.on("1.0")
    t.asks(0, "PSCI_VERSION", gives=0x1_0000)


@conforms
def every_version_says_which_it_is_1_1(t: Trace) -> None:
    """1.1 is 0x00010001."""
    t.on("1.1")
    t.asks(0, "PSCI_VERSION", gives=0x1_0001)


@deviates
def a_1_3_says_that_it_is_1_1(t: Trace) -> None:
    """The version judged against is 1.3."""
    t.asks(0, "PSCI_VERSION", gives=0x1_0001)
    t.blames("VERSION-5")


@conforms
def psci_features_of_mandatory_functions_is_0(t: Trace) -> None:
    """Functions without flags of their own have 0."""
    for fid in (0x8400_0000, 0x8400_0002, 0xC400_0003, 0x8400_0003, 0xC400_0004, 0x8400_0008, 0x8400_0009, 0x8400_000A):
        t.asks(0, "PSCI_FEATURES", fid, gives=0)


@deviates
def psci_features_denies_a_mandatory_function(t: Trace) -> None:
    """CPU_ON is mandatory."""
    t.asks(0, "PSCI_FEATURES", 0xC400_0003, gives="NOT_SUPPORTED")
    t.blames("FEAT-2")


@deviates
def psci_features_has_bit_31_set(t: Trace) -> None:
    """Flags are non-negative."""
    t.asks(0, "PSCI_FEATURES", 0xC400_0001, gives=0x8000_0002)
    t.blames("FEAT-3")


@conforms
def psci_features_of_an_invalid_id_is_not_supported(t: Trace) -> None:
    """Ids of no function."""
    for fid in (0, 0x8400_001F, 0xC400_0000, 0xC400_0002, 0x8600_0000, 0x8401_0000):
        t.asks(0, "PSCI_FEATURES", fid, gives="NOT_SUPPORTED")


@conforms
def an_unknown_function_id_is_not_supported(t: Trace) -> None:
    """Ids of PSCI's range that no function has."""
    t.asks(0, 0x8400_001F, 1, 2, 3, gives="NOT_SUPPORTED")
    t.asks(0, 0xC400_001F, 1, 2, 3, gives="NOT_SUPPORTED")


@deviates
def an_unknown_function_id_succeeds(t: Trace) -> None:
    """Nothing is there to succeed."""
    t.asks(0, 0x8400_001F, gives=0)
    t.blames("SMC-9")


@deviates
def an_unknown_function_id_has_invalid_parameters(t: Trace) -> None:
    """NOT_SUPPORTED is the one answer."""
    t.asks(0, 0xC400_001F, gives="INVALID_PARAMETERS")
    t.blames("RET-4")


@deviates
def psci_features_0_2_does_not_exist(t: Trace) -> None:
    """PSCI_FEATURES is new in 1.0."""
    t.on("0.2")
    t.asks(0, "PSCI_FEATURES", 0x8400_0000, gives=0)
    t.blames("RET-4")


@conforms
def an_optional_function_may_be_absent_if_it_is_absent_everywhere(t: Trace) -> None:
    """SYSTEM_SUSPEND is optional, and both ids tell the same."""
    t.asks(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT, gives="NOT_SUPPORTED")
    t.asks(0, "SYSTEM_SUSPEND", ENTRY, CONTEXT, gives="NOT_SUPPORTED", wide=False)
    t.asks(0, "PSCI_FEATURES", 0x8400_000E, gives="NOT_SUPPORTED")


@conforms
def an_optional_function_may_be_there(t: Trace) -> None:
    """MIGRATE_INFO_TYPE is optional."""
    t.asks(0, "MIGRATE_INFO_TYPE", gives=2)
    t.asks(0, "PSCI_FEATURES", 0x8400_0006, gives=0)


@deviates
def an_optional_function_is_there_and_not_there(t: Trace) -> None:
    """Present or absent, but not both."""
    t.asks(0, "MIGRATE_INFO_TYPE", gives=2)
    t.asks(0, "PSCI_FEATURES", 0x8400_0006, gives="NOT_SUPPORTED")
    t.blames("FEAT-2")


@deviates
def a_declared_function_is_absent(t: Trace) -> None:
    """The profile declares it."""
    t.on(profile={"functions": {"MIGRATE_INFO_TYPE": True}})
    t.asks(0, "MIGRATE_INFO_TYPE", gives="NOT_SUPPORTED")
    t.blames("MIG_TYPE-1")


@deviates
def migrate_info_type_changes(t: Trace) -> None:
    """The profile says that there is no Trusted OS; the answer is constant."""
    t.on(profile={"trusted_os": "mp_or_none"})
    t.asks(0, "MIGRATE_INFO_TYPE", gives=0)
    t.blames("MIG_TYPE-1")


# ---- AArch32 and widths


@conforms
def an_aarch32_caller_uses_smc32_ids(t: Trace) -> None:
    """AArch32 callers have the SMC32 ids; the core starts in T32 at an odd entry point."""
    t.on(cores=AARCH32)
    t.asks(0, "CPU_ON", 1, ENTRY | 1, CONTEXT, gives="SUCCESS", wide=False)
    t.enters(1, ENTRY, CONTEXT, isa="aarch32")


@deviates
def an_aarch32_core_starts_at_the_odd_address(t: Trace) -> None:
    """Bit 0 selects T32 and is not part of the address (CPU_ON-15)."""
    t.on(cores=AARCH32)
    t.asks(0, "CPU_ON", 1, ENTRY | 1, CONTEXT, gives="SUCCESS", wide=False)
    t.enters(1, ENTRY | 1, CONTEXT)
    t.blames("ENTRY-11")


@conforms
def an_aarch64_core_starts_at_the_odd_address(t: Trace) -> None:
    """For AArch64 bit 0 has no meaning."""
    t.asks(0, "CPU_ON", 1, ENTRY | 1, CONTEXT, gives="SUCCESS")
    t.enters(1, ENTRY | 1, CONTEXT)


@conforms
def an_aarch32_caller_of_an_smc64_id_is_not_supported(t: Trace) -> None:
    """An AArch32 caller of any SMC64 id gets 0xffffffff."""
    t.on(cores=AARCH32)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="NOT_SUPPORTED")
    t.asks(0, "AFFINITY_INFO", 0, 0, gives="NOT_SUPPORTED")
    t.asks(0, "SYSTEM_OFF2", 1, 0, gives="NOT_SUPPORTED")


@conforms
def an_aarch32_caller_of_an_smc64_id_is_not_supported_although_the_function_is_there(t: Trace) -> None:
    """The function is there for the SMC32 id."""
    t.on(cores=AARCH32, profile={"functions": {"SYSTEM_OFF2": True}})
    t.asks(0, "SYSTEM_OFF2", 1, 0, gives="NOT_SUPPORTED")
    t.call(0, "SYSTEM_OFF2", 1, 0, wide=False)
    t.system("hibernate")


@deviates
def an_aarch32_caller_of_an_smc64_id_turns_a_core_on(t: Trace) -> None:
    """The gate comes before everything else."""
    t.on(cores=AARCH32, profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.blames("RET-3")


@deviates
def an_aarch32_caller_of_an_smc64_id_learns_of_a_core(t: Trace) -> None:
    """The gate comes before everything else."""
    t.on(cores=AARCH32)
    t.asks(0, "AFFINITY_INFO", 0, 0, gives=ON)
    t.blames("RET-3")


@deviates
def an_aarch32_caller_of_an_smc64_id_hibernates(t: Trace) -> None:
    """The gate comes before everything else."""
    t.on(cores=AARCH32)
    t.call(0, "SYSTEM_OFF2", 1, 0)
    t.system("hibernate")
    t.blames("SYS-2")


@conforms
def psci_features_may_hide_smc64_ids_from_aarch32(t: Trace) -> None:
    """Whether it does is implementation defined (FEAT-7), but constant."""
    t.on(cores=AARCH32)
    t.asks(0, "PSCI_FEATURES", 0xC400_0003, gives="NOT_SUPPORTED")
    t.asks(0, "PSCI_FEATURES", 0xC400_0004, gives="NOT_SUPPORTED")
    t.asks(0, "PSCI_FEATURES", 0x8400_0003, gives=0)


@conforms
def in_0_2_by_the_errata_an_aarch64_caller_uses_smc32_ids(t: Trace) -> None:
    """0.2 is read with the errata of issue C."""
    t.on("0.2")
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS", wide=False)
    t.enters(1)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=ON, wide=False)


@conforms
def in_0_2_as_written_an_aarch64_caller_has_to_use_smc64_ids(t: Trace) -> None:
    """Issue B wants the widths to agree (SMC-8)."""
    t.on("0.2", reading={"errata": "not-applied"})
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="INVALID_PARAMETERS", wide=False)
    t.asks(0, "AFFINITY_INFO", 0, 0, gives="INVALID_PARAMETERS", wide=False)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1)
    t.asks(0, "AFFINITY_INFO", 0, 0, gives=ON)


@deviates
def in_0_2_as_written_a_width_mismatch_is_accepted(t: Trace) -> None:
    """Issue B wants the widths to agree (SMC-8)."""
    t.on("0.2", reading={"errata": "not-applied"}, profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS", wide=False)
    t.blames("SMC-8")


@deviates
def in_0_2_as_written_affinity_info_accepts_a_width_mismatch(t: Trace) -> None:
    """Issue B wants the widths to agree (SMC-8)."""
    t.on("0.2", reading={"errata": "not-applied"})
    t.asks(0, "AFFINITY_INFO", 0, 0, gives=ON, wide=False)
    t.blames("SMC-8")


@conforms
def in_0_2_by_the_errata_an_aarch32_caller_of_an_smc64_id_is_not_supported(t: Trace) -> None:
    """By the errata it is NOT_SUPPORTED, as since 1.0."""
    t.on("0.2", cores=AARCH32)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="NOT_SUPPORTED")
    t.asks(0, "AFFINITY_INFO", 0, 0, gives="NOT_SUPPORTED")


@deviates
def in_0_2_by_the_errata_an_aarch32_caller_of_an_smc64_id_has_invalid_parameters(t: Trace) -> None:
    """By the errata it is NOT_SUPPORTED."""
    t.on("0.2", cores=AARCH32, profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="INVALID_PARAMETERS")
    t.blames("RET-3")


@conforms
def upper_halves_of_32_bit_arguments_are_checked_by_one_function_and_ignored_by_another(t: Trace) -> None:
    """DEN0022 does not say whether bits 63 to 32 of a 32-bit argument of an SMC64 call are ignored (SMC-19)."""
    t.asks(0, "AFFINITY_INFO", 0, 1 << 32, gives="INVALID_PARAMETERS")
    t.asks(0, "AFFINITY_INFO", 0, 0, gives=ON)
    t.call(0, "SYSTEM_OFF2", 1 | 1 << 32, 0)
    t.system("hibernate")


@deviates
def upper_halves_are_checked_and_then_ignored_by_system_off2(t: Trace) -> None:
    """A function may do either, but always the same."""
    t.asks(0, "SYSTEM_OFF2", 1 | 1 << 32, 0, gives="INVALID_PARAMETERS")
    t.call(0, "SYSTEM_OFF2", 1 | 1 << 33, 0)
    t.system("hibernate")
    t.blames("SYS-2")


@deviates
def upper_halves_are_ignored_and_then_checked_by_affinity_info(t: Trace) -> None:
    """A function may do either, but always the same."""
    t.asks(0, "AFFINITY_INFO", 0, 1 << 32, gives=ON)
    t.asks(0, "AFFINITY_INFO", 0, 1 << 33, gives="INVALID_PARAMETERS")
    t.blames("AFF-2")


@deviates
def upper_halves_read_as_checked_are_not(t: Trace) -> None:
    """Under the reading that they are checked they have to be."""
    t.on(reading={"upper-halves": "checked"})
    t.asks(0, "AFFINITY_INFO", 0, 1 << 32, gives=ON)
    t.blames("SMC-19")


@unpredictable
def garbage_in_the_upper_half_of_an_smc32_affinity_info(t: Trace) -> None:
    """An AArch64 caller of an SMC32 id keeps to 32-bit values (SMC-5)."""
    t.asks(0, "AFFINITY_INFO", 1 << 32, 0, gives="NOT_PRESENT", wide=False)


@unpredictable
def garbage_in_the_upper_half_of_an_smc32_system_off2(t: Trace) -> None:
    """An AArch64 caller of an SMC32 id keeps to 32-bit values (SMC-5)."""
    t.on(profile={"functions": {"SYSTEM_OFF2": True}})
    t.asks(0, "SYSTEM_OFF2", 1, 1 << 32, gives="DENIED", wide=False)


@unpredictable
def a_set_upper_half_frees_the_implementation_from_refusals_too(t: Trace) -> None:
    """Where an SMC32 call has bits above 31, nothing is promised, whatever else is wrong with it."""
    t.asks(0, "CPU_ON", 1 << 32 | 5, ENTRY, CONTEXT, gives="NOT_PRESENT", wide=False)


@deviates
def a_set_upper_half_does_not_excuse_a_missing_function(t: Trace) -> None:
    """The function is absent for everybody."""
    t.on(profile={"functions": {"SYSTEM_OFF2": False}})
    t.asks(0, "SYSTEM_OFF2", 1, 1 << 32, gives="DENIED", wide=False)
    t.blames("RET-4")


# ---- 0.1


@conforms
def in_0_1_the_device_tree_names_the_ids(t: Trace) -> None:
    """0.1 has no fixed ids, and no context id."""
    t.on("0.1", ids={"cpu_on": 0x95C1_BA60, "cpu_off": 0x95C1_BA5F}, cores=AARCH32)
    t.asks(0, 0x95C1_BA60, 1, ENTRY, gives=0)
    t.enters(1, ENTRY, 0xDEAD)
    t.asks(0, 0x8400_0000, gives="NOT_SUPPORTED")


@conforms
def in_0_1_a_core_that_is_on_has_invalid_parameters_or_is_denied(t: Trace) -> None:
    """0.1 has no code of its own for a target that is not OFF."""
    t.on("0.1", ids={"cpu_on": 0x95C1_BA60}, cores=AARCH32, profile=PLAIN)
    t.asks(0, 0x95C1_BA60, 1, ENTRY, gives=0)
    t.enters(1, ENTRY, 0)
    t.asks(0, 0x95C1_BA60, 1, ENTRY, gives=0xFFFF_FFFE)
    t.asks(0, 0x95C1_BA60, 1, ENTRY, gives=0xFFFF_FFFD)


@deviates
def in_0_1_a_core_that_is_on_is_already_on(t: Trace) -> None:
    """ALREADY_ON is new in 0.2."""
    t.on("0.1", ids={"cpu_on": 0x95C1_BA60}, cores=AARCH32, profile=PLAIN)
    t.asks(0, 0x95C1_BA60, 1, ENTRY, gives=0)
    t.enters(1, ENTRY, 0)
    t.asks(0, 0x95C1_BA60, 1, ENTRY, gives=0xFFFF_FFFC)
    t.blames("REV-1")


@by_permission("CPU_ON.denied_in_0_1")
def in_0_1_cpu_on_may_be_denied(t: Trace) -> None:
    """0.1 lists DENIED without saying when."""
    t.on("0.1", ids={"cpu_on": 0x95C1_BA60}, cores=AARCH32, profile=PLAIN)
    t.asks(0, 0x95C1_BA60, 1, ENTRY, gives=0xFFFF_FFFD)


@conforms
def in_0_1_an_unusable_entry_has_invalid_parameters(t: Trace) -> None:
    """INVALID_ADDRESS is new in 1.0."""
    t.on("0.1", ids={"cpu_on": 0x95C1_BA60}, cores=AARCH32, profile={"unusable": [["0x0", "0xfff"]]})
    t.asks(0, 0x95C1_BA60, 1, 0x10, gives=0xFFFF_FFFE)


@conforms
def in_0_1_a_function_of_0_2_is_not_there(t: Trace) -> None:
    """A device tree may name what it likes: 0.1 has no AFFINITY_INFO."""
    t.on("0.1", ids={"cpu_on": 0x95C1_BA60, "affinity_info": 0x95C1_BA62}, cores=AARCH32)
    t.asks(0, 0x95C1_BA62, 0, 0, gives=0xFFFF_FFFF)


# ---- consequences, frozen cores, power domains, the host


@deviates
def a_wrong_success_is_blamed_once(t: Trace) -> None:
    """After a deviation the checker goes on with what the answer claims: what follows from it is not blamed again."""
    t.on(profile=PLAIN)
    t.starts(0, 1)
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, OTHER_CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-6")
    t.enters(1, OTHER_ENTRY, OTHER_CONTEXT)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=ON)


@deviates
def a_wrong_refusal_whose_effect_shows_is_consequential(t: Trace) -> None:
    """CPU_OFF said DENIED, and the core was off all the same: one deviation, and its consequence."""
    t.on(profile={"trusted_os": "mp_or_none"})
    t.starts(0, 1)
    t.asks(1, "CPU_OFF", gives="DENIED")
    t.blames("CPU_OFF-1")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.follows()


@deviates
def two_independent_deviations_are_both_blamed(t: Trace) -> None:
    """The checker carries on after a deviation."""
    t.asks(0, "PSCI_VERSION", gives=0x1_0001)
    t.blames("VERSION-5")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.asks(0, "AFFINITY_INFO", 0, 0, gives=OFF)
    t.blames("AFF-2")


@conforms
def cpu_on_resumes_a_frozen_core(t: Trace) -> None:
    """A frozen core stays ON, ignores wakeups, and only a CPU_ON brings it back."""
    t.starts(0, 1)
    t.call(1, "CPU_FREEZE")
    t.wakes(1)
    t.silent(1)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=ON)
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, OTHER_CONTEXT, gives="SUCCESS")
    t.enters(1, OTHER_ENTRY, OTHER_CONTEXT)


@conforms
def cpu_on_of_a_frozen_core_is_already_on_if_read_so(t: Trace) -> None:
    """The other reading: 5.6.2 says ALREADY_ON for every core that is ON."""
    t.on(reading={"frozen-core": "already-on"}, profile=PLAIN)
    t.starts(0, 1)
    t.call(1, "CPU_FREEZE")
    t.observes(1, "on")
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, OTHER_CONTEXT, gives="ALREADY_ON")


@deviates
def cpu_on_of_a_frozen_core_succeeds_where_it_is_read_as_on(t: Trace) -> None:
    """The other reading: 5.6.2 says ALREADY_ON for every core that is ON."""
    t.on(reading={"frozen-core": "already-on"}, profile=PLAIN)
    t.starts(0, 1)
    t.call(1, "CPU_FREEZE")
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, OTHER_CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-6")


@conforms
def the_host_stops_and_starts_a_core(t: Trace) -> None:
    """What the host does by itself is not a deviation."""
    t.starts(0, 1)
    t.host("stop_cpu", 1)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.host("start_cpu", 1)
    t.enters(1, 0x1234, 0)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=ON)


@conforms
def a_trace_may_begin_with_a_running_machine(t: Trace) -> None:
    """`initial` says how the machine is found."""
    t.on(initial={"power": {"0x1": "on"}, "activity": {"0x1": "running"}})
    t.asks(1, "AFFINITY_INFO", 0, 0, gives=ON)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="ALREADY_ON")


@deviates
def the_system_node_is_down_while_a_core_runs(t: Trace) -> None:
    """A parent is never in a deeper state than a child (PD-3)."""
    t.on(cpus=(0x0, 0x1, 0x100, 0x101), topology={"clusters": [2, 2]})
    t.looks_at("cluster0", "run")
    t.looks_at("system", "powerdown")
    t.blames("PD-3")


# ---- merged clocks


@conforms
def overlapping_intervals_are_unordered(t: Trace) -> None:
    """A return that explains an entry only if it came later: the two clocks do not say which was first."""
    t.on(cpus=3)
    t.starts(0, 1)
    t.call(0, "CPU_ON", 2, ENTRY, CONTEXT)
    t.between(10, 11)
    t.returns(0, "SUCCESS")
    t.between(12, 20)
    t.call(1, "AFFINITY_INFO", 2, 0)
    t.between(13, 18)
    t.returns(1, OFF)
    t.between(15, 19)


@deviates
def intervals_that_do_not_overlap_are_ordered(t: Trace) -> None:
    """The same, with the query after the return."""
    t.on(cpus=3)
    t.starts(0, 1)
    t.call(0, "CPU_ON", 2, ENTRY, CONTEXT)
    t.between(10, 11)
    t.returns(0, "SUCCESS")
    t.between(12, 13)
    t.call(1, "AFFINITY_INFO", 2, 0)
    t.between(14, 18)
    t.returns(1, OFF)
    t.between(15, 19)
    t.blames("AFF-4")


@conforms
def lines_with_intervals_may_stand_in_any_order(t: Trace) -> None:
    """The entry stands before the call that causes it; its interval says that it came later."""
    t.enters(1)
    t.between(30, 31)
    t.call(0, "CPU_ON", 1, ENTRY, CONTEXT)
    t.between(10, 11)
    t.returns(0, "SUCCESS")
    t.between(12, 40)


@deviates
def no_order_of_the_intervals_explains_the_answers(t: Trace) -> None:
    """Whatever the order, a core that never ran is not ON."""
    t.on(cpus=3)
    t.starts(0, 1)
    t.call(1, "AFFINITY_INFO", 2, 0)
    t.between(10, 20)
    t.call(0, "AFFINITY_INFO", 2, 0)
    t.between(10, 20)
    t.returns(1, OFF)
    t.between(15, 25)
    t.returns(0, PENDING)
    t.between(15, 25)
    t.blames("AFF-3")


@conforms
def an_observation_of_another_clock_may_come_before_or_after(t: Trace) -> None:
    """The host looked while the core was turning itself off."""
    t.starts(0, 1)
    t.observes(1, "on")
    t.between(5, 50)
    t.call(1, "CPU_OFF")
    t.between(10, 10)
    t.call(0, "AFFINITY_INFO", 1, 0)
    t.between(20, 20)
    t.returns(0, OFF)
    t.between(21, 21)
