"""AFFINITY_INFO: whether a core, or the cores of an affinity instance, are on (DEN0022 5.1.5, 5.7, 6.6)."""

from psci.model.declare import Call
from psci.model.language.effects import each
from psci.model.language.rules import Completion, native, u32, when
from psci.model.language.terms import CORE, U64, Const, choose, every, implies, some
from psci.model.tables.codes import DISABLED, INVALID_PARAMETERS, NOT_PRESENT
from psci.model.tables.versions import V0_2, V1_0

AFFINITY_INFO = Call(
    "AFFINITY_INFO", "5.1.5", fid32=0x8400_0004, fid64=0xC400_0004, since=V0_2,
    arguments=(native("target_affinity"), u32("lowest_affinity_level")),
)  # fmt: skip

ON = Const(0, U64)
OFF = Const(1, U64)
ON_PENDING = Const(2, U64)


def instance(m, call):
    """The cores whose affinity fields, from lowest_affinity_level up, are those of target_affinity."""
    level = call.lowest_affinity_level
    ignore_aff0 = choose(level >= 1, call.target_affinity >> 8, call.target_affinity)
    ignore_aff1 = choose(level >= 2, call.target_affinity >> 16, ignore_aff0)
    named = choose(level >= 3, call.target_affinity >> 24, ignore_aff1)

    def belongs(core):
        mpidr = m.mpidr(core)
        upper = choose(level >= 2, choose(level >= 3, mpidr >> 24, mpidr >> 16), choose(level >= 1, mpidr >> 8, mpidr))
        return upper == named

    return belongs


@AFFINITY_INFO.must_refuse(INVALID_PARAMETERS, cites=("AFF-1", "AFF-6", "AFF-15"))
def level_invalid(m, s, call):
    """lowest_affinity_level is none of 0 to 3."""
    return call.lowest_affinity_level > 3


@AFFINITY_INFO.must_refuse(INVALID_PARAMETERS, cites=("AFF-6", "AFF-10"))
def instance_absent(m, s, call):
    """No core belongs to the affinity instance that the arguments name."""
    return ~some(CORE, instance(m, call))


@AFFINITY_INFO.must_refuse(INVALID_PARAMETERS, cites=("AFF-7", "REV-5"), since=V1_0)
def level_unsupported(m, s, call):
    """The implementation does not answer for this affinity level above 0; since 1.0 it need not."""
    return (call.lowest_affinity_level > 0) & ~m.affinity_level_supported(call.lowest_affinity_level)


@AFFINITY_INFO.may_refuse(NOT_PRESENT, cites=("AFF-10", "REV-5"), until=V0_2)
def not_present_in_issue_b(m, s, call):
    """The same in issue B, which lists a code of its own that issue C removes as an erratum."""
    return ~some(CORE, instance(m, call)) & (m.errata == "NOT_APPLIED")


def all_off(s, belongs):
    """The instance exists, and all its cores are OFF."""
    return some(CORE, belongs) & every(CORE, lambda core: implies(belongs(core), s.power[core] == "OFF"))


def is_disabled(m, s, call):
    """The cores of the instance, none of which is ON, are physically disabled: all of them, or by a reading one."""
    belongs = instance(m, call)
    whole = every(CORE, lambda core: implies(belongs(core), m.disabled(core)))
    partly = some(CORE, lambda core: belongs(core) & m.disabled(core))
    return all_off(s, belongs) & choose(m.disabled_instance == "ALL", whole, partly)


@AFFINITY_INFO.may_refuse(DISABLED, cites=("AFF-8",))
def instance_disabled(m, s, call):
    """The instance exists, but is physically disabled; 5.7.1 calls the code possible."""
    return is_disabled(m, s, call)


@AFFINITY_INFO.must_refuse(DISABLED, cites=("AFF-8",))
def instance_disabled_flatly(m, s, call):
    """The same where 5.7.2 is read as binding and all cores are disabled: no other answer is allowed."""
    belongs = instance(m, call)
    whole = every(CORE, lambda core: implies(belongs(core), m.disabled(core)))
    return (m.disabled_core == "IS_REPORTED") & all_off(s, belongs) & whole


@AFFINITY_INFO.succeeds(
    Completion.RETURNS, cites=("AFF-2", "AFF-4", "AFF-5", "AFF-11", "CPU_SUSPEND-24", "SM-1", "SM-2")
)
def on(m, s, call):
    """At least one core of the instance is ON, running or suspended."""
    belongs = instance(m, call)
    return when(some(CORE, lambda core: belongs(core) & (s.power[core] == "ON"))).returning(ON)


@AFFINITY_INFO.succeeds(Completion.RETURNS, cites=("AFF-4", "AFF-11", "SM-1", "SM-4"))
def on_pending(m, s, call):
    """At least one core of the instance is ON_PENDING and all others are OFF."""
    belongs = instance(m, call)
    return when(
        some(CORE, lambda core: belongs(core) & (s.power[core] == "ON_PENDING"))
        & every(CORE, lambda core: implies(belongs(core), s.power[core] != "ON"))
    ).returning(ON_PENDING)


@AFFINITY_INFO.succeeds(Completion.RETURNS, cites=("AFF-3", "AFF-11", "AFF-12", "SM-1", "SM-3"))
def off(m, s, call):
    """All cores of the instance are OFF: their CPU_OFF was processed, or they were not booted yet."""
    return when(all_off(s, instance(m, call))).returning(OFF)


def off_or(s, belongs, other):
    """Each core of the instance is OFF, or is as the condition says, and one of them is."""
    fits = every(CORE, lambda core: implies(belongs(core), (s.power[core] == "OFF") | other(core)))
    return some(CORE, lambda core: belongs(core) & other(core)) & fits


@AFFINITY_INFO.may_succeed(Completion.RETURNS, cites=("SYS-4", "SYS-5", "AFF-12", "AFF-13"))
def stopping(m, s, call):
    """The system is going down, and the cores of the instance that were ON have stopped: from now on they are OFF."""
    belongs = instance(m, call)
    stopped = off_or(s, belongs, lambda core: (s.power[core] == "ON") & (s.activity[core] == "STOPPED"))
    off = each(lambda core: choose(belongs(core), "OFF", s.power[core]))
    return when((s.system == "GOING") & stopped).returning(OFF).then(s.but(power=off))


@AFFINITY_INFO.may_succeed(Completion.RETURNS, cites=("AFF-13", "CPU_ON-18", "FREEZE-4", "AFF-2"), since=V1_0)
def frozen_reads_off(m, s, call):
    """A frozen core may read as OFF, because a CPU_ON for it is accepted as for a core that is OFF."""
    belongs = instance(m, call)
    frozen = off_or(s, belongs, lambda core: s.activity[core] == "FROZEN")
    return when((m.frozen_affinity == "EITHER") & (m.frozen_core == "RESUMES") & frozen).returning(OFF)
