"""PSCI_FEATURES: whether a function is implemented, and with which options (DEN0022 5.1.15, 5.16)."""

from psci.model.declare import Call, FeaturesAnswer
from psci.model.language.rules import Completion, u32, when
from psci.model.language.terms import U64, Const, conjunction
from psci.model.tables.codes import NOT_SUPPORTED
from psci.model.tables.versions import V1_0

PSCI_FEATURES = Call("PSCI_FEATURES", "5.1.15", fid32=0x8400_000A, since=V1_0, arguments=(u32("psci_func_id"),))

SMCCC_VERSION = 0x8000_0000


@PSCI_FEATURES.succeeds(Completion.RETURNS, cites=("FEAT-1", "FEAT-2", "FEAT-6"))
def smccc_version_implemented(m, s, call):
    """SMCCC_VERSION is implemented; Table 11 gives it no flags."""
    return when((call.psci_func_id == SMCCC_VERSION) & m.has(SMCCC_VERSION)).returning(Const(0, U64))


@PSCI_FEATURES.must_refuse(NOT_SUPPORTED, cites=("FEAT-2", "FEAT-6"))
def smccc_version_absent(m, s, call):
    """SMCCC_VERSION is not implemented."""
    return (call.psci_func_id == SMCCC_VERSION) & ~m.has(SMCCC_VERSION)


def answer_for(functions):
    """Add the rules for each function that PSCI defines; the flags stand in the functions' own files."""
    for function in functions:
        for answer in function.answers():
            implemented(PSCI_FEATURES, function, answer)
        _absent(function)
        if function.fid64 is not None:
            _hidden(function)
            if function.fid32 is not None:
                _without_smc64(function)
    _invalid([fid for function in functions for fid in function.ids()])


def implemented(features: Call, function: Call, answer: FeaturesAnswer) -> None:
    """Add to PSCI_FEATURES, or to a copy of it, what it answers for a function that is there."""

    @features.succeeds(
        Completion.RETURNS,
        name=f"{function.name}_implemented",
        cites=answer.cites,
        since=answer.since,
        until=answer.until,
    )
    def says(m, s, call):
        """The function is implemented; the flags say with which options, and bit 31 is zero."""
        case = when(call.psci_func_id.is_in(*function.ids()) & function.is_present(m))
        return case.returning_any(lambda r: ~r.bit(31)) if answer.flags is None else case.returning(answer.flags)


def _absent(function):
    @PSCI_FEATURES.must_refuse(NOT_SUPPORTED, name=f"{function.name}_absent", cites=("FEAT-2", "FEAT-10", "RET-5"))
    def absent(m, s, call):
        """The function is not implemented, or this version does not define it."""
        return call.psci_func_id.is_in(*function.ids()) & ~function.is_present(m)


def _hidden(function):
    @PSCI_FEATURES.must_refuse(NOT_SUPPORTED, name=f"{function.name}_hidden", cites=("FEAT-7", "SMC-18"))
    def hidden(m, s, call):
        """An AArch32 caller asks about an SMC64 id, which it cannot call, and the implementation hides these."""
        return (call.psci_func_id == function.fid64) & (call.isa == "AARCH32") & m.features_hides_smc64


def _without_smc64(function):
    name = f"{function.name}_without_smc64"

    @PSCI_FEATURES.must_refuse(NOT_SUPPORTED, name=name, cites=("FEAT-2", "RET-5"))
    def without_smc64(m, s, call):
        """The function has no SMC64 id, where a function may have one id without the other."""
        return (call.psci_func_id == function.fid64) & (m.both_ids == "APART") & ~m.has(function.fid64)


def _invalid(known):
    @PSCI_FEATURES.must_refuse(NOT_SUPPORTED, name="invalid_id", cites=("FEAT-1", "FEAT-2"))
    def invalid_id(m, s, call):
        """psci_func_id is the id of no PSCI function, and not SMCCC_VERSION."""
        return conjunction(*(call.psci_func_id != fid for fid in (*known, SMCCC_VERSION)))
