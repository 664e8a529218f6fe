"""Shipped traces of CPU_ON, CPU_OFF and AFFINITY_INFO."""

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
    unpredictable,
)

# ---- CPU_ON


@conforms
def cpu_on_starts_a_core_at_its_entry_with_its_context(t: Trace) -> None:
    """CPU_ON succeeds; the target is entered at the entry point with the context id, and then reads as ON."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, ENTRY, CONTEXT, el=1)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=ON)


@conforms
def cpu_on_by_its_smc32_id(t: Trace) -> None:
    """The SMC32 id takes 32-bit values, and its result is 32 bits wide."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS", wide=False)
    t.enters(1)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="ALREADY_ON", wide=False)


@conforms
def cpu_on_target_is_entered_before_the_call_returns(t: Trace) -> None:
    """CPU_ON is decided before it returns, so its target may run first."""
    t.call(0, "CPU_ON", 1, ENTRY, CONTEXT)
    t.enters(1)
    t.returns(0, "SUCCESS")


@deviates
def cpu_on_answers_denied_although_its_target_was_entered(t: Trace) -> None:
    """The target ran, so CPU_ON was accepted, and cannot be refused afterwards."""
    t.call(0, "CPU_ON", 1, ENTRY, CONTEXT)
    t.enters(1)
    t.returns(0, "DENIED")
    t.blames("CPU_ON-2")


@conforms
def cpu_on_of_a_running_core_is_already_on(t: Trace) -> None:
    """ALREADY_ON for a core that runs."""
    t.starts(0, 1)
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, OTHER_CONTEXT, gives="ALREADY_ON")


@conforms
def cpu_on_of_the_caller_is_already_on(t: Trace) -> None:
    """ALREADY_ON for the caller itself."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 0, ENTRY, CONTEXT, gives="ALREADY_ON")


@deviates
def cpu_on_of_the_caller_succeeds(t: Trace) -> None:
    """The caller is ON."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 0, ENTRY, CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-6")


@conforms
def cpu_on_of_a_suspended_core_is_already_on(t: Trace) -> None:
    """A suspended core counts as ON."""
    t.on(profile={"unusable": [], "power_state_format": "original", "states": ["0x0"]})
    t.starts(0, 1)
    t.call(1, "CPU_SUSPEND", 0, 0, 0)
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, OTHER_CONTEXT, gives="ALREADY_ON")


@deviates
def cpu_on_of_a_running_core_succeeds(t: Trace) -> None:
    """SUCCESS for a core that runs; the second entry then follows from the wrong answer."""
    t.on(profile=PLAIN)
    t.starts(0, 1)
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, OTHER_CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-6", "SM-7")


@conforms
def cpu_on_twice_before_the_target_runs_is_on_pending(t: Trace) -> None:
    """ON_PENDING while the target has not started."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, OTHER_CONTEXT, gives="ON_PENDING")
    t.enters(1, ENTRY, CONTEXT)


@conforms
def cpu_on_twice_before_the_target_is_seen_is_already_on(t: Trace) -> None:
    """The target may have become ON, although it was not entered yet."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, OTHER_CONTEXT, gives="ALREADY_ON")
    t.enters(1, ENTRY, CONTEXT)


@deviates
def cpu_on_is_accepted_twice(t: Trace) -> None:
    """At most one CPU_ON succeeds in one OFF period (PROP-3)."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, OTHER_CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-7")


@deviates
def cpu_on_of_a_running_core_is_on_pending(t: Trace) -> None:
    """The core runs, so it is ON, and not on its way."""
    t.on(profile=PLAIN)
    t.starts(0, 1)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="ON_PENDING")
    t.blames("CPU_ON-6")


@deviates
def cpu_on_of_an_off_core_is_on_pending(t: Trace) -> None:
    """Nobody turned the core on."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="ON_PENDING")
    t.blames("CPU_ON-1")


@deviates
def cpu_on_of_an_off_core_is_already_on(t: Trace) -> None:
    """The core never ran."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="ALREADY_ON")
    t.blames("CPU_ON-1", "CPU_ON-6")


@conforms
def cpu_on_of_no_core_has_invalid_parameters(t: Trace) -> None:
    """No core has this MPIDR."""
    t.asks(0, "CPU_ON", 2, ENTRY, CONTEXT, gives="INVALID_PARAMETERS")


@conforms
def cpu_on_with_a_reserved_bit_of_the_mpidr_has_invalid_parameters(t: Trace) -> None:
    """Bits 31 to 24 of target_cpu must be zero."""
    t.asks(0, "CPU_ON", 0x8000_0001, ENTRY, CONTEXT, gives="INVALID_PARAMETERS")


@deviates
def cpu_on_ignores_a_reserved_bit_of_the_mpidr(t: Trace) -> None:
    """A target with a reserved bit set is not a valid MPIDR."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 0x8000_0001, ENTRY, CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-4")


