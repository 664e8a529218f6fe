"""What must happen in the end: leads-to properties under weak fairness, by strongly connected components.

A run is fair when every fair action that stays possible from some point on is taken again and
again. A property fails when a run can stay, fairly and for ever, where the conclusion never holds:
in a strongly connected component in which each fair action is taken, or is impossible somewhere.
A state that nobody leaves is such a component too: a run may stop there only if no fair action is
possible, so a terminal state is neither mistaken for an end nor overlooked.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import networkx as nx

from psci.explorer.abstraction.cone import CORES, cone
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.goals.goal import Goal
from psci.explorer.overlap import Decide, Invoke, Overlapped, Overlapping
from psci.explorer.search import Exploration, explore
from psci.explorer.system import MoveAction, Product, State
from psci.model.calls.cpu_off import CPU_OFF
from psci.model.calls.cpu_on import CPU_ON
from psci.model.machine import Machine
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation

Predicate = Callable[[Any], bool]
Fairness = Callable[[Any], Hashable | None]
"""For an action, the name under which it must be fair, or None where it may be put off for ever."""


@dataclass(frozen=True, slots=True)
class LeadsTo:
    """Wherever the premise holds, the conclusion holds then or later, on every fair run."""

    name: str
    sentence: str
    cites: tuple[str, ...]
    system: Any
    premise: Predicate
    conclusion: Predicate
    fair: Fairness


@dataclass(frozen=True, slots=True)
class Lasso:
    """A fair run on which the conclusion never comes: a way to a cycle, and the cycle (empty: nothing moves)."""

    stem: tuple[tuple[Any, State], ...]
    """Actions and the states after them, from the initial state."""
    cycle: tuple[tuple[Any, State], ...]


@dataclass(frozen=True, slots=True)
class LivenessVerdict:
    """Whether a leads-to property holds of all reachable states."""

    claim: LeadsTo
    states: int
    premises: int
    """In how many reachable states the premise holds and the conclusion does not yet; 0 is a vacuous success."""
    lasso: Lasso | None

    @property
    def holds(self) -> bool:
        """No fair run avoids the conclusion, and the premise is met."""
        return self.lasso is None and self.premises > 0


def check(claim: LeadsTo) -> LivenessVerdict:
    """Decide a leads-to property on all reachable states of its system."""
    found = explore(claim.system)
    graph = _graph(found, claim)
    begin = [n for n in sorted(graph) if claim.premise(found.states[n])]
    reachable = set(begin).union(*(nx.descendants(graph, n) for n in begin))
    around = graph.subgraph(reachable)
    for component in sorted(nx.strongly_connected_components(around), key=min):
        inner = around.subgraph(component)
        if _fair(inner):
            return LivenessVerdict(claim, len(found.states), len(begin), _lasso(found, graph, begin, inner))
    return LivenessVerdict(claim, len(found.states), len(begin), None)


def _graph(found: Exploration, claim: LeadsTo) -> nx.MultiDiGraph[int]:
    """The states in which the conclusion does not hold, with the fair actions possible in each."""
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    numbers = {state: n for n, state in enumerate(found.states)}
    avoiding = {n for n, state in enumerate(found.states) if not claim.conclusion(state)}
    for n in sorted(avoiding):
        keys = set()
        for step in found.system.successors(found.states[n]):
            key = claim.fair(step.action)
            keys.add(key)
            target = numbers[step.target]
            if target in avoiding:
                graph.add_edge(n, target, action=step.action, fair=key)
        graph.add_node(n, possible=frozenset(keys - {None}))
    return graph


def _fair(component: nx.MultiDiGraph[int]) -> bool:
    """A run can stay in the component for ever without neglecting a fair action."""
    possible = [data["possible"] for _, data in component.nodes(data=True)]
    always = frozenset.intersection(*possible)
    taken = {data["fair"] for _, _, data in component.edges(data=True)}
    return always <= taken


def _lasso(found: Exploration, graph: Any, begin: list[int], component: Any) -> Lasso:
    home = min(component)
    paths = (nx.shortest_path(graph, n, home) for n in begin if nx.has_path(graph, n, home))
    bridge = min(paths, key=len)
    stem = [(step.transition.action, step.after) for step in found.path_to(bridge[0])]
    stem += _along(found, graph, bridge)
    # once round, through every state of the component, so that the cycle itself is fair
    walk = [home]
    for stop in [*sorted(component), home]:
        walk += nx.shortest_path(component, walk[-1], stop)[1:]
    cycle = _along(found, component, walk)
    if not cycle and component.has_edge(home, home):
        cycle = _along(found, component, [home, home])
    return Lasso(tuple(stem), tuple(cycle))


def _along(found: Exploration, graph: Any, path: list[int]) -> list[tuple[Any, State]]:
    return [(graph.edges[a, b, 0]["action"], found.states[b]) for a, b in itertools.pairwise(path)]


# ---- the properties of DEN0022 6.6 (facts, PROP-15)


def _starts(action: Any) -> Hashable | None:
    """Fair hardware: a core that was powered up finishes its start."""
    return action if isinstance(action, MoveAction) and action.name == "START" else None


def _starts_and_decides(action: Any) -> Hashable | None:
    """Fair hardware, and an implementation that answers every call."""
    return ("decide", action.core) if isinstance(action, Decide) else _starts(action)


def _everyone(action: Any) -> Hashable | None:
    """As before, and callers that go on."""
    return ("invoke", action.core) if isinstance(action, Invoke) else _starts_and_decides(action)


def on_pending_leads_to_on(machine: Machine, specification: Specification = SPECIFICATION, core: int = 1) -> LeadsTo:
    """An accepted CPU_ON ends: the target is ON, unless a system call or a loss of power comes first."""
    return LeadsTo(
        "ON_PENDING_LEADS_TO_ON",
        "A core that is ON_PENDING becomes ON, unless the system goes down.",
        ("PROP-15", "SM-6"),
        Product(machine, cone(specification, machine, CORES).specification, Abstraction(widths=(True,))),
        premise=lambda state: bool(state.power[core] == "ON_PENDING" and state.system == "RUNNING"),
        conclusion=lambda state: bool(state.power[core] == "ON" or state.system in ("GOING", "DOWN")),
        fair=_starts,
    )


def cpu_off_leads_to_off(machine: Machine, specification: Specification = SPECIFICATION, core: int = 1) -> LeadsTo:
    """A CPU_OFF that was made is processed: the core is OFF in the end, while another core goes on calling CPU_ON."""
    return LeadsTo(
        "CPU_OFF_LEADS_TO_OFF",
        "A core whose CPU_OFF is not processed yet becomes OFF.",
        ("PROP-15", "SM-11", "SM-13"),
        _hotplug(machine, specification, core, retry_always=True),
        premise=lambda state: _is_leaving(state, core),
        conclusion=lambda state: bool(state.system.power[core] == "OFF"),
        fair=_starts_and_decides,
    )


def retry_loop_ends(machine: Machine, specification: Specification = SPECIFICATION, core: int = 1) -> LeadsTo:
    """The retry loop of 6.6: an OS that repeats CPU_ON while it gets ALREADY_ON does not repeat it for ever."""
    return LeadsTo(
        "RETRY_LOOP_ENDS",
        "CPU_ON for a core whose CPU_OFF is not refused is repeated only finitely often while it returns ALREADY_ON.",
        ("PROP-15", "PROP-16", "SM-11"),
        _hotplug(machine, specification, core, retry_always=False),
        premise=lambda state: _is_leaving(state, core),
        conclusion=lambda state: state.answers[machine.boot] not in (None, "ALREADY_ON"),
        fair=_everyone,
    )


def _is_leaving(state: Overlapped, core: int) -> bool:
    call = state.calls[core]
    return call is not None and call.fn == CPU_OFF.key


def _hotplug(machine: Machine, specification: Specification, core: int, retry_always: bool) -> Overlapping:
    """One core runs CPU_OFF, once for each time it is started; the boot core calls CPU_ON for it."""
    product = Product(machine, cone(specification, machine, CORES).specification, Abstraction(widths=(False,)))
    # from where both run: the boot core has started the other with a CPU_ON of its own
    both = Goal("both", "Both cores run.", lambda s: all(s.activity[c] == "RUNNING" for c in (machine.boot, core)))
    way = explore(product, both).witness()
    assert way is not None, "a second core cannot be started: the rules or the machine are broken"
    start = way[-1].after
    on = Invocation(machine.boot, CPU_ON.key, machine.cores[core], 0x4000_0000, 0x11)
    off = Invocation(core, CPU_OFF.key)

    def program(caller: int, answer: str | None) -> tuple[Invocation, ...]:
        if caller == core:
            return (off,)
        again = retry_always or answer in (None, "ALREADY_ON")
        return (on,) if caller == machine.boot and again else ()

    return Overlapping(product, program, start)


def claims(machine: Machine, specification: Specification = SPECIFICATION) -> tuple[LeadsTo, ...]:
    """Every leads-to property, for a machine of two cores or more."""
    every = (on_pending_leads_to_on, cpu_off_leads_to_off, retry_loop_ends)
    return tuple(make(machine, specification) for make in every)
