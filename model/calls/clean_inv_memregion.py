"""CLEAN_INV_MEMREGION and its attributes: cache maintenance by address, in the 1.3 alpha only (facts, 8.3)."""

from psci.model.declare import Call
from psci.model.language.rules import Completion, always, native, u32
from psci.model.tables.codes import BUSY, DENIED, INVALID_ADDRESS, INVALID_PARAMETERS, RATE_LIMITED, SUCCESS, TIMEOUT
from psci.model.tables.versions import V1_3_ALPHA

CLEAN_INV_MEMREGION = Call(
    "CLEAN_INV_MEMREGION", "alpha", fid32=None, fid64=0xC400_0016, since=V1_3_ALPHA, until=V1_3_ALPHA, optional=True,
    arguments=(native("base"), native("length"), native("timeout")),
)  # fmt: skip
CLEAN_INV_MEMREGION_ATTRIBUTES = Call(
    "CLEAN_INV_MEMREGION_ATTRIBUTES", "alpha", fid32=0x8400_0017, since=V1_3_ALPHA, until=V1_3_ALPHA, optional=True,
    arguments=(u32("attribute"),),
)  # fmt: skip

LAST_ATTRIBUTE = 4


@CLEAN_INV_MEMREGION.may_refuse(None, cites=("REV-14", "REV-15"))
def refused(m, s, call):
    """The draft's refusals are not known one by one: a parameter error, or one of the three codes of the draft."""
    codes = (INVALID_PARAMETERS, DENIED, INVALID_ADDRESS, TIMEOUT, RATE_LIMITED, BUSY)
    return always.returning_any(lambda r: r.is_in(*(code.number for code in codes)))


@CLEAN_INV_MEMREGION.succeeds(Completion.RETURNS, SUCCESS, cites=("REV-14", "REV-15"))
def cleaned(m, s, call):
    """The region was cleaned and invalidated; no power state changes."""
    return always


@CLEAN_INV_MEMREGION_ATTRIBUTES.must_refuse(INVALID_PARAMETERS, cites=("REV-15",))
def attribute_unknown(m, s, call):
    """The draft has the attributes 0 to 4."""
    return call.attribute > LAST_ATTRIBUTE


@CLEAN_INV_MEMREGION_ATTRIBUTES.succeeds(Completion.RETURNS, cites=("REV-15",))
def attribute_value(m, s, call):
    """The value of the attribute, which the platform defines."""
    return always.returning_any(lambda r: ~r.bit(31))
