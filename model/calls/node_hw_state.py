"""NODE_HW_STATE: the state of a power-domain node as its power controller sees it (DEN0022 5.1.18, 5.19)."""

from psci.model.declare import Call
from psci.model.language.rules import Completion, always, native, u32
from psci.model.tables.codes import INVALID_PARAMETERS
from psci.model.tables.versions import V1_0

NODE_HW_STATE = Call(
    "NODE_HW_STATE", "5.1.18", fid32=0x8400_000D, fid64=0xC400_000D, since=V1_0, optional=True,
    presence_cites=("HWSTATE-3",), arguments=(native("target_cpu"), u32("power_level")),
)  # fmt: skip

HW_ON, HW_OFF, HW_STANDBY = 0, 1, 2


@NODE_HW_STATE.must_refuse(INVALID_PARAMETERS, cites=("HWSTATE-1", "HWSTATE-3"))
def node_absent(m, s, call):
    """No core has this MPIDR, or the core has no node at this power level; level 0 is the core itself."""
    node_named = (call.power_level == 0) | m.names_node(call.target_cpu, call.power_level)
    return ~m.is_core(call.target_cpu) | ~node_named


@NODE_HW_STATE.succeeds(Completion.RETURNS, cites=("HWSTATE-2", "HWSTATE-5", "HWSTATE-6"))
def state(m, s, call):
    """HW_ON, HW_OFF or HW_STANDBY; nothing relates the answer to the implementation's own view."""
    return always.returning_any(lambda r: r.is_in(HW_ON, HW_OFF, HW_STANDBY))
