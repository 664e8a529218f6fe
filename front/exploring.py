"""All reachable states of a machine, as numbers, as a graph, and as the shortest way to something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import networkx as nx

from psci.explorer.abstraction.cone import ABOUT
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.runs.describe import action_text, outcome_text, step_lines
from psci.explorer.runs.events import events_of
from psci.explorer.search import Exploration
from psci.explorer.search import explore as search
from psci.explorer.system import QUIET_MOVES, Product
from psci.explorer.watch import WatchedSystem, asked, unwatched
from psci.front.position import Position
from psci.model.errors import InputError
from psci.model.events import Event
from psci.model.machine import Undeclared

MOST_STATES = 20_000
"""Above this a graph of states is of no use to anybody."""


@dataclass(frozen=True)
class _From(Product):
    """The system of a machine that is in some state already."""

    state: Any = None

    def initial(self) -> Any:
        """That state."""
        return self.state


@dataclass(frozen=True)
class Way:
    """A shortest run to what was looked for."""

    product: Product
    steps: tuple[Any, ...]

    @property
    def events(self) -> list[Event]:
        """The run as the events of a trace."""
        return events_of(self.product, self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        return "\n".join(step_lines(self.product, list(self.steps)))

    def _repr_markdown_(self) -> str:
        return f"```\n{self!r}\n```"


@dataclass(frozen=True)
class Explored:
    """What an exploration found."""

    product: Product
    exploration: Exploration

    @property
    def states(self) -> int:
        """How many states were reached."""
        return len(self.exploration.states)

    @property
    def transitions(self) -> int:
        """How many transitions leave them."""
        return self.exploration.transitions

    @property
    def way(self) -> Way | None:
        """The shortest run to what was looked for; None where it was not reached."""
        steps = self.exploration.witness()
        if steps is None:
            return None
        if isinstance(self.exploration.system, WatchedSystem):
            steps = unwatched(steps)
        return Way(self.product, tuple(steps))

    def graph(self) -> nx.MultiDiGraph[int]:
        """The states and the transitions between them; each edge has its action, outcome and rule.

        Raises:
            InputError: there are too many states.
        """
        states = self.exploration.states
        if len(states) > MOST_STATES:
            raise InputError(f"{len(states):,} states are too many for a graph: draw a view of them with psci.graph")
        found: nx.MultiDiGraph[int] = nx.MultiDiGraph()
        number = {state: index for index, state in enumerate(states)}
        found.add_nodes_from((index, state._asdict()) for index, state in enumerate(states))
        for index, state in enumerate(states):
            for step in self.exploration.system.successors(state):
                if step.target in number:
                    action = action_text(self.product, step.action)
                    found.add_edge(
                        index, number[step.target], action=action, outcome=outcome_text(step), rule=step.rule.name
                    )
        return found

    def __repr__(self) -> str:
        done = self.exploration
        size = f"{self.states:,} states, {self.transitions:,} transitions, diameter {done.diameter}"
        return size + ("" if done.complete else ", not all")

    def _repr_markdown_(self) -> str:
        goal = self.exploration.goal
        if goal is None:
            return f"{self!r}"
        way = self.way
        found = "not reached" if way is None else f"reached in {len(way)} steps"
        return f"{self!r}\n\n**{goal.name}**: {goal.sentence} ({found})" + (
            "" if way is None else f"\n\n{way._repr_markdown_()}"
        )


def explore(
    position: Position, *, until: str | None = None, about: str = "cores", limit: int | None = None
) -> Explored:  # fmt: skip
    """Every state that can be reached from a machine's state, breadth first.

    Args:
        position: the machine, in the state to start from; it must declare everything.
        until: stop at the first use of a rule or return of a code, where a property is broken, at FIELD=VALUE, at a
            condition over the fields (`power[1] == ON`), or at a named goal.
        about: tell states apart only by what can influence this: cores, or another part of `psci explore --about`.
        limit: stop after so many states.

    Raises:
        InputError: there is no such goal or part, or the machine leaves something open.
    """
    if not isinstance(position, Position):
        raise InputError(f"{type(position).__name__} is not a machine: give what psci.machine() returns")
    if limit is not None and (type(limit) is not int or limit < 1):
        raise InputError(f"limit {limit!r}: give a number of states, at least 1")
    if about not in (*ABOUT, "all"):
        raise InputError(f"about {about!r}: choose one of {', '.join((*ABOUT, 'all'))}")
    product: Product = _From(
        position.machine, abstraction=Abstraction(widths=(True,)), without=QUIET_MOVES, state=position.state
    )
    question = asked(product, None if until is None else str(until), about)
    try:
        return Explored(question.product, search(question.searched or question.product, question.goal, limit=limit))
    except Undeclared as missing:
        raise InputError(
            f"the machine leaves {missing.key[0]} open: explore one that declares it, as psci.machine() does"
        ) from missing


__all__ = ["Explored", "Way", "explore"]
