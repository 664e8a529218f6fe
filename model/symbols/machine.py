"""What an implementation is: the machine symbols that rules read.

They are fixed for the life of an implementation. A profile declares them; what it leaves out is
either at the default given here or *undeclared*: then the oracle takes it as unknown but fixed.
"""

from __future__ import annotations

from psci.model.language.rules import ISA
from psci.model.language.sorts import BOOL, CORE, NODE, U8, U32, U64, Enumeration, Quantity
from psci.model.language.terms import Function, Term, choose

TRUSTED_OS = Enumeration("TrustedOS", ("UP_MIGRATABLE", "UP_FIXED", "MP_OR_NONE"))
LOCAL_STATE = Enumeration("LocalState", ("RUN", "STANDBY", "RETENTION", "POWERDOWN"))
"""The state of one node, from the shallowest to the deepest (DEN0022 4.1, 4.2.1)."""
MICROSECONDS = Quantity("microseconds", distinct=len(LOCAL_STATE.values))
"""Wakeup latencies, one for each local state."""
STRAY_WAKEUP = Enumeration("StrayWakeup", ("EITHER", "IGNORED", "RESET"))
POLICY = Enumeration("Policy", ("MAY_CHANGE", "DENIES", "ALLOWS"))
SET_SUSPEND_MODE_ID = 0x8400_000F


def _declared(name: str, *sorts: object, doc: str) -> Function:
    *domain, result = sorts
    return Function(name, tuple(domain), result, "machine", doc)  # type: ignore[arg-type]  # sorts by construction


def _reading(name: str, *options: str) -> Term:
    """A place where DEN0022 can be read in several ways; `psci.model.symbols.readings` says what each option means."""
    kind = Enumeration(name.title().replace("_", ""), options)
    return Function(name, (), kind, "machine", f"Reading: {name.replace('_', ' ')}.")()


