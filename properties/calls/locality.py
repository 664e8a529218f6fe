"""What a step leaves alone: the cores that it is not about, the nodes not above these, the rest of the machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psci.model.declare import Move
from psci.model.language.sorts import CORE, NODE
from psci.model.language.terms import FALSE, TRUE, Term, conjunction, every, implies, some
from psci.model.symbols.state import FIELDS
from psci.properties.language import Step, safety
from psci.properties.machine.domains import runs
from psci.properties.machine.states import states_fit_together

WHOLE_MACHINE = ("BOOT", "GO_DOWN", "LOSE_POWER")
"""The moves that are about every core."""
SYSTEM_CALLS = ("SYSTEM_OFF", "SYSTEM_RESET", "SYSTEM_OFF2", "SYSTEM_RESET2")
OF_A_CORE = tuple(field.name for field in FIELDS if field.domain == (CORE,))
OF_A_NODE = tuple(field.name for field in FIELDS if field.domain == (NODE,))
CHANGED_BY: Mapping[str, tuple[str, ...]] = {
    "system": (*SYSTEM_CALLS, "SYSTEM_SUSPEND", "WAKEUP", "GO_DOWN", "LOSE_POWER", "BOOT", "HOST_START"),
    "kind": ("GO_DOWN", "LOSE_POWER", "BOOT"),
    "mode": ("PSCI_SET_SUSPEND_MODE", "BOOT"),
    "suspend_used": ("CPU_SUSPEND", "PSCI_SET_SUSPEND_MODE", "BOOT"),
    "suspend_ever": ("CPU_SUSPEND", "BOOT"),
    "migrated": ("MIGRATE", "BOOT"),
    "resident": ("MIGRATE", "BOOT"),
    "memory_protected": ("MEM_PROTECT", "BOOT"),
    "memory": ("BOOT",),
    "platform": ("BOOT",),
}
"""For each field of the machine as a whole the calls and moves that are about it."""
ANSWERS_ONLY = (
    "PSCI_VERSION", "AFFINITY_INFO", "MIGRATE_INFO_TYPE", "MIGRATE_INFO_UP_CPU", "PSCI_FEATURES", "NODE_HW_STATE",
    "PSCI_STAT_RESIDENCY", "PSCI_STAT_COUNT", "MEM_PROTECT_CHECK_RANGE", "CLEAN_INV_MEMREGION",
    "CLEAN_INV_MEMREGION_ATTRIBUTES", "UNKNOWN", "NOT_PSCI",
)  # fmt: skip
"""Calls that change no power state of anything."""


def is_about(m: Any, step: Step, core: Term) -> Any:
    """The core is the caller or the target of the call, or the core that moves."""
    if isinstance(step.owner, Move) and step.owner.core is None:
        return FALSE
    if step.name == "CPU_ON":
        return (core == step.core) | (m.mpidr(core) == step.call.target_cpu)
    return core == step.core


def is_above(m: Any, step: Step, node: Term) -> Any:
    """The power domain contains a core that the step is about, or is itself what moves."""
    if isinstance(step.owner, Move) and step.owner.core is None:
        return node == step.node
    if step.name == "CPU_ON":
        return m.below(step.core, node) | some(CORE, lambda core: is_about(m, step, core) & m.below(core, node))
    return m.below(step.core, node)


@safety(
    "LOCAL-CORES", "a-step-is-about-its-own-cores", lemmas=(states_fit_together,),
    cites=("CPU_OFF-1", "CPU_ON-1", "CPU_SUSPEND-1", "FREEZE-1", "SYS-4", "RET-12"),
)  # fmt: skip
def a_step_is_about_its_own_cores(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A call changes nothing of a core but its caller and its target, a move nothing of a core but its own.

    Where a system call stops all cores at once, the others stop as well, and that is all that happens to them.
    """
    if step.name in WHOLE_MACHINE:
        return TRUE
    stops_all = (m.system_stop == "AT_ONCE") if step.name in SYSTEM_CALLS else FALSE

    def same(name: str, core: Term) -> Any:
        unchanged = getattr(t, name)[core] == getattr(s, name)[core]
        if name == "power" and step.name == "AFFINITY_INFO":
            # on the way down a core that has stopped is OFF for good once somebody was told so
            return unchanged | ((s.system == "GOING") & (s.activity[core] == "STOPPED") & (t.power[core] == "OFF"))
        return unchanged | (stops_all & (t.activity[core] == "STOPPED")) if name == "activity" else unchanged

    def untouched(core: Term) -> Any:
        votes = every(NODE, lambda node: t.vote[core, node] == s.vote[core, node])
        return is_about(m, step, core) | conjunction(votes, *(same(name, core) for name in OF_A_CORE))

    return every(CORE, untouched)


