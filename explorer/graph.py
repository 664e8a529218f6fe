"""The explored states as graphs: for networkx, as quotients by a view, and as what a caller can observe of one core."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import networkx as nx

from psci.explorer.runs.describe import action_text, outcome_text
from psci.explorer.search import Exploration, explore
from psci.explorer.system import MoveAction, Product, Transition
from psci.model.step import Invocation

LookAtState = Callable[[Any], Hashable]
"""What one looks at of a state."""
Observation = Callable[[Transition], str | None]
"""What is seen of a step; None where nothing is."""


def graph(found: Exploration) -> nx.MultiDiGraph[int]:
    """All states that were reached, and all transitions, for networkx.

    Returns:
        A graph whose nodes are the numbers of the states (`state`), and whose edges have `action`, `rule` and
        `outcome`, as texts, and `transition`.
    """
    system = found.system
    product: Any = getattr(system, "product", system)
    made: nx.MultiDiGraph[int] = nx.MultiDiGraph(machine=product.machine)
    numbers = {state: number for number, state in enumerate(found.states)}
    for number, state in enumerate(found.states):
        made.add_node(number, state=state)
        for transition in system.successors(state):
            if transition.target in numbers:
                made.add_edge(
                    number, numbers[transition.target], action=action_text(product, transition.action),
                    rule=transition.rule.name, outcome=outcome_text(transition), transition=transition,
                )  # fmt: skip
    return made


def quotient(states: nx.MultiDiGraph[int], view: LookAtState) -> nx.MultiDiGraph[Any]:
    """States that look alike as one node; between two nodes one edge for each rule, with how many steps it stands for.

    Args:
        states: a graph that `graph` made.
        view: what one looks at: `lambda state: state.power`.
    """
    made: nx.MultiDiGraph[Any] = nx.MultiDiGraph()
    seen = {number: view(state) for number, state in states.nodes(data="state")}
    for number, node in seen.items():
        made.add_node(node, states=made.nodes[node]["states"] + 1 if node in made else 1, first=min(
            number, made.nodes[node]["first"] if node in made else number))  # fmt: skip
    counts: dict[tuple[Hashable, Hashable, str], int] = defaultdict(int)
    for source, target, rule in states.edges(data="rule"):
        counts[seen[source], seen[target], rule] += 1
    for (source_node, target_node, rule), count in counts.items():
        made.add_edge(source_node, target_node, key=rule, rule=rule, steps=count)
    return made


@dataclass(frozen=True)
class Automaton:
    """A deterministic automaton; every state accepts, because what can be seen so far can be seen."""

    start: int
    edges: tuple[Mapping[str, int], ...]
    """For each state where each observation leads."""

    @property
    def letters(self) -> frozenset[str]:
        """Everything that can be observed."""
        return frozenset(letter for edges in self.edges for letter in edges)

    def graph(self) -> nx.MultiDiGraph[int]:
        """The automaton for networkx."""
        made: nx.MultiDiGraph[int] = nx.MultiDiGraph(start=self.start)
        made.add_nodes_from(range(len(self.edges)))
        for source, edges in enumerate(self.edges):
            for letter, target in edges.items():
                made.add_edge(source, target, key=letter, letter=letter)
        return made

    def tells_apart(self, other: Automaton) -> tuple[str, ...] | None:
        """A shortest run of observations that one of two automata has and the other lacks; None where they are equal.

        Two automata without such a run have the same language.
        """
        ways: dict[tuple[int, int], tuple[str, ...]] = {(self.start, other.start): ()}
        waiting = [(self.start, other.start)]
        for one, two in waiting:
            here, there = self.edges[one], other.edges[two]
            for letter in sorted({*here, *there}):
                way = (*ways[one, two], letter)
                if (letter in here) != (letter in there):
                    return way
                pair = here[letter], there[letter]
                if pair not in ways:
                    ways[pair] = way
                    waiting.append(pair)
        return None


def observed(product: Product, core: int) -> Observation:
    """What the caller on one core sees: its own calls and how they end, and that it is entered."""

    def seen(step: Transition) -> str | None:
        action = step.action
        if isinstance(action, Invocation):
            return f"{action_text(product, action)} -> {outcome_text(step)}" if action.caller == core else None
        if isinstance(action, MoveAction) and action.name == "ENTER" and action.place == core:
            return action_text(product, action)
        return None

    return seen


def automaton(product: Product, observation: Observation, limit: int | None = None) -> Automaton:
    """The smallest deterministic automaton of everything that can be observed, over all reachable states.

    Args:
        product: what is explored.
        observation: what is seen of a step; steps of which nothing is seen may happen at any time.
        limit: how many states are explored at most.

    Raises:
        ValueError: the limit was reached; the automaton would be of a part only.
    """
    found = explore(product, limit=limit)
    if not found.complete:
        raise ValueError(f"more than {limit} states: look at fewer cores, or give a higher limit")
    numbers = {state: number for number, state in enumerate(found.states)}
    hidden: list[set[int]] = [set() for _ in found.states]
    open_: list[dict[str, set[int]]] = [defaultdict(set) for _ in found.states]
    for number, state in enumerate(found.states):
        for step in product.successors(state):
            letter, target = observation(step), numbers[step.target]
            if letter is None:
                hidden[number].add(target)
            else:
                open_[number][letter].add(target)
    return _smallest(_subsets(hidden, open_))


def _closure(states: Iterable[int], hidden: list[set[int]]) -> frozenset[int]:
    found = set(states)
    waiting = list(found)
    while waiting:
        for state in hidden[waiting.pop()] - found:
            found.add(state)
            waiting.append(state)
    return frozenset(found)


def _subsets(hidden: list[set[int]], open_: list[dict[str, set[int]]]) -> Automaton:
    """The subset construction: where one may be after each run of observations."""
    start = _closure({0}, hidden)
    numbers = {start: 0}
    order = [start]
    edges: list[dict[str, int]] = []
    for here in order:
        following: dict[str, set[int]] = defaultdict(set)
        for state in here:
            for letter, targets in open_[state].items():
                following[letter] |= targets
        row = {}
        for letter in sorted(following):
            there = _closure(following[letter], hidden)
            if there not in numbers:
                numbers[there] = len(order)
                order.append(there)
            row[letter] = numbers[there]
        edges.append(row)
    return Automaton(0, tuple(edges))


def _smallest(made: Automaton) -> Automaton:
    """States from which the same can be observed are one: split by what each observation leads to until none differ."""
    block = [0] * len(made.edges)
    count = 0
    while True:
        keys: dict[Hashable, int] = {}
        new = []
        for state, edges in enumerate(made.edges):
            key = (block[state], tuple((letter, block[target]) for letter, target in sorted(edges.items())))
            new.append(keys.setdefault(key, len(keys)))
        block = new
        if len(keys) == count:
            break
        count = len(keys)
    rows: dict[int, Mapping[str, int]] = {}
    for state, edges in enumerate(made.edges):
        rows.setdefault(block[state], {letter: block[target] for letter, target in edges.items()})
    return Automaton(block[made.start], tuple(rows[number] for number in range(count)))


__all__ = ["Automaton", "automaton", "graph", "observed", "quotient"]
