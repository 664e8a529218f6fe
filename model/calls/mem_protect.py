"""MEM_PROTECT and MEM_PROTECT_CHECK_RANGE: keep memory from the next boot (DEN0022 5.1.13, 5.1.14, 5.14, 5.15)."""

from psci.model.declare import Call
from psci.model.language.rules import Completion, always, native, u32
from psci.model.language.terms import U64, Const, choose
from psci.model.tables.codes import DENIED, SUCCESS
from psci.model.tables.versions import V1_1

MEM_PROTECT = Call(
    "MEM_PROTECT",
    "5.1.13",
    fid32=0x8400_0013,
    since=V1_1,
    optional=True,
    presence_cites=("MEMP-10",),
    arguments=(u32("enable"),),
)
MEM_PROTECT_CHECK_RANGE = Call(
    "MEM_PROTECT_CHECK_RANGE", "5.1.14", fid32=0x8400_0014, fid64=0xC400_0014, since=V1_1, optional=True,
    together_with=MEM_PROTECT, presence_cites=("RET-8", "MEMC-4"),
    arguments=(native("base"), native("length")),
)  # fmt: skip


@MEM_PROTECT.succeeds(Completion.RETURNS, cites=("MEMP-1", "MEMP-2", "MEMP-11"))
def switched(m, s, call):
    """Protection is on if enable is not 0, off if it is; the result is the previous state, 1 on, 0 off."""
    was_on, was_off = Const(1, U64), Const(0, U64)
    return always.returning(choose(s.memory_protected, was_on, was_off)).then(s.but(memory_protected=call.enable != 0))


def wraps(call):
    """The range goes beyond the last address."""
    return (call.length != 0) & (call.base + call.length - 1 < call.base)


@MEM_PROTECT_CHECK_RANGE.must_refuse(DENIED, cites=("MEMC-3", "MEMC-6"))
def not_protected(m, s, call):
    """The range from base, length bytes long, is not entirely in the memory that MEM_PROTECT protects."""
    return wraps(call) | ~m.protected_range(call.base, call.length)


@MEM_PROTECT_CHECK_RANGE.succeeds(Completion.RETURNS, SUCCESS, cites=("MEMC-1", "MEMC-2"))
def protected(m, s, call):
    """The whole range is in the memory that MEM_PROTECT protects."""
    return ~wraps(call) & m.protected_range(call.base, call.length)