@safety(
    "LOCAL-NODES", "a-step-is-about-the-nodes-above", lemmas=(states_fit_together,),
    cites=("PD-1", "PC-6", "PC-10", "OSI-3", "CPU_OFF-10", "STAT-7"),
)  # fmt: skip
def a_step_is_about_the_nodes_above(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A step changes only power domains above a core that it is about; SYSTEM_SUSPEND and a boot are about all."""
    if step.name in (*WHOLE_MACHINE, "SYSTEM_SUSPEND"):
        return TRUE

    def untouched(node: Term) -> Any:
        same = (getattr(t, name)[node] == getattr(s, name)[node] for name in OF_A_NODE)
        return is_above(m, step, node) | brought_down(node) | conjunction(*same)

    def brought_down(node: Term) -> Any:
        """An OS-initiated request takes nodes inside along that were left running though none of their cores runs."""
        if step.name != "CPU_SUSPEND":
            return FALSE
        idle = every(CORE, lambda core: implies(m.below(core, node), ~runs(s, core)))
        return (s.mode == "OS_INITIATED") & (s.node[node] == "RUN") & idle

    return every(NODE, untouched)


@safety(
    "LOCAL-MACHINE", "each-call-has-its-own-business", lemmas=(states_fit_together,),
    cites=("MODE-1", "MIGRATE-1", "MEMP-1", "OFF-3", "RESET-2", "OFF2-13", "SYSSUSP-1", "AFF-9"),
)  # fmt: skip
def each_call_has_its_own_business(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """Mode, residency, memory and the system change by the calls and moves that are about these, and by no others."""
    return conjunction(
        *(getattr(t, name) == getattr(s, name) for name, steps in CHANGED_BY.items() if step.name not in steps)
    )


@safety(
    "LOCAL-ASKING", "asking-changes-nothing", about=ANSWERS_ONLY,
    cites=("AFF-9", "AFF-11", "FEAT-1", "STAT-6", "MIG_CPU-1", "MEMC-1", "HWSTATE-5"),
)  # fmt: skip
def asking_changes_nothing(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A call that only asks changes nothing of its caller either."""
    same = conjunction(*(getattr(t, name)[step.core] == getattr(s, name)[step.core] for name in OF_A_CORE))
    return same & every(NODE, lambda node: t.node[node] == s.node[node])


@safety(
    "CALLER-STAYS", "nobody-else-stops-a-caller", lemmas=(states_fit_together,),
    cites=("SM-16", "SYS-4", "CPU_OFF-1", "OSI-16"),
)  # fmt: skip
def nobody_else_stops_a_caller(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """While a core runs, whatever other cores do leaves it running, unless the system goes down."""
    if step.name in WHOLE_MACHINE or not step.is_call:
        return TRUE

    def stays(core: Term) -> Any:
        other_runs = (s.activity[core] == "RUNNING") & (core != step.core)
        return implies(other_runs, (t.activity[core] == "RUNNING") | t.system.is_in("GOING", "DOWN"))

    return every(CORE, stays)