@deviates
def cpu_on_of_no_core_succeeds(t: Trace) -> None:
    """No core has this MPIDR."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 2, ENTRY, CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-4")


@conforms
def cpu_on_finds_cores_by_all_affinity_fields(t: Trace) -> None:
    """The MPIDR has four affinity fields; Aff3 stands in bits 39 to 32."""
    t.on(cpus=(0x0, 0x1_0002_0300))
    t.asks(0, "CPU_ON", 0x2_0300, ENTRY, CONTEXT, gives="INVALID_PARAMETERS")
    t.asks(0, "CPU_ON", 0x1_0002_0300, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(0x1_0002_0300)


@conforms
def cpu_on_by_its_smc32_id_cannot_name_aff3(t: Trace) -> None:
    """An SMC32 call has 32-bit arguments, so the upper half of target_cpu is not there (SMC-7)."""
    t.on(cpus=(0x0, 0x1_0000_0000))
    t.asks(0, "CPU_ON", 0x1_0000_0000, ENTRY, CONTEXT, gives="ALREADY_ON", wide=False)


@conforms
def cpu_on_to_a_declared_unusable_entry_is_an_invalid_address(t: Trace) -> None:
    """The profile declares the range, so the implementation knows it."""
    t.on(profile={"unusable": [["0x0", "0xfff"]]})
    t.asks(0, "CPU_ON", 1, 0x800, CONTEXT, gives="INVALID_ADDRESS")
    t.asks(0, "CPU_ON", 1, 0x1000, CONTEXT, gives="SUCCESS")


@deviates
def cpu_on_to_a_declared_unusable_entry_succeeds(t: Trace) -> None:
    """The implementation knows that the entry point is not available, and must say so."""
    t.on(profile={"unusable": [["0x0", "0xfff"]]})
    t.asks(0, "CPU_ON", 1, 0x800, CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-5")


@deviates
def cpu_on_to_a_declared_usable_entry_is_an_invalid_address(t: Trace) -> None:
    """The profile declares that no address is unusable."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="INVALID_ADDRESS")
    t.blames("CPU_ON-5")


@conforms
def an_undeclared_address_may_be_unusable_but_stays_so(t: Trace) -> None:
    """What is not declared is not held against an implementation."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="INVALID_ADDRESS")
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="INVALID_ADDRESS")
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, CONTEXT, gives="SUCCESS")


@deviates
def an_address_is_unusable_and_then_usable(t: Trace) -> None:
    """What is not declared must be consistent."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="INVALID_ADDRESS")
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-5")


@conforms
def cpu_on_0_2_has_invalid_parameters_for_an_unusable_entry(t: Trace) -> None:
    """INVALID_ADDRESS is new in 1.0; before, the code was INVALID_PARAMETERS."""
    t.on("0.2", profile={"unusable": [["0x0", "0xfff"]]})
    t.asks(0, "CPU_ON", 1, 0x800, CONTEXT, gives="INVALID_PARAMETERS")


@deviates
def cpu_on_0_2_starts_a_core_at_an_unusable_entry(t: Trace) -> None:
    """Also 0.2 obliges to refuse an entry point that is known to be unavailable."""
    t.on("0.2", profile={"unusable": [["0x0", "0xfff"]]})
    t.asks(0, "CPU_ON", 1, 0x800, CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-5", "REV-3")


@deviates
def cpu_on_0_2_answers_with_a_code_of_1_0(t: Trace) -> None:
    """A code newer than the version never appears (PROP-11)."""
    t.on("0.2", profile={"unusable": [["0x0", "0xfff"]]})
    t.asks(0, "CPU_ON", 1, 0x800, CONTEXT, gives="INVALID_ADDRESS")
    t.blames("REV-3")


@conforms
def both_errors_of_cpu_on_are_allowed_where_both_apply(t: Trace) -> None:
    """DEN0022 states no order of refusals (RET-11)."""
    t.on(profile={"unusable": [["0x0", "0xfff"]]})
    t.starts(0, 1)
    t.asks(0, "CPU_ON", 1, 0x800, CONTEXT, gives="INVALID_ADDRESS")
    t.asks(0, "CPU_ON", 1, 0x800, CONTEXT, gives="ALREADY_ON")


@conforms
def cpu_on_is_denied_by_policy_since_1_2(t: Trace) -> None:
    """Firmware policy may keep a core from the operating system, always."""
    t.on("1.2")
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="DENIED")
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="DENIED")


@deviates
def cpu_on_is_denied_and_then_succeeds_under_a_declared_policy(t: Trace) -> None:
    """A profile declares that the policy never changes, and that it denies the core."""
    t.on("1.2", profile=PLAIN | {"policy_denies": ["0x1"]})
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="DENIED")
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-9")