class MachineTerms:
    """The symbols of the machine; a rule's `m`."""

    psci_version = _declared("psci_version", U32, doc="What PSCI_VERSION returns.")()
    has = _declared("has", U32, BOOL, doc="The optional function with this SMC32 id is implemented.")
    mpidr = _declared("mpidr", CORE, U64, doc="The affinity fields of a core's MPIDR (5.1.4).")
    is_core = _declared("is_core", U64, BOOL, doc="Some core has this MPIDR.")
    core_of = _declared("core_of", U64, CORE, doc="The core with this MPIDR, where there is one.")
    boot_core = _declared("boot_core", CORE, doc="The cold-boot primary.")()
    disabled = _declared("disabled", CORE, BOOL, doc="The core exists but is physically disabled.")
    policy = _declared(
        "policy", CORE, POLICY, doc="Whether firmware policy keeps the core from OS use, where that never changes."
    )
    address_unusable = _declared(
        "address_unusable", U64, BOOL, doc="The address is known to be unavailable to callers."
    )
    addresses_declared = _declared(
        "addresses_declared", BOOL, doc="It is declared which addresses are unavailable to callers."
    )()
    extended_state_id = _declared("extended_state_id", BOOL, doc="power_state has the extended StateID format.")()
    osi_supported = _declared("osi_supported", BOOL, doc="OS-initiated mode is supported.")()
    state_valid = _declared("state_valid", U32, BOOL, doc="A well-formed power_state names a state of this platform.")
    affinity_level_supported = _declared(
        "affinity_level_supported", U32, BOOL, doc="AFFINITY_INFO answers for this level above 0."
    )
    checks_upper_halves = _declared(
        "checks_upper_halves", U32, BOOL, doc="Bits [63:32] of the 32-bit arguments of this SMC64 function are checked."
    )
    knows_hint_bit = _declared(
        "knows_hint_bit", BOOL, doc="Bit 16 of a function id is SMCCC's hint, and no part of the id (SMCCC 1.3)."
    )()
    features_hides_smc64 = _declared(
        "features_hides_smc64", BOOL, doc="PSCI_FEATURES hides SMC64 ids from AArch32 callers."
    )()
    trusted_os = _declared("trusted_os", TRUSTED_OS, doc="The kind of Trusted OS.")()
    described = _declared(
        "described", U32, BOOL, doc="The local states that a power_state stands for are declared, or it is unknown."
    )
    retention = _declared("retention", U32, BOOL, doc="A standby power_state means retention for the core.")
    requested = _declared(
        "requested", U32, U8, LOCAL_STATE, doc="What a power_state asks for the caller's node at a power level above 0."
    )
    claims = _declared(
        "claims",
        U32,
        U8,
        BOOL,
        doc="A power_state says that the caller is the last core of its node at this level (OSI-5).",
    )
    latency = _declared(
        "latency", LOCAL_STATE, MICROSECONDS, doc="The wakeup latency of a state of a node above core level."
    )
    names_node = _declared("names_node", U64, U32, BOOL, doc="A core and a power level above 0 name a node (5.19.2).")
    named_level = _declared(
        "named_level", U32, U8, doc="The power level of the node that a power_level names, where that is declared."
    )
    counted_node = _declared(
        "counted_node", U64, U32, BOOL, doc="A core and a power_state name a node and a state of it (5.22.1)."
    )
    counted_level = _declared("counted_level", U32, U8, doc="The highest power level that a power_state expresses.")
    last_in_level_bits = _declared(
        "last_in_level_bits", U32, doc="The bits of a StateID that say of which level the caller is the last core."
    )()
    protected_range = _declared(
        "protected_range", U64, U64, BOOL, doc="Base and length lie entirely in what MEM_PROTECT protects."
    )
    trusted_os_home = _declared("trusted_os_home", CORE, doc="The core that a uniprocessor Trusted OS starts on.")()
    starts_trusted_os = _declared(
        "starts_trusted_os", CORE, BOOL, doc="The core is the one that a uniprocessor Trusted OS starts on."
    )
    reset_keeps_warm = _declared("reset_keeps_warm", BOOL, doc="A warm reset does not fall back to a cold one.")()
    resets_warm = _declared("resets_warm", BOOL, doc="SYSTEM_RESET2 can reset the system warm.")()
    stray_wakeup = _declared(
        "stray_wakeup", STRAY_WAKEUP, doc="What a wakeup event for an OFF core does (CPU_OFF-7)."
    )()
    elns_isa = _declared("elns_isa", ISA, doc="The execution state of the Exception level that cores are entered at.")()

    errata = _reading("errata", "APPLIED", "NOT_APPLIED")
    migrate_width = _reading("migrate_width", "GENERAL", "OWN")
    migrate_order = _reading("migrate_order", "EITHER", "DENIED", "NOT_PRESENT")
    failed_call = _reading("failed_call", "CHANGES_NOTHING", "MAY_TAKE_EFFECT")
    power_on_failure = _reading("power_on_failure", "REPORTED_AT_ONCE", "FALLS_BACK")
    frozen_core = _reading("frozen_core", "RESUMES", "ALREADY_ON")
    disabled_core = _reading("disabled_core", "MAY_BE_REPORTED", "IS_REPORTED")
    mode_history = _reading("mode_history", "SINCE_CHANGE", "SINCE_BOOT")
    refused_suspend = _reading("refused_suspend", "NOT_COUNTED", "COUNTED")
    osi_mixed = _reading("osi_mixed", "EITHER", "INVALID_PARAMETERS", "DENIED")
    vote_counting = _reading("vote_counting", "AT_ENTRY", "LATER")
    stat_update = _reading("stat_update", "EITHER", "AT_EXIT")
    suspend_refusal = _reading("suspend_refusal", "TEXT", "PROTOTYPE")
    suspend_return = _reading("suspend_return", "POSSIBLE", "NEVER")
    context_width = _reading("context_width", "FUNCTION_ID", "CALLER")
    mixed_entry = _reading("mixed_entry", "CALLER", "ELNS")
    realm_callers = _reading("realm_callers", "ENTITLED", "NOT_STATED")
    vendor_bit = _reading("vendor_bit", "SELECTOR", "RESERVED")
    undefined_reset = _reading("undefined_reset", "MUST_BE_REFUSED", "MAY_BE_REFUSED")
    hibernate_overwrite = _reading("hibernate_overwrite", "EITHER", "NEVER", "ALWAYS")
    warm_protection = _reading("warm_protection", "OFF", "KEPT")
    reset_cores = _reading("reset_cores", "OFF", "KEPT")
    reset_mode = _reading("reset_mode", "PLATFORM_COORDINATED", "KEPT")
    reset_residency = _reading("reset_residency", "HOME", "KEPT")
    reset_statistics = _reading("reset_statistics", "ZERO", "KEPT")
    host_power = _reading("host_power", "BY_PSCI", "AT_WILL")
    system_stop = _reading("system_stop", "DRAIN", "AT_ONCE")
    frozen_affinity = _reading("frozen_affinity", "EITHER", "ON")
    frozen_resume = _reading("frozen_resume", "EITHER", "STAYS_ON", "PENDING")
    frozen_in_osi = _reading("frozen_in_osi", "EITHER", "RUNNING", "DOWN")
    default_in_osi = _reading("default_in_osi", "EITHER", "RUNNING", "ASLEEP")
    low_claim = _reading("low_claim", "EITHER", "NOT_CHECKED")
    claim_alone = _reading("claim_alone", "EITHER", "CHECKED", "NOT_CHECKED")
    idle_inside = _reading("idle_inside", "EITHER", "REFUSED", "BROUGHT_DOWN")
    check_and_wakeup = _reading("check_and_wakeup", "EITHER", "CHECK_FIRST")
    older_request = _reading("older_request", "EITHER", "CANCELLED")
    partial_downgrade = _reading("partial_downgrade", "EITHER", "WHOLE")
    shallower_node = _reading("shallower_node", "EITHER", "DEEPEST")
    unused_entry = _reading("unused_entry", "EITHER", "IGNORED")
    disabled_instance = _reading("disabled_instance", "ANY", "ALL")
    disabled_start = _reading("disabled_start", "REFUSED", "MAY_BE_ACCEPTED")
    mode_groups = _reading("mode_groups", "EITHER", "DENIED")
    same_mode = _reading("same_mode", "EITHER", "SUCCESS")
    cannot_now = _reading("cannot_now", "NEVER", "MAY_BE_TOLD")
    migrate_target = _reading("migrate_target", "NOT_FROZEN", "ANY")
    migrate_to_self = _reading("migrate_to_self", "EITHER", "SUCCESS")
    both_ids = _reading("both_ids", "TOGETHER", "APART")
    unreported_node = _reading("unreported_node", "EITHER", "REPORTED")
    fallback_memory = _reading("fallback_memory", "OVERWRITTEN", "NOT_PROMISED")
    stay_since_boot = _reading("stay_since_boot", "EITHER", "NOT_COUNTED")
    beta_hibernate_type = _declared("beta_hibernate_type", U32, doc="The type value of HIBERNATE_OFF in the beta.")()
    below = Function("below", (CORE, NODE), BOOL, "tree", "The core is in the power domain.")
    ancestor = Function("ancestor", (NODE, NODE), BOOL, "tree", "The first node contains the second, or is it.")
    level = Function("level", (NODE,), U8, "tree", "The power level of a node.")

    def os_initiated(self) -> Term:
        """OS-initiated mode can be entered: it is supported, and so is PSCI_SET_SUSPEND_MODE (FEAT-11, OSI-1)."""
        return self.osi_supported & self.has(SET_SUSPEND_MODE_ID)

    def up_trusted_os(self) -> Term:
        """The Trusted OS runs on one core at a time."""
        return self.trusted_os.is_in("UP_MIGRATABLE", "UP_FIXED")

    def is_powerdown(self, power_state: Term) -> Term:
        """StateType of a power_state is 1 (5.4.2, Tables 7 and 8)."""
        return choose(self.extended_state_id, power_state.bit(30), power_state.bit(16))

    def well_formed(self, power_state: Term) -> Term:
        """The reserved bits of a power_state are zero (5.4.2, Tables 7 and 8)."""
        return choose(self.extended_state_id, power_state & 0xB000_0000, power_state & 0xFCFE_0000) == 0


MACHINE = MachineTerms()
MACHINE_SYMBOLS: tuple[Function, ...] = tuple(
    symbol if isinstance(symbol, Function) else symbol.function  # type: ignore[attr-defined]  # nullary symbols are Apps
    for name, symbol in vars(MachineTerms).items()
    if isinstance(symbol, Function | Term)
)
