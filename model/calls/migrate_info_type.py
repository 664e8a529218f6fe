"""MIGRATE_INFO_TYPE: the kind of Trusted OS (DEN0022 5.1.7, 5.9)."""

from psci.model.declare import Call
from psci.model.language.rules import Completion, always
from psci.model.language.terms import U64, Const, choose
from psci.model.tables.versions import V0_2

MIGRATE_INFO_TYPE = Call(
    "MIGRATE_INFO_TYPE", "5.1.7", fid32=0x8400_0006, since=V0_2, optional=True,
    presence_cites=("MIG_TYPE-4", "MIG_TYPE-5"),
)  # fmt: skip


@MIGRATE_INFO_TYPE.succeeds(Completion.RETURNS, cites=("MIG_TYPE-1", "MIG_TYPE-2", "MIG_TYPE-3", "MIG_TYPE-6"))
def kind(m, s, call):
    """0: uniprocessor, can be migrated. 1: uniprocessor, cannot. 2: multiprocessor, or no Trusted OS."""
    migratable, fixed, no_need = Const(0, U64), Const(1, U64), Const(2, U64)
    uniprocessor = choose(m.trusted_os == "UP_MIGRATABLE", migratable, fixed)
    return always.returning(choose(m.up_trusted_os(), uniprocessor, no_need))