@conforms
def cpu_on_is_denied_by_declared_policy(t: Trace) -> None:
    """The profile names the cores that policy denies."""
    t.on(cpus=3, profile={"unusable": [], "policy_denies": ["0x1"]})
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="DENIED")
    t.starts(0, 2)


@deviates
def cpu_on_of_a_core_that_declared_policy_denies_succeeds(t: Trace) -> None:
    """A core that policy keeps from the operating system is not turned on."""
    t.on(profile={"unusable": [], "policy_denies": ["0x1"]})
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.blames("CPU_ON-9")


@deviates
def cpu_on_is_denied_where_no_policy_is_declared(t: Trace) -> None:
    """The profile declares that policy denies no core."""
    t.on(profile={"unusable": [], "policy_denies": []})
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="DENIED")
    t.blames("CPU_ON-9")


@deviates
def cpu_on_1_1_is_denied(t: Trace) -> None:
    """DENIED is new in 1.2 (and was in 0.1)."""
    t.on("1.1", profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="DENIED")
    t.blames("CPU_ON-1")


@by_permission("CPU_ON.cannot_be_powered")
def cpu_on_fails_for_physical_reasons(t: Trace) -> None:
    """INTERNAL_FAILURE is permitted, leaves the core OFF, and is counted."""
    t.on(profile={"disabled": []})
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="INTERNAL_FAILURE")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")


@deviates
def cpu_on_of_a_running_core_fails_for_physical_reasons(t: Trace) -> None:
    """A core that runs does not need power."""
    t.on(profile=PLAIN)
    t.starts(0, 1)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="INTERNAL_FAILURE")
    t.blames("CPU_ON-6")


@deviates
def cpu_on_is_not_supported(t: Trace) -> None:
    """CPU_ON is mandatory (CPU_ON-19)."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="NOT_SUPPORTED")
    t.blames("CPU_ON-1")


@deviates
def cpu_on_answers_with_a_code_that_does_not_exist(t: Trace) -> None:
    """No error outside Table 5 (RET-1)."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives=(1 << 64) - 17)
    t.blames("CPU_ON-1")


@deviates
def an_smc64_error_is_not_sign_extended(t: Trace) -> None:
    """The result of an SMC64 call is 64 bits wide (RET-2): 0xfffffffe is no INVALID_PARAMETERS there."""
    t.asks(0, "CPU_ON", 2, ENTRY, CONTEXT, gives=0xFFFF_FFFE)
    t.blames("CPU_ON-4")


@conforms
def an_smc32_error_may_be_sign_extended(t: Trace) -> None:
    """Only the low half of x0 is the result of an SMC32 call."""
    t.asks(0, "CPU_ON", 2, ENTRY, CONTEXT, gives=(1 << 64) - 2, wide=False)


@conforms
def smc32_arguments_are_narrowed(t: Trace) -> None:
    """Where the upper halves of an SMC32 call are ignored, the core starts with 32-bit values."""
    t.call(0, "CPU_ON", 0xDEAD_0000_0001, 0xDEAD_4000_0000, 0xDEAD_0000_002A, wide=False)
    t.returns(0, "SUCCESS")
    t.enters(1, ENTRY, CONTEXT)


@unpredictable
def garbage_in_the_upper_half_of_an_smc32_argument_frees_the_implementation(t: Trace) -> None:
    """An AArch64 caller has to keep to 32-bit values (SMC-5); otherwise nothing is promised."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 0xDEAD_0000_0001, ENTRY, CONTEXT, gives="NOT_PRESENT", wide=False)


@conforms
def two_cores_turn_on_the_same_target_and_one_wins(t: Trace) -> None:
    """Of overlapping CPU_ON calls for an OFF core, one succeeds (CPU_ON-16)."""
    t.on(cpus=3)
    t.starts(0, 1)
    t.call(0, "CPU_ON", 2, ENTRY, CONTEXT)
    t.call(1, "CPU_ON", 2, OTHER_ENTRY, OTHER_CONTEXT)
    t.returns(0, "ON_PENDING")
    t.returns(1, "SUCCESS")
    t.enters(2, OTHER_ENTRY, OTHER_CONTEXT)


@deviates
def two_cores_turn_on_the_same_target_and_both_win(t: Trace) -> None:
    """The second SUCCESS has no explanation in any order."""
    t.on(cpus=3, profile=PLAIN)
    t.starts(0, 1)
    t.call(0, "CPU_ON", 2, ENTRY, CONTEXT)
    t.call(1, "CPU_ON", 2, OTHER_ENTRY, OTHER_CONTEXT)
    t.returns(0, "SUCCESS")
    t.returns(1, "SUCCESS")
    t.blames("CPU_ON-7")


@deviates
def the_winner_of_a_race_starts_the_core_with_the_losers_context(t: Trace) -> None:
    """Entry and context are those of the call that returned SUCCESS (CPU_ON-17, PROP-4)."""
    t.on(cpus=3)
    t.starts(0, 1)
    t.call(0, "CPU_ON", 2, ENTRY, CONTEXT)
    t.call(1, "CPU_ON", 2, OTHER_ENTRY, OTHER_CONTEXT)
    t.returns(0, "ON_PENDING")
    t.returns(1, "SUCCESS")
    t.enters(2, OTHER_ENTRY, CONTEXT)
    t.blames("CPU_ON-17")


@deviates
def both_calls_of_a_race_lose(t: Trace) -> None:
    """ON_PENDING says that somebody's call was accepted."""
    t.on(cpus=3, profile=PLAIN)
    t.starts(0, 1)
    t.call(0, "CPU_ON", 2, ENTRY, CONTEXT)
    t.call(1, "CPU_ON", 2, OTHER_ENTRY, OTHER_CONTEXT)
    t.returns(0, "ON_PENDING")
    t.returns(1, "ON_PENDING")
    t.blames("CPU_ON-1")


