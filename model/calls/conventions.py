"""What every call has in common: presence, widths and callers (DEN0022 5, 5.2, 5.3.2; facts, section 7)."""

from psci.model.declare import Call
from psci.model.language.rules import Completion, always, when
from psci.model.language.terms import disjunction
from psci.model.tables.codes import INVALID_PARAMETERS, NOT_SUPPORTED
from psci.model.tables.versions import V0_2, V1_0

PSCI_RANGE = 0x8400_0000
"""The first of the 32 ids that PSCI owns among the Standard Secure ones; with bit 30 set, those of SMC64 (SMCCC)."""
HINT_BIT = 1 << 16
"""SMCCC's hint that no SVE state is live; from SMCCC 1.3 on no part of the function id."""

OF_ALL_CALLS = frozenset(
    {
        "absent", "smc64_absent", "smc64_from_aarch32", "smc64_from_aarch32_by_the_errata", "width_mismatch_in_issue_b",
        "call_from_the_normal_world", "keep_to_32_bits", "upper_half_checked",
    }
)  # fmt: skip
"""The rules that a call shares with all others (`apply_to`), by the last part of their names."""

UNKNOWN = Call("UNKNOWN", "5.2.1", fid32=0)
"""Any id of PSCI's ranges that no PSCI function has."""

NOT_PSCI = Call("NOT_PSCI", "5.2.1", fid32=0)
"""Any id outside PSCI's ranges: the call is counted, and no answer is judged."""


def is_psci(fn: int) -> bool:
    """Whether an id, its hint bit aside, is in one of PSCI's two ranges (SMC-9)."""
    return fn & ~(0x4000_001F | HINT_BIT) == PSCI_RANGE


@UNKNOWN.gate(NOT_SUPPORTED, cites=("SMC-9", "RET-4"))
def no_function(m, s, call):
    """The id is in PSCI's range, but belongs to no function; or it has a hint bit that the implementation knows not."""
    return True


@NOT_PSCI.succeeds(Completion.RETURNS, cites=("SMC-9",))
def somebody_elses(m, s, call):
    """The id belongs to another service of SMCCC, which DEN0022 does not speak of."""
    return always.returning_any()


def apply_to(function):
    """Add the checks that a call shares with all others; they come before its own rules."""
    own = list(function.rules)
    function.rules.clear()
    _presence(function)
    if function.fid64 is not None:
        _execution_state(function)
        if function.fid32 is not None:
            _own_presence(function)
    _security_state(function)
    if function.arguments and function.fid32 is not None:
        _register_widths(function)
    if function.fid64 is not None and any(rule.code is INVALID_PARAMETERS for rule in own):
        _upper_halves(function)
    function.rules.extend(own)


def _presence(function):
    @function.gate(NOT_SUPPORTED, cites=("RET-4", "RET-14", *function.presence_cites))
    def absent(m, s, call):
        """The function is not implemented, or this version does not define it."""
        return ~function.is_present(m)


def _own_presence(function):
    @function.gate(NOT_SUPPORTED, cites=("RET-4", "RET-6"))
    def smc64_absent(m, s, call):
        """The function has its SMC32 id, but not its SMC64 id, where a function may have one without the other."""
        return call.wide & (m.both_ids == "APART") & ~m.has(function.fid64)


def _execution_state(function):
    @function.gate(NOT_SUPPORTED, cites=("RET-3", "RET-14", "SMC-4"), since=V1_0)
    def smc64_from_aarch32(m, s, call):
        """An AArch32 caller uses an SMC64 id."""
        return call.wide & (call.isa == "AARCH32") & ~function.own_rule_on_widths

    if function.since > V0_2:
        return

    @function.gate(NOT_SUPPORTED, cites=("RET-3", "REV-6"), until=V0_2)
    def smc64_from_aarch32_by_the_errata(m, s, call):
        """An AArch32 caller uses an SMC64 id, and the errata of issue C are applied."""
        return call.wide & (call.isa == "AARCH32") & (m.errata == "APPLIED") & ~function.own_rule_on_widths

    @function.gate(INVALID_PARAMETERS, cites=("SMC-8", "REV-6"), until=V0_2)
    def width_mismatch_in_issue_b(m, s, call):
        """In issue B the id has to be of the caller's own width."""
        return (call.wide == (call.isa == "AARCH32")) & (m.errata == "NOT_APPLIED")


def _security_state(function):
    @function.caller_must(cites=("SMC-3", "CPU_OFF-4", "CPU_ON-13", "OFF-9", "OFF2-12", "TOS-5"), frees=True)
    def call_from_the_normal_world(m, s, call):
        """PSCI is called from the Normal or Realm state; what a Secure caller gets is not stated."""
        return (call.world == "SECURE") | ((call.world == "REALM") & (m.realm_callers == "NOT_STATED"))


def _register_widths(function):
    @function.caller_must(cites=("SMC-5", "SMC-2"), frees=True)
    def keep_to_32_bits(m, s, call):
        """An AArch64 caller of an SMC32 id keeps to 32-bit values; no error has to be reported where it does not."""
        used = range(1, len(function.arguments) + 1)
        return ~call.wide & (call.isa == "AARCH64") & disjunction(*(call.upper_half(i) != 0 for i in used))


def _upper_halves(function):
    words = [i for i, argument in enumerate(function.arguments, start=1) if not argument.native]
    if not words:
        return

    @function.must_refuse(INVALID_PARAMETERS, cites=("SMC-19",))
    def upper_half_checked(m, s, call):
        """A 32-bit argument of an SMC64 call has bits above 31, and the implementation checks them."""
        set_above = disjunction(*(call.upper_half(i) != 0 for i in words))
        checked = when(call.wide & set_above & m.checks_upper_halves(function.key))
        return checked if function.when_refused is None else checked.then(function.when_refused(m, s))
