"""How a property of runs is written: a premise that leads to a goal, by stages that are passed in order.

A response follows from conditions on single steps, by the chain rule of Manna and Pnueli for runs that
are just (weakly fair): each stage has a helpful action that stays possible while the stage lasts, so that
it is taken in the end, and it leads to a later stage or to the goal; no other step leads back. The cores
that are watched are any, but always the same: history variables of sort Core that no step changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from psci.model.language.terms import TRUE, Term, disjunction
from psci.properties.language import (
    NO_HISTORY,
    Claim,
    ClaimKind,
    History,
    Invariant,
    Property,
    Step,
    declare,
    given_of,
    of_state,
    sentence_of,
)

StateCondition: TypeAlias = Callable[[Any, Any, Any], Any]
"""Of the machine, a state and what is remembered: (m, s, h); what it returns is a term."""


def _any_arguments(_m: Any, _s: Any, _h: Any, _step: Step) -> Any:
    return TRUE


@dataclass(frozen=True)
class Helpful:
    """What a fair run does in the end if it stays possible: a move of a core, or the decision of a call it is in."""

    name: str
    """The move or the call."""
    by: str | None
    """The history variable that holds the core; None for a move of the machine."""
    such_that: Claim = _any_arguments
    """Which arguments the call has, (m, s, h, step); the decision must be possible for all of these."""

    def __str__(self) -> str:
        return self.name if self.by is None else f"{self.name} by the {self.by} core"


@dataclass(frozen=True)
class Stage:
    """A part of the way to the goal, with the action that ends it."""

    name: str
    condition: StateCondition
    helpful: Helpful


@dataclass(frozen=True)
class Response(Property):
    """Wherever the premise holds, the goal holds then or later, on every fair run; the claim is the goal, (m, s, h).

    What is remembered begins where the premise holds.
    """

    premise: StateCondition = lambda _m, _s, _h: TRUE
    stages: tuple[Stage, ...] = ()
    """In the order in which they are passed; some may be left out."""

    def of_premise(self) -> Term:
        """The premise, over a state."""
        return self._term(self.premise)

    def of_goal(self) -> Term:
        """The goal, over a state."""
        return self._term(self.claim)

    def of_stage(self, stage: Stage) -> Term:
        """The condition of a stage, over a state."""
        return self._term(stage.condition)

    def reached_from(self, stage: Stage | None, further: bool) -> Term:
        """The goal or a stage that is not before the given one; with `further` not that one either."""
        place = 0 if stage is None else self.stages.index(stage) + further
        return disjunction(self.of_goal(), *(self.of_stage(later) for later in self.stages[place:]))

    def is_helpful(self, stage: Stage, step: Step) -> Term:
        """A step of the stage's call or move is the helpful one: by its core, and with its arguments."""
        view = self.history.view
        fits = given_of(stage.helpful.such_that, self.history, step)
        return fits if stage.helpful.by is None else fits & (step.core == getattr(view, stage.helpful.by))

    def _term(self, condition: StateCondition) -> Term:
        return of_state(condition, self.history)


def leads_to(
    name: str, title: str, *, cites: tuple[str, ...], premise: StateCondition, stages: tuple[Stage, ...],
    history: History = NO_HISTORY, lemmas: tuple[Property, ...] = (), given: tuple[Invariant, ...] = (),
) -> Callable[[StateCondition], Response]:  # fmt: skip
    """A property of runs; the function is the goal, and its docstring the sentence of the whole."""

    def make(goal: StateCondition) -> Response:
        made: Response = declare(
            Response(
                name, title, sentence_of(goal), cites, ClaimKind.LIVENESS, goal, history, lemmas=lemmas, given=given,
                premise=premise, stages=stages,
            )
        )  # fmt: skip
        return made

    return make