# ---- entries


@deviates
def a_core_is_entered_at_another_address(t: Trace) -> None:
    """The core starts at the entry point of its CPU_ON."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, OTHER_ENTRY, CONTEXT)
    t.blames("CPU_ON-17")


@deviates
def a_core_is_entered_with_another_context(t: Trace) -> None:
    """The core starts with the context id of its CPU_ON in x0."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, ENTRY, OTHER_CONTEXT)
    t.blames("CPU_ON-22")


@deviates
def a_64_bit_context_is_truncated(t: Trace) -> None:
    """After the SMC64 id the context id is a 64-bit value."""
    t.asks(0, "CPU_ON", 1, ENTRY, 0x1234_5678_9ABC_DEF0, gives="SUCCESS")
    t.enters(1, ENTRY, 0x9ABC_DEF0)
    t.blames("CPU_ON-22")


@conforms
def a_64_bit_context_arrives_whole(t: Trace) -> None:
    """After the SMC64 id the context id is a 64-bit value."""
    t.asks(0, "CPU_ON", 1, ENTRY, 0x1234_5678_9ABC_DEF0, gives="SUCCESS")
    t.enters(1, ENTRY, 0x1234_5678_9ABC_DEF0)


@conforms
def only_w0_holds_the_context_of_an_smc32_call(t: Trace) -> None:
    """After the SMC32 id the upper half of x0 is not promised."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS", wide=False)
    t.enters(1, ENTRY, 0xFFFF_FFFF_0000_002A)


@deviates
def a_core_is_entered_that_nobody_turned_on(t: Trace) -> None:
    """A core comes back only by CPU_ON."""
    t.enters(1)
    t.blames("CPU_OFF-2")


@deviates
def a_core_is_entered_twice(t: Trace) -> None:
    """One CPU_ON, one entry."""
    t.starts(0, 1)
    t.enters(1)
    t.blames("SM-8")


@deviates
def a_core_is_entered_after_its_cpu_on_was_refused(t: Trace) -> None:
    """A call that returns an error changes nothing (PROP-1)."""
    t.on(profile=PLAIN)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="INTERNAL_FAILURE")
    t.enters(1)
    t.blames("CPU_OFF-2")


@deviates
def a_core_is_entered_with_its_mmu_on(t: Trace) -> None:
    """Stage 1 MMU and caches are off at entry."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, ENTRY, CONTEXT, regs={"sctlr": 0x30D0_0801})
    t.blames("ENTRY-9")


