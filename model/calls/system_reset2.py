"""SYSTEM_RESET2: reset the system in an architectural or vendor-specific way (DEN0022 5.1.12, 5.13)."""

from psci.model.calls.going_down import goes_down
from psci.model.declare import Call
from psci.model.language.rules import Completion, native, u32, when
from psci.model.language.terms import disjunction
from psci.model.tables.codes import CODES, INTERNAL_FAILURE, INVALID_PARAMETERS, NOT_SUPPORTED, SUCCESS
from psci.model.tables.versions import V1_1, V1_3

SYSTEM_RESET2 = Call(
    "SYSTEM_RESET2", "5.1.12", fid32=0x8400_0012, fid64=0xC400_0012, since=V1_1, optional=True,
    presence_cites=("RESET2-1", "RESET2-4"), arguments=(u32("reset_type"), native("cookie")),
)  # fmt: skip

SYSTEM_WARM_RESET = 0x0
VENDOR_BIT = 31


@SYSTEM_RESET2.must_refuse(INVALID_PARAMETERS, cites=("RESET2-3", "RESET2-5"))
def type_undefined(m, s, call):
    """An architectural reset_type other than SYSTEM_WARM_RESET is reserved."""
    undefined = ~call.reset_type.bit(VENDOR_BIT) & (call.reset_type != SYSTEM_WARM_RESET)
    return undefined & (m.undefined_reset == "MUST_BE_REFUSED")


@SYSTEM_RESET2.may_refuse(INVALID_PARAMETERS, cites=("RESET2-3", "RESET2-5"))
def type_undefined_permits(m, s, call):
    """The same, where the code is read as a permission."""
    undefined = ~call.reset_type.bit(VENDOR_BIT) & (call.reset_type != SYSTEM_WARM_RESET)
    return undefined & (m.undefined_reset == "MAY_BE_REFUSED")


@SYSTEM_RESET2.must_refuse(INVALID_PARAMETERS, cites=("RESET2-17", "RESET2-5"))
def vendor_bit_reserved(m, s, call):
    """Where bit 31 is read as reserved, a reset_type that has it set is undefined."""
    return call.reset_type.bit(VENDOR_BIT) & (m.vendor_bit == "RESERVED")


def is_vendor(m, call):
    """Bit 31 of reset_type selects a vendor-specific reset."""
    return call.reset_type.bit(VENDOR_BIT) & (m.vendor_bit == "SELECTOR")


@SYSTEM_RESET2.may_refuse(None, cites=("RESET2-13", "RESET2-14"))
def vendor_reset_refused(m, s, call):
    """A vendor-specific reset may return any error of Table 5 except NOT_SUPPORTED, or a value below -256."""
    listed = [code for code in CODES if code.until == V1_3 and code not in (SUCCESS, NOT_SUPPORTED)]
    return when(is_vendor(m, call)).returning_any(
        lambda result: disjunction(
            *(result == code.number for code in listed),
            result.bit(63) & (result < -256),
        )
    )


@SYSTEM_RESET2.may_succeed(Completion.NEVER, cites=("RESET2-5", "SYS-4"))
def type_undefined_taken(m, s, call):
    """Where the code is a permission, a reserved type may also be taken as a reset that the implementation defines."""
    undefined = ~call.reset_type.bit(VENDOR_BIT) & (call.reset_type != SYSTEM_WARM_RESET)
    return when(undefined & (m.undefined_reset == "MAY_BE_REFUSED")).then(goes_down(m, s, call, "VENDOR_RESET"))


@SYSTEM_RESET2.may_refuse(INTERNAL_FAILURE, cites=("RESET2-1", "RESET2-5"))
def impossible_now(m, s, call):
    """The platform cannot do it now, and says so; no fact has a code for that."""
    return m.cannot_now == "MAY_BE_TOLD"


@SYSTEM_RESET2.must_refuse(INVALID_PARAMETERS, cites=("RESET2-3", "RESET2-5"))
def no_warm_reset(m, s, call):
    """The implementation has no warm reset, whatever the cookie."""
    return (call.reset_type == SYSTEM_WARM_RESET) & ~m.resets_warm


@SYSTEM_RESET2.succeeds(Completion.NEVER, cites=("RESET2-1", "RESET2-3", "RESET2-6", "RESET2-7", "SYS-4", "RESET2-15"))
def warm_reset(m, s, call):
    """The system is reset and main memory keeps its content; the cookie is ignored."""
    return when(call.reset_type == SYSTEM_WARM_RESET).then(goes_down(m, s, call, "WARM_RESET"))


@SYSTEM_RESET2.succeeds(Completion.NEVER, cites=("RESET2-1", "RESET2-2", "RESET2-13", "SYS-4", "RESET2-15"))
def vendor_reset(m, s, call):
    """The system is reset or shut down as the vendor defines it."""
    return when(is_vendor(m, call)).then(goes_down(m, s, call, "VENDOR_RESET"))
