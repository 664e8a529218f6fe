"""MIGRATE and MIGRATE_INFO_UP_CPU: move a uniprocessor Trusted OS, and ask where it is (DEN0022 5.1.6, 5.8, 5.9)."""

from psci.model.calls.trusted_os import resides_on
from psci.model.declare import Call
from psci.model.language.rules import Completion, native, when
from psci.model.language.terms import choose
from psci.model.symbols.machine import MACHINE
from psci.model.tables.codes import DENIED, INTERNAL_FAILURE, INVALID_PARAMETERS, NOT_PRESENT, NOT_SUPPORTED, SUCCESS
from psci.model.tables.versions import V0_1, V0_2, V1_0

MIGRATE = Call(
    "MIGRATE",
    "5.1.6",
    fid32=0x8400_0005,
    fid64=0xC400_0005,
    since=V0_1,
    optional=True,
    arguments=(native("target_cpu"),),
    own_rule_on_widths=MACHINE.migrate_width == "OWN",
)
MIGRATE_INFO_UP_CPU = Call(
    "MIGRATE_INFO_UP_CPU",
    "5.1.8",
    fid32=0x8400_0007,
    fid64=0xC400_0007,
    since=V0_2,
    optional=True,
    required_by=MIGRATE,
    presence_cites=("RET-9", "MIG_CPU-5"),
)


def is_moved(m, s, call):
    """The Trusted OS is resident on the target (TOS-2)."""
    return s.but(migrated=True, resident=m.core_of(call.target_cpu))


@MIGRATE.must_refuse(NOT_SUPPORTED, cites=("MIGRATE-3", "MIG_TYPE-5", "TOS-1"))
def not_required(m, s, call):
    """The Trusted OS runs on all cores, or there is none."""
    return ~m.up_trusted_os()


@MIGRATE.must_refuse(INVALID_PARAMETERS, cites=("MIGRATE-4",))
def target_invalid(m, s, call):
    """No core has the MPIDR that target_cpu names."""
    return ~m.is_core(call.target_cpu)


@MIGRATE.must_refuse(INVALID_PARAMETERS, cites=("MIGRATE-13",))
def width_differs(m, s, call):
    """Where 5.8.2 is read as binding: the caller's registers are not as wide as the function id says."""
    return (call.wide == (call.isa == "AARCH32")) & (m.migrate_width == "OWN")


@MIGRATE.must_refuse(DENIED, cites=("MIGRATE-5", "TOS-1"))
def not_migratable(m, s, call):
    """The Trusted OS is uniprocessor and cannot be migrated."""
    elsewhere = ~resides_on(m, s, call.caller)
    return (m.trusted_os == "UP_FIXED") & ~((m.migrate_order == "NOT_PRESENT") & elsewhere)


@MIGRATE.must_refuse(NOT_PRESENT, cites=("MIGRATE-2", "TOS-1"), since=V0_2)
def not_resident(m, s, call):
    """The Trusted OS is not resident on the calling core."""
    fixed = m.trusted_os == "UP_FIXED"
    return m.up_trusted_os() & ~(fixed & (m.migrate_order == "DENIED")) & ~resides_on(m, s, call.caller)


@MIGRATE.must_refuse(DENIED, cites=("MIGRATE-2", "REV-1"), until=V0_1)
def not_resident_in_0_1(m, s, call):
    """The same in version 0.1, which has no NOT_PRESENT and calls its refusal "core not available"."""
    return m.up_trusted_os() & ~resides_on(m, s, call.caller)


@MIGRATE.may_refuse(INTERNAL_FAILURE, cites=("MIGRATE-6",), since=V0_2)
def failed(m, s, call):
    """The Trusted OS could not be moved, for a reason that the implementation defines."""
    return m.trusted_os == "UP_MIGRATABLE"


@MIGRATE.may_refuse(INTERNAL_FAILURE, cites=("RET-12", "MIGRATE-6"), since=V0_2)
def failed_after_the_move(m, s, call):
    """The same, and where a refused call may take effect: the Trusted OS is resident on the target all the same."""
    here = (m.trusted_os == "UP_MIGRATABLE") & resides_on(m, s, call.caller) & m.is_core(call.target_cpu)
    return when((m.failed_call == "MAY_TAKE_EFFECT") & here).then(is_moved(m, s, call))


@MIGRATE.must_refuse(None, cites=("TOS-6", "FREEZE-7", "MIGRATE-6"), since=V1_0)
def target_frozen(m, s, call):
    """The target is frozen, where no uniprocessor Trusted OS may be; no fact names a code for that."""
    frozen = m.is_core(call.target_cpu) & (s.activity[m.core_of(call.target_cpu)] == "FROZEN")
    refusal = (INTERNAL_FAILURE.number, DENIED.number, INVALID_PARAMETERS.number)
    case = when(frozen & (m.migrate_target == "NOT_FROZEN") & (m.trusted_os == "UP_MIGRATABLE"))
    return case.returning_any(lambda r: r.is_in(*refusal))


@MIGRATE.may_refuse(None, cites=("MIGRATE-4", "MIGRATE-7"))
def target_is_the_caller(m, s, call):
    """The target is the caller itself, which may be taken as no core that anything can be migrated to."""
    same = m.is_core(call.target_cpu) & (m.core_of(call.target_cpu) == call.caller) & (m.migrate_to_self == "EITHER")
    return when(same).returning_any(lambda r: r.is_in(INVALID_PARAMETERS.number, DENIED.number))


@MIGRATE.may_refuse(DENIED, cites=("REV-1",), until=V0_1)
def core_not_available_in_0_1(m, s, call):
    """Version 0.1 lists the code under the name "core not available", without saying when."""
    return True


@MIGRATE.caller_must(cites=("MIGRATE-8", "MIGRATE-10"))
def target_is_up(m, s, call):
    """The target core is powered up before the call."""
    return m.is_core(call.target_cpu) & (s.power[m.core_of(call.target_cpu)] != "ON")


@MIGRATE.succeeds(Completion.RETURNS, SUCCESS, cites=("MIGRATE-1", "MIGRATE-7", "MIGRATE-11", "MIGRATE-12", "TOS-2"))
def moved(m, s, call):
    """The Trusted OS is migratable and resident on the caller; it becomes resident on the target."""
    here = (m.trusted_os == "UP_MIGRATABLE") & resides_on(m, s, call.caller)
    return when(here & m.is_core(call.target_cpu)).then(is_moved(m, s, call))


@MIGRATE_INFO_UP_CPU.succeeds(Completion.RETURNS, cites=("MIG_CPU-1", "MIG_CPU-3"))
def resident_core(m, s, call):
    """The MPIDR of the core on which a uniprocessor Trusted OS is resident."""
    return when(m.up_trusted_os()).returning(m.mpidr(choose(s.migrated, s.resident, m.trusted_os_home)))


@MIGRATE_INFO_UP_CPU.succeeds(Completion.RETURNS, cites=("MIG_CPU-2",))
def undefined(m, s, call):
    """There is no uniprocessor Trusted OS: the result is UNDEFINED."""
    return when(~m.up_trusted_os()).returning_any()