@deviates
def a_core_is_entered_with_interrupts_unmasked(t: Trace) -> None:
    """D, A, I and F are masked at entry."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, ENTRY, CONTEXT, regs={"sctlr": 0x30D0_0800, "daif": 0x340})
    t.blames("ENTRY-7")


@deviates
def a_core_is_entered_at_another_exception_level(t: Trace) -> None:
    """The level does not depend on who called: it is the highest that there is."""
    t.on(cores={0: {"el": 2}, 1: {"el": 2}})
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, ENTRY, CONTEXT, el=1)
    t.blames("ENTRY-1")


@conforms
def a_core_is_entered_as_6_4_says(t: Trace) -> None:
    """MMU and caches off, interrupts masked, the stack pointer of its own level, the highest level there is."""
    t.on(cores={0: {"isa": "aarch64", "el": 2}, 1: {"isa": "aarch64", "el": 2}})
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1, ENTRY, CONTEXT, el=2, isa="aarch64", regs={"sctlr": 0x30C5_0830, "daif": 0x3C0, "spsel": 1})


# ---- CPU_OFF and AFFINITY_INFO


@conforms
def cpu_off_does_not_return_and_the_core_reads_off(t: Trace) -> None:
    """After CPU_OFF was processed the core is OFF."""
    t.starts(0, 1)
    t.call(1, "CPU_OFF")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.silent(1)


@conforms
def a_core_that_called_cpu_off_may_still_read_on(t: Trace) -> None:
    """CPU_OFF is visible only when it is processed (race window 1 of 6.6)."""
    t.starts(0, 1)
    t.call(1, "CPU_OFF")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=ON)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)


@deviates
def a_core_reads_off_and_then_on_again(t: Trace) -> None:
    """OFF was observed and nobody called CPU_ON, so it stays OFF (AFF-12)."""
    t.starts(0, 1)
    t.call(1, "CPU_OFF")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=ON)
    t.blames("AFF-3")


@conforms
def cpu_on_in_the_race_window_of_cpu_off_is_already_on_and_then_succeeds(t: Trace) -> None:
    """The loop of 6.6: the OS retries until CPU_OFF was processed (PROP-16)."""
    t.starts(0, 1)
    t.call(1, "CPU_OFF")
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="ALREADY_ON")
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.enters(1)


@deviates
def cpu_on_is_already_on_after_off_was_observed(t: Trace) -> None:
    """AFFINITY_INFO and CPU_ON look at the same state (AFF-13)."""
    t.on(profile=PLAIN)
    t.starts(0, 1)
    t.call(1, "CPU_OFF")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="ALREADY_ON")
    t.blames("AFF-13")


@conforms
def the_target_ran_and_turned_itself_off_before_cpu_on_returned(t: Trace) -> None:
    """A slow CPU_ON: its target is entered and calls CPU_OFF, and a third core reads OFF, before the call returns."""
    t.on(cpus=3)
    t.starts(0, 2)
    t.call(0, "CPU_ON", 1, ENTRY, CONTEXT)
    t.enters(1)
    t.call(1, "CPU_OFF")
    t.asks(2, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.returns(0, "SUCCESS")


@deviates
def the_target_ran_and_is_off_but_cpu_on_says_already_on(t: Trace) -> None:
    """The target can only have run by this call, which therefore succeeded."""
    t.on(cpus=3)
    t.starts(0, 2)
    t.call(0, "CPU_ON", 1, ENTRY, CONTEXT)
    t.enters(1)
    t.call(1, "CPU_OFF")
    t.asks(2, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.returns(0, "ALREADY_ON")
    t.blames("CPU_ON-2")


@deviates
def cpu_off_returns_denied_without_a_trusted_os(t: Trace) -> None:
    """DENIED is only for the core of a uniprocessor Trusted OS."""
    t.on(profile={"trusted_os": "mp_or_none"})
    t.starts(0, 1)
    t.asks(1, "CPU_OFF", gives="DENIED")
    t.blames("CPU_OFF-1")


@conforms
def cpu_off_is_denied_on_the_core_of_a_trusted_os(t: Trace) -> None:
    """A uniprocessor Trusted OS keeps its core on; other cores can be turned off."""
    t.on(profile={"trusted_os": "up_fixed"})
    t.asks(0, "CPU_OFF", gives="DENIED")
    t.starts(0, 1)
    t.call(1, "CPU_OFF")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)


@deviates
def cpu_off_on_the_core_of_a_trusted_os_is_carried_out(t: Trace) -> None:
    """The core of a uniprocessor Trusted OS stays on (PROP-9)."""
    t.on(profile={"trusted_os": "up_migratable", "trusted_os_home": "0x0"})
    t.starts(0, 1)
    t.call(0, "CPU_OFF")
    t.asks(1, "AFFINITY_INFO", 0, 0, gives=OFF)
    t.blames("AFF-2")


@deviates
def a_core_calls_after_cpu_off(t: Trace) -> None:
    """Every call is made by a core that is ON and runs (SM-16)."""
    t.starts(0, 1)
    t.call(1, "CPU_OFF")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.call(1, "PSCI_VERSION")
    t.blames("SM-16")


@deviates
def a_core_calls_that_was_never_started(t: Trace) -> None:
    """Every call is made by a core that is ON and runs (SM-16)."""
    t.call(1, "PSCI_VERSION")
    t.blames("SM-16")


@conforms
def affinity_info_of_a_core_that_never_ran_is_off(t: Trace) -> None:
    """OFF: not booted yet."""
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.asks(0, "AFFINITY_INFO", 0, 0, gives=ON)


@deviates
def affinity_info_of_a_core_that_never_ran_is_on(t: Trace) -> None:
    """The core was not enabled."""
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=ON)
    t.blames("AFF-3")


@deviates
def affinity_info_of_the_caller_is_off(t: Trace) -> None:
    """The caller runs."""
    t.asks(0, "AFFINITY_INFO", 0, 0, gives=OFF)
    t.blames("AFF-2")


@conforms
def affinity_info_shows_on_pending(t: Trace) -> None:
    """Between acceptance and start the target is ON_PENDING."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=PENDING)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=ON)
    t.enters(1)


