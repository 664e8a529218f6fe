"""The plain search over the rules themselves, which the other engines are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psci.explorer.engines.question import Answer, Progress, Question
from psci.explorer.search import Exploration, explore
from psci.explorer.watch import PropertyWatching, unwatched


@dataclass(frozen=True)
class Reference:
    """The engine; it drops nothing, so it answers a question without roots."""

    distinct: bool = False
    """Also count pairs of a state and another one that follows it, which means to expand every state twice."""
    name = "reference"

    def answer(self, question: Question, progress: Progress) -> Answer:
        """Answer a question."""
        system: Any = question.product

        def tell(done: Exploration) -> None:
            progress(f"{len(done.states):,} states, {done.transitions:,} transitions")

        if isinstance(question.watching, PropertyWatching):
            system = question.watching.watch
            done = explore(system, system.goal, limit=question.limit, progress=tell)
            way = done.witness()
            steps = None if way is None else unwatched(way)
        else:
            done = explore(system, question.goal, limit=question.limit, progress=tell)
            steps = done.witness()
        distinct = None
        if self.distinct and done.complete:
            distinct = sum(len(set(system.expand(state)[1]) - {state}) for state in done.states)
        return Answer(
            "reference", len(done.states), done.transitions, distinct, done.diameter, done.seconds, done.complete,
            None if steps is None else tuple(steps),
        )  # fmt: skip
