"""Statistics: what was never used was used for no time (5.22)."""

from __future__ import annotations

from typing import Any

from psci.model.declare import Call
from psci.model.language.effects import NOTHING, Effect, each
from psci.model.language.rules import RESULT, Completion
from psci.model.language.sorts import BOOL, CORE, NODE
from psci.model.language.terms import FALSE, TRUE, conjunction, every, implies, some
from psci.model.symbols.machine import MachineTerms
from psci.properties.language import History, StateView, Step, invariant, remembered, safety
from psci.properties.machine.domains import awake, nodes_of_off_cores_are_down
from psci.properties.machine.states import states_fit_together
from psci.properties.words import has_smc64, present

USED = remembered("STAT-ZERO", "used", CORE, of=BOOL, doc="The core went down by a call of its own since boot.")
NODE_USED = remembered("STAT-ZERO", "node_used", NODE, of=BOOL, doc="So did a core in the node, or the whole system.")


def _never(h: StateView) -> Effect:
    return h.but(used=each(lambda core: False), node_used=each(lambda node: False))


def _goes_down(m: MachineTerms, h: StateView, step: Step) -> Effect:
    """A suspend call that waits, CPU_OFF or CPU_FREEZE uses a state of its caller, and perhaps of the nodes above."""
    if step.name == "BOOT":
        return _never(h)
    since_boot = m.stay_since_boot == "EITHER"
    if step.name == "START":
        above = each(lambda node: h.node_used[node] | (since_boot & m.below(step.core, node)))
        return h.but(used={step.core: h.used[step.core] | since_boot}, node_used=above)
    if step.name == "CPU_ON" and step.completion is Completion.RETURNS:
        # by a reading a core that is started, and what is above it, was down since the boot
        def above_target(node: Any) -> Any:
            named = some(CORE, lambda core: (m.mpidr(core) == step.call.target_cpu) & m.below(core, node))
            return step.returns(0) & since_boot & named

        return h.but(node_used=each(lambda node: h.node_used[node] | above_target(node)))
    if step.completion is Completion.WAITS or step.name in ("CPU_OFF", "CPU_FREEZE"):
        if step.completion is Completion.RETURNS:
            return NOTHING
        everywhere = step.name == "SYSTEM_SUSPEND"

        def taken_along(node: Any) -> Any:
            """A node inside one of which the call asks something (OS-initiated)."""
            if step.name != "CPU_SUSPEND":
                return FALSE

            def asks(high: Any) -> Any:
                asked = m.requested(step.call.power_state, m.level(high)) != "RUN"
                return m.below(step.core, high) & m.ancestor(high, node) & asked

            return some(NODE, asks)

        above = each(
            lambda node: h.node_used[node] | (TRUE if everywhere else m.below(step.core, node) | taken_along(node))
        )
        return h.but(used={step.core: True}, node_used=above)
    return NOTHING


@invariant
def only_what_went_down_is_counted(m: Any, s: Any, h: Any) -> Any:
    """Whatever is in a low-power state, or is counted as having been, went down by a call."""

    def core_fits(core: Any) -> Any:
        down = ((s.power[core] == "ON") & ~awake(s, core)) | (s.activity[core] == "FROZEN")
        above = every(NODE, lambda node: implies(h.used[core] & m.below(core, node), h.node_used[node]))
        return implies((down | s.slept[core]) & s.system.is_in("RUNNING", "SUSPENDED", "GOING"), h.used[core]) & above

    def node_fits(node: Any) -> Any:
        return implies(s.dozed[node] & (s.system != "DOWN"), h.node_used[node])

    return every(CORE, core_fits) & every(NODE, node_fits)


@safety(
    "STAT-ZERO", "nothing-is-counted-before-its-use", about=("PSCI_STAT_RESIDENCY", "PSCI_STAT_COUNT"),
    history=History((USED, NODE_USED), _never, _goes_down), helpers=(only_what_went_down_is_counted,),
    lemmas=(states_fit_together, nodes_of_off_cores_are_down),
    cites=("STAT-3", "STAT-5", "STAT-6", "STAT-7", "STAT-9"),
)  # fmt: skip
def nothing_is_counted_before_its_use(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """Count and residency are 0 for what does not exist, and until the target or a core of the node meant went down."""
    if step.completion is not Completion.RETURNS:
        return TRUE
    call, owner = step.call, step.owner
    assert isinstance(owner, Call)
    state = call.power_state - (call.power_state & m.last_in_level_bits)
    level = m.counted_level(state)
    counted = m.counted_node(call.target_cpu, state)
    of_the_core = (level == 0) | ~m.described(state)

    def about(core: Any) -> Any:
        def unused(node: Any) -> Any:
            return implies(m.below(core, node) & (m.level(node) == level), ~h.node_used[node])

        never = (of_the_core & ~h.used[core]) | (~of_the_core & every(NODE, unused))
        named = m.mpidr(core) == call.target_cpu
        return implies(named & (never | ~counted), RESULT == 0)

    nobody = every(CORE, lambda core: m.mpidr(core) != call.target_cpu)
    hidden = call.wide & ((call.isa == "AARCH32") | ~has_smc64(m, owner))
    return ~present(m, owner) | hidden | conjunction(every(CORE, about), implies(nobody, RESULT == 0))