@deviates
def affinity_info_never_goes_back_to_on_pending(t: Trace) -> None:
    """Once ON was seen the core is not ON_PENDING any more."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=ON)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=PENDING)
    t.blames("AFF-2")


@deviates
def affinity_info_is_off_after_cpu_on_succeeded(t: Trace) -> None:
    """CPU_ON takes the target from OFF to ON_PENDING at once."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.blames("AFF-4")


@deviates
def affinity_info_of_a_running_core_is_on_pending(t: Trace) -> None:
    """A core that runs is ON."""
    t.starts(0, 1)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=PENDING)
    t.blames("AFF-2")


@conforms
def affinity_info_of_a_suspended_core_is_on(t: Trace) -> None:
    """Suspended cores count as ON."""
    t.on(profile={"unusable": [], "power_state_format": "original", "states": ["0x10000"]})
    t.starts(0, 1)
    t.call(1, "CPU_SUSPEND", 0x10000, OTHER_ENTRY, OTHER_CONTEXT)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=ON)


@deviates
def affinity_info_of_a_suspended_core_is_off(t: Trace) -> None:
    """Suspended cores count as ON."""
    t.on(profile={"unusable": [], "power_state_format": "original", "states": ["0x10000"]})
    t.starts(0, 1)
    t.call(1, "CPU_SUSPEND", 0x10000, OTHER_ENTRY, OTHER_CONTEXT)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.blames("AFF-5")


@conforms
def affinity_info_of_no_core_has_invalid_parameters(t: Trace) -> None:
    """No core belongs to the instance."""
    t.asks(0, "AFFINITY_INFO", 2, 0, gives="INVALID_PARAMETERS")
    t.asks(0, "AFFINITY_INFO", 0x1_0000_0000, 0, gives="INVALID_PARAMETERS")


@deviates
def affinity_info_of_no_core_is_off(t: Trace) -> None:
    """A core that does not exist is not OFF."""
    t.asks(0, "AFFINITY_INFO", 2, 0, gives=OFF)
    t.blames("AFF-6")


@deviates
def affinity_info_of_no_core_is_not_present(t: Trace) -> None:
    """NOT_PRESENT was removed as an erratum (AFF-10)."""
    t.asks(0, "AFFINITY_INFO", 2, 0, gives="NOT_PRESENT")
    t.blames("AFF-6")


@by_permission("AFFINITY_INFO.not_present_in_issue_b")
def in_0_2_as_written_affinity_info_of_no_core_may_be_not_present(t: Trace) -> None:
    """Issue B had this code; issue C removed it as an erratum."""
    t.on("0.2", reading={"errata": "not-applied"})
    t.asks(0, "AFFINITY_INFO", 2, 0, gives="NOT_PRESENT")


@deviates
def in_0_2_as_written_affinity_info_of_a_core_is_not_present(t: Trace) -> None:
    """The core is there."""
    t.on("0.2", reading={"errata": "not-applied"})
    t.asks(0, "AFFINITY_INFO", 1, 0, gives="NOT_PRESENT")
    t.blames("AFF-10")


@deviates
def in_0_2_with_the_errata_affinity_info_of_no_core_is_not_present(t: Trace) -> None:
    """NOT_PRESENT was removed as an erratum (AFF-10), also from 0.2."""
    t.on("0.2")
    t.asks(0, "AFFINITY_INFO", 2, 0, gives="NOT_PRESENT")
    t.blames("AFF-6")


@conforms
def affinity_info_of_level_four_has_invalid_parameters(t: Trace) -> None:
    """lowest_affinity_level is 0 to 3."""
    t.on("0.2")
    t.asks(0, "AFFINITY_INFO", 0, 4, gives="INVALID_PARAMETERS")


@deviates
def affinity_info_answers_for_level_four(t: Trace) -> None:
    """lowest_affinity_level is 0 to 3, also in 0.2, which has to answer for all of them."""
    t.on("0.2")
    t.asks(0, "AFFINITY_INFO", 0, 4, gives=ON)
    t.blames("AFF-15")


