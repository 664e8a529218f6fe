"""NODE_HW_STATE: the state of a power-domain node as its power controller sees it (DEN0022 5.1.18, 5.19)."""

from psci.model.declare import Call
from psci.model.language.rules import Completion, native, u32, when
from psci.model.language.terms import CORE, NODE, U64, Const, every, implies
from psci.model.tables.codes import INVALID_PARAMETERS, NOT_SUPPORTED
from psci.model.tables.versions import V1_0

NODE_HW_STATE = Call(
    "NODE_HW_STATE", "5.1.18", fid32=0x8400_000D, fid64=0xC400_000D, since=V1_0, optional=True,
    presence_cites=("HWSTATE-3",), arguments=(native("target_cpu"), u32("power_level")),
)  # fmt: skip

HW_ON, HW_OFF, HW_STANDBY = 0, 1, 2


def node_exists(m, call):
    """The core exists, and has a node at this power level; level 0 is the core itself."""
    return m.is_core(call.target_cpu) & ((call.power_level == 0) | m.names_node(call.target_cpu, call.power_level))


@NODE_HW_STATE.must_refuse(INVALID_PARAMETERS, cites=("HWSTATE-1", "HWSTATE-3"))
def node_absent(m, s, call):
    """No core has this MPIDR, or the core has no node at this power level; level 0 is the core itself."""
    return ~node_exists(m, call)


@NODE_HW_STATE.may_refuse(NOT_SUPPORTED, cites=("HWSTATE-3", "HWSTATE-4"))
def node_not_reported(m, s, call):
    """The power controller reports no state of this node, though it does of others."""
    return m.unreported_node == "EITHER"


def may_be_down(m, s, call):
    """The core is down, or was since boot, and so was every other core of the node: an answer may be old (HWSTATE-5).

    Which node a power_level names is the platform's to say; where nobody does, the core alone is looked at.
    """
    core = m.core_of(call.target_cpu)
    named = lambda node: m.below(core, node) & (m.level(node) == m.named_level(call.power_level))  # noqa: E731  # one line of a rule
    all_rested = lambda node: every(CORE, lambda other: implies(m.below(other, node), s.rested[other]))  # noqa: E731  # as above
    return s.rested[core] & every(NODE, lambda node: implies(named(node), all_rested(node)))


@NODE_HW_STATE.succeeds(Completion.RETURNS, cites=("HWSTATE-2", "HWSTATE-6"))
def running(m, s, call):
    """HW_ON: also a core that is OFF may still, or already, be powered."""
    return when(node_exists(m, call)).returning(Const(HW_ON, U64))


@NODE_HW_STATE.succeeds(Completion.RETURNS, cites=("HWSTATE-2", "HWSTATE-5", "HWSTATE-6", "PD-3"))
def down(m, s, call):
    """HW_OFF or HW_STANDBY, where that is so, or was so since boot."""
    return when(node_exists(m, call) & may_be_down(m, s, call)).returning_any(lambda r: r.is_in(HW_OFF, HW_STANDBY))
