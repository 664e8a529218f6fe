"""A tree of power domains after the same requests in both suspend modes (DEN0022 4.2.3)."""

from __future__ import annotations

from typing import Any

from psci.explorer.abstraction.machines import SHALLOW_STATES, SYSTEM_STATES, small
from psci.graphs.diagram import Cluster, Diagram, DiagramNode, EdgeKind, EdgeLabel, merged
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.cpu_suspend import CPU_SUSPEND
from psci.model.calls.set_suspend_mode import PSCI_SET_SUSPEND_MODE
from psci.model.environment import ENTER, START
from psci.model.errors import InputError
from psci.model.power.topology import Topology
from psci.model.step import Invocation, Stepper
from psci.model.symbols.state import MODE
from psci.model.tables.versions import V1_0, Version

_ENTRY = 0x4000_0000
CORE_ONLY, CLUSTER, SYSTEM = 0x1_0000, 0x101_0000, 0x201_0000
"""Values of power_state: powerdown of the core, of its cluster, of its cluster with the system in retention."""
REQUESTS = ((1, CORE_ONLY), (0, CLUSTER), (2, CORE_ONLY), (3, SYSTEM))
"""Which core asks for what, in this order."""
_TEXTS = {CORE_ONLY: "itself", CLUSTER: "itself and its cluster", SYSTEM: "itself, its cluster and the system"}
_TONES = {"RUN": "on", "STANDBY": "entering", "RETENTION": "idle", "POWERDOWN": "off"}


def domains_view(version: Version) -> Diagram:
    """Two clusters of two cores: what each core asked for, and what became of the domains, in each mode.

    Raises:
        InputError: the version knows one mode only.
    """
    if version < V1_0:
        raise InputError(f"view domains: PSCI {version} has no suspend modes; take --version 1.0 or later")
    nodes: list[DiagramNode] = []
    edges = []
    for mode in range(len(MODE.values)):
        stepper, state = _asleep(version, mode)
        tree = stepper.machine.tree
        for node, name in enumerate(tree.names):
            local = state.node[node]
            nodes.append(DiagramNode(f"{mode} {name}", f"{name}\n{local}", _TONES[local], f"mode {mode}"))
            if node:
                edges.append(
                    (f"{mode} {tree.names[tree.parents[node]]}", f"{mode} {name}", EdgeKind.PART, EdgeLabel(""))
                )
        for core, word in sorted(REQUESTS):
            home = tree.names[tree.homes[core]]
            votes = [
                f"{tree.names[n]}: {state.vote[core * len(tree.names) + n]}"
                for n in range(len(tree.names))
                if tree.below(core, n)
            ]
            order = [c for c, _ in REQUESTS].index(core) + 1
            text = f"core {core}\n{order}. asks for {_TEXTS[word]}\n" + ("" if mode else f"votes {', '.join(votes)}")
            nodes.append(DiagramNode(f"{mode} core {core}", text, "idle", f"mode {mode}"))
            edges.append((f"{mode} {home}", f"{mode} core {core}", EdgeKind.PART, EdgeLabel("")))
    boxes = (
        Cluster("mode 0", "platform-coordinated: the shallowest vote decides"),
        Cluster("mode 1", "OS-initiated: the last core decides"),
    )
    about = f"PSCI {version}: all four cores are suspended in powerdown, by the same requests in the same order"
    return Diagram("Power domains in both suspend modes", about, tuple(nodes), merged(edges), boxes)


def _asleep(version: Version, mode: int) -> tuple[Stepper, Any]:
    """The machine, and its state after all requests."""
    tree = Topology.clusters([2, 2])
    states = (*SHALLOW_STATES, *SYSTEM_STATES)
    stepper = Stepper(small(4, version, topology=tree, declared={"osi_supported": True}, states=states))
    state = stepper.initial()
    if mode:
        state = _success(stepper, state, Invocation(0, PSCI_SET_SUSPEND_MODE.key, mode))
    for core in range(1, 4):
        state = _success(stepper, state, Invocation(0, CPU_ON.fid64 or 0, core, _ENTRY))
        state = stepper.move(START.name, state, core)[0][1]
        state = stepper.move(ENTER.name, state, core, (_ENTRY, 0))[0][1]
    for core, word in REQUESTS:
        state = _success(stepper, state, Invocation(core, CPU_SUSPEND.fid64 or 0, word, _ENTRY))
    return stepper, state


def _success(stepper: Stepper, state: Any, call: Invocation) -> Any:
    """The state after the plain success of a call."""
    outcomes = stepper.allowed(state, call).outcomes
    return next(o.state for o in outcomes if o.rule.modality.value == "succeeds")