@conforms
def affinity_info_0_2_answers_for_clusters(t: Trace) -> None:
    """In 0.2 levels above 0 are supported, and a cluster is ON if one of its cores is."""
    t.on("0.2", cpus=(0x000, 0x001, 0x100, 0x101))
    t.asks(0, "AFFINITY_INFO", 0x000, 1, gives=ON)
    t.asks(0, "AFFINITY_INFO", 0x100, 1, gives=OFF)
    t.asks(0, "CPU_ON", 0x101, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "AFFINITY_INFO", 0x100, 1, gives=PENDING)
    t.enters(0x101)
    t.asks(0, "AFFINITY_INFO", 0x100, 1, gives=ON)
    t.asks(0, "AFFINITY_INFO", 0x100, 0, gives=OFF)


@deviates
def affinity_info_0_2_refuses_a_cluster(t: Trace) -> None:
    """Before 1.0 levels above 0 must be supported."""
    t.on("0.2", cpus=(0x000, 0x100))
    t.asks(0, "AFFINITY_INFO", 0x100, 1, gives="INVALID_PARAMETERS")
    t.blames("AFF-3")


@deviates
def affinity_info_says_that_a_cluster_is_off_while_one_core_runs(t: Trace) -> None:
    """The fold over cores is ON before ON_PENDING before OFF."""
    t.on("0.2", cpus=(0x000, 0x100, 0x101))
    t.starts(0, 0x101)
    t.asks(0, "AFFINITY_INFO", 0x100, 1, gives=OFF)
    t.blames("AFF-2")


@deviates
def affinity_info_says_that_a_cluster_is_pending_while_one_core_runs(t: Trace) -> None:
    """The fold over cores is ON before ON_PENDING before OFF."""
    t.on("0.2", cpus=(0x000, 0x100, 0x101))
    t.starts(0, 0x101)
    t.asks(0, "CPU_ON", 0x100, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "AFFINITY_INFO", 0x100, 1, gives=PENDING)
    t.blames("AFF-2")


@conforms
def affinity_info_ignores_fields_below_the_level(t: Trace) -> None:
    """Affinity fields below lowest_affinity_level are ignored (AFF-15)."""
    t.on("0.2", cpus=(0x000, 0x100))
    t.asks(0, "AFFINITY_INFO", 0x177, 1, gives=OFF)
    t.asks(0, "AFFINITY_INFO", 0x7777, 2, gives=ON)
    t.asks(0, "AFFINITY_INFO", 0x77_7777, 3, gives=ON)


@deviates
def affinity_info_answers_for_level_two_of_an_instance_that_is_not_there(t: Trace) -> None:
    """No core has this Aff2."""
    t.on("0.2", cpus=(0x000, 0x100))
    t.asks(0, "AFFINITY_INFO", 0x1_0000, 2, gives=OFF)
    t.blames("AFF-6")


@conforms
def affinity_info_1_3_may_refuse_clusters_but_then_always(t: Trace) -> None:
    """Since 1.0 levels above 0 are optional (AFF-7)."""
    t.on(cpus=(0x000, 0x100))
    t.asks(0, "AFFINITY_INFO", 0x100, 1, gives="INVALID_PARAMETERS")
    t.asks(0, "AFFINITY_INFO", 0x000, 1, gives="INVALID_PARAMETERS")


@deviates
def affinity_info_1_3_refuses_one_cluster_and_answers_for_another(t: Trace) -> None:
    """An implementation that does not answer for level 1 never does."""
    t.on(cpus=(0x000, 0x100))
    t.asks(0, "AFFINITY_INFO", 0x100, 1, gives="INVALID_PARAMETERS")
    t.asks(0, "AFFINITY_INFO", 0x000, 1, gives=ON)
    t.blames("AFF-7")


@conforms
def affinity_info_1_3_declared_to_answer_for_clusters_does(t: Trace) -> None:
    """The profile declares level 1."""
    t.on(cpus=(0x000, 0x100), profile={"affinity_levels": [1]})
    t.asks(0, "AFFINITY_INFO", 0x100, 1, gives=OFF)
    t.asks(0, "AFFINITY_INFO", 0x100, 2, gives="INVALID_PARAMETERS")


@conforms
def affinity_info_by_its_smc32_id(t: Trace) -> None:
    """The SMC32 id asks for cores without Aff3."""
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF, wide=False)
    t.asks(0, "AFFINITY_INFO", 2, 0, gives="INVALID_PARAMETERS", wide=False)


@conforms
def a_cached_answer_of_an_overlapping_affinity_info_is_explained(t: Trace) -> None:
    """An AFFINITY_INFO that overlaps with CPU_ON may answer by the state before it, also when it returns late."""
    t.on(cpus=3)
    t.starts(0, 2)
    t.call(2, "AFFINITY_INFO", 1, 0)
    t.starts(0, 1)
    t.returns(2, OFF)


