"""PSCI_STAT_RESIDENCY and PSCI_STAT_COUNT: how long and how often a node was in a state (DEN0022 5.1.21, 5.22)."""

from psci.model.declare import Call
from psci.model.language.rules import Completion, native, u32, when
from psci.model.language.terms import NODE, U64, Const, choose, every, implies
from psci.model.tables.versions import V1_0

PSCI_STAT_RESIDENCY = Call(
    "PSCI_STAT_RESIDENCY", "5.1.21", fid32=0x8400_0010, fid64=0xC400_0010, since=V1_0, optional=True,
    presence_cites=("RET-7", "STAT-2"), arguments=(native("target_cpu"), u32("power_state")),
)  # fmt: skip
PSCI_STAT_COUNT = Call(
    "PSCI_STAT_COUNT", "5.1.22", fid32=0x8400_0011, fid64=0xC400_0011, since=V1_0, optional=True,
    together_with=PSCI_STAT_RESIDENCY, presence_cites=("RET-7", "STAT-2"),
    arguments=(native("target_cpu"), u32("power_state")),
)  # fmt: skip

NONE = Const(0, U64)


def counted_state(m, call):
    """The power_state without the part that says of which level the caller is the last core (STAT-4)."""
    return call.power_state - (call.power_state & m.last_in_level_bits)


def names_a_state(m, call):
    """The core exists, and power_state names a low-power state of a node on its path."""
    return m.is_core(call.target_cpu) & m.counted_node(call.target_cpu, counted_state(m, call))


def never_used(m, s, call):
    """The node that is meant, the highest that power_state expresses, was in no low-power state since boot."""
    core, level = m.core_of(call.target_cpu), m.counted_level(counted_state(m, call))
    nodes_idle = every(NODE, lambda node: implies(m.below(core, node) & (m.level(node) == level), ~s.dozed[node]))
    # a node that is not known is in no low-power state before all cores in it were
    of_the_core = (level == 0) | ~m.described(counted_state(m, call))
    return choose(of_the_core, ~s.slept[core], nodes_idle)


@PSCI_STAT_RESIDENCY.succeeds(Completion.RETURNS, cites=("STAT-4", "STAT-5", "STAT-12"))
def no_residency(m, s, call):
    """No such node or state: the result is 0."""
    return when(~names_a_state(m, call)).returning(NONE)


@PSCI_STAT_RESIDENCY.succeeds(Completion.RETURNS, cites=("STAT-6", "STAT-7", "STAT-9", "STAT-10"))
def residency_before_use(m, s, call):
    """The node was in no low-power state since boot: 0 microseconds."""
    return when(names_a_state(m, call) & never_used(m, s, call)).returning(NONE)


@PSCI_STAT_RESIDENCY.succeeds(
    Completion.RETURNS, cites=("STAT-1", "STAT-3", "STAT-6", "STAT-8", "STAT-10", "STAT-11", "STAT-13")
)
def residency(m, s, call):
    """Microseconds that the node spent in the state; which of its states it entered is the implementation's choice."""
    return when(names_a_state(m, call) & ~never_used(m, s, call)).returning_any()


@PSCI_STAT_COUNT.succeeds(Completion.RETURNS, cites=("STAT-4", "STAT-5", "STAT-12"))
def no_count(m, s, call):
    """No such node or state: the result is 0."""
    return when(~names_a_state(m, call)).returning(NONE)


@PSCI_STAT_COUNT.succeeds(Completion.RETURNS, cites=("STAT-6", "STAT-7", "STAT-9", "STAT-10"))
def count_before_use(m, s, call):
    """The node was in no low-power state since boot: it used none."""
    return when(names_a_state(m, call) & never_used(m, s, call)).returning(NONE)


@PSCI_STAT_COUNT.succeeds(
    Completion.RETURNS, cites=("STAT-1", "STAT-3", "STAT-6", "STAT-8", "STAT-10", "STAT-11", "STAT-13")
)
def count(m, s, call):
    """How often the node used the state; which of its states it entered is the implementation's choice."""
    return when(names_a_state(m, call) & ~never_used(m, s, call)).returning_any()
