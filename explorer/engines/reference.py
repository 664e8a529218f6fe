"""The plain search over the rules themselves, which the other engines are compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from psci.explorer.engines.question import EngineAnswer, Progress, ReachabilityQuestion
from psci.explorer.goals.goal import Goal
from psci.explorer.overlap import ThreePoints
from psci.explorer.search import Exploration, SearchStep, explore


@dataclass(frozen=True)
class ReferenceEngine:
    """The engine; it drops nothing, so it answers a question without roots."""

    distinct: bool = False
    """Also count pairs of a state and another one that follows it, which means to expand every state twice."""
    name = "reference"

    def answer(self, question: ReachabilityQuestion, progress: Progress) -> EngineAnswer:
        """Answer a question."""
        system: Any = ThreePoints(question.product) if question.overlapping else question.product
        goal = question.goal
        if question.overlapping and goal is not None:
            goal = _of_system(goal)

        def tell(done: Exploration) -> None:
            progress(f"{len(done.states):,} states, {done.transitions:,} transitions")

        if question.searched is not None:
            system = question.searched
        done = explore(system, goal, limit=question.limit, progress=tell)
        steps = done.witness()
        if steps is not None and (question.overlapping or question.searched is not None):
            # what is kept beside the state is the system's own
            steps = [SearchStep(s.before.system, s.transition._replace(target=s.after.system)) for s in steps]
        distinct = None
        if self.distinct and done.complete:
            distinct = sum(len(set(system.expand(state)[1]) - {state}) for state in done.states)
        return EngineAnswer(
            "reference", len(done.states), done.transitions, distinct, done.diameter, done.seconds, done.complete,
            None if steps is None else tuple(steps),
        )  # fmt: skip


def _of_system(goal: Goal) -> Goal:
    """The goal in a system whose states also say which calls the cores are in."""
    of_state, of_step = goal.of_state, goal.of_step
    return replace(
        goal,
        of_state=None if of_state is None else lambda state: of_state(state.system),
        of_step=None if of_step is None else lambda state, step: of_step(state.system, step),
    )