@deviates
def a_cached_answer_of_a_later_affinity_info_is_not_explained(t: Trace) -> None:
    """An AFFINITY_INFO that begins after the target ran cannot answer by the state before."""
    t.on(cpus=3)
    t.starts(0, 2)
    t.starts(0, 1)
    t.asks(2, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.blames("AFF-2")


@conforms
def the_outside_sees_what_affinity_info_says(t: Trace) -> None:
    """The host's view of a core agrees with the calls."""
    t.observes(1, "off")
    t.starts(0, 1)
    t.observes(1, "on")
    t.call(1, "CPU_OFF")
    t.observes(1, "off")


@deviates
def the_outside_sees_a_core_running_that_is_off(t: Trace) -> None:
    """No CPU_ON was made."""
    t.observes(1, "on")
    t.blames("SM-1")


@by_permission("AFFINITY_INFO.instance_disabled")
def affinity_info_of_a_disabled_core_is_disabled(t: Trace) -> None:
    """DISABLED is permitted for a core that is there and physically disabled, as the profile says."""
    t.on(profile={"disabled": ["0x1"]})
    t.asks(0, "AFFINITY_INFO", 1, 0, gives="DISABLED")


@conforms
def affinity_info_of_a_disabled_core_may_be_off(t: Trace) -> None:
    """5.7.1 calls DISABLED possible, so the state of the core is as good."""
    t.on(profile={"disabled": ["0x1"]})
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)


@deviates
def affinity_info_of_a_disabled_core_is_off_although_read_as_disabled(t: Trace) -> None:
    """Where 5.7.2 is read as binding there is no other answer than DISABLED."""
    t.on(profile={"disabled": ["0x1"]}, reading={"disabled-core": "is-reported"})
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.blames("AFF-8")


@conforms
def affinity_info_of_a_disabled_core_is_disabled_where_it_has_to_be(t: Trace) -> None:
    """Where 5.7.2 is read as binding there is no other answer than DISABLED; other cores are as ever."""
    t.on(profile={"disabled": ["0x1"]}, reading={"disabled-core": "is-reported"})
    t.asks(0, "AFFINITY_INFO", 1, 0, gives="DISABLED")
    t.asks(0, "AFFINITY_INFO", 0, 0, gives=ON)


@deviates
def affinity_info_of_a_usable_core_is_disabled(t: Trace) -> None:
    """The profile names no core that is physically disabled."""
    t.on(profile={"disabled": []})
    t.asks(0, "AFFINITY_INFO", 1, 0, gives="DISABLED")
    t.blames("AFF-8")


@conforms
def a_refused_cpu_on_may_replace_the_entry_where_failures_may_take_effect(t: Trace) -> None:
    """The reading under which a call that returns an error may have changed something (RET-12)."""
    t.on(reading={"failed-call": "may-take-effect"})
    t.call(0, "CPU_ON", 1, ENTRY, CONTEXT)
    t.returns(0, "SUCCESS")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=PENDING)
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, OTHER_CONTEXT, gives="ON_PENDING")
    t.enters(1, OTHER_ENTRY, OTHER_CONTEXT)


@deviates
def a_refused_cpu_on_replaces_the_entry(t: Trace) -> None:
    """A call that returns an error changes nothing (PROP-1, PROP-4)."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "CPU_ON", 1, OTHER_ENTRY, OTHER_CONTEXT, gives="ON_PENDING")
    t.enters(1, OTHER_ENTRY, OTHER_CONTEXT)
    t.blames("CPU_ON-17")


@conforms
def a_core_that_cannot_be_powered_falls_back_if_read_so(t: Trace) -> None:
    """The reading under which ON_PENDING may end in OFF (SM-15)."""
    t.on(reading={"power-on-failure": "falls-back"})
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=PENDING)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)


@deviates
def a_core_that_cannot_be_powered_falls_back(t: Trace) -> None:
    """ON_PENDING does not end in OFF (SM-6)."""
    t.asks(0, "CPU_ON", 1, ENTRY, CONTEXT, gives="SUCCESS")
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=PENDING)
    t.asks(0, "AFFINITY_INFO", 1, 0, gives=OFF)
    t.blames("AFF-4")


@deviates
def affinity_info_of_a_disabled_core_is_denied(t: Trace) -> None:
    """The code for a core that is physically disabled is DISABLED."""
    t.on(profile={"disabled": ["0x1"]}, reading={"disabled-core": "is-reported"})
    t.asks(0, "AFFINITY_INFO", 1, 0, gives="DENIED")
    t.blames("AFF-8")


@deviates
def affinity_info_of_a_disabled_core_has_invalid_parameters(t: Trace) -> None:
    """The parameters name a core that is there, so they are not invalid; the code is DISABLED."""
    t.on(profile={"disabled": ["0x1"]}, reading={"disabled-core": "is-reported"})
    t.asks(0, "AFFINITY_INFO", 1, 0, gives="INVALID_PARAMETERS")
    t.blames("AFF-8")
