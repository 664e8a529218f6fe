"""What an engine is asked, and what it answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from psci.explorer.engines.replay import Replay
from psci.explorer.goals.goal import Goal
from psci.explorer.lowering.commands import CommandLabel
from psci.explorer.lowering.concrete import ValueNumbers
from psci.explorer.lowering.evaluate import LoweringScope
from psci.explorer.lowering.formulas import Formulas, Role
from psci.explorer.lowering.lower import Lowered, Watching, lower
from psci.explorer.search import SearchStep
from psci.explorer.system import Product, TransitionSystem
from psci.model.language.sorts import CORE
from psci.model.language.terms import Const, subterms

Progress = Callable[[str], None]


@dataclass(frozen=True)
class ReachabilityQuestion:
    """All states of a product; with a goal, a shortest way to it, or that there is none."""

    product: Product
    goal: Goal | None = None
    roots: frozenset[str] | None = None
    """The fields that the question is about, besides those of the goal; None: nothing is dropped."""
    watching: Watching | None = None
    """A property that is watched; the goal is then its violation, or the step that shows it."""
    searched: TransitionSystem | None = None
    """With a property that is watched, the system whose states also hold what it remembers, for a plain search."""
    apart: bool = False
    """Do not look for cores that are alike."""
    overlapping: bool = False
    """A call is three steps: it is invoked, decided, and its results are visible; other cores may move between them."""
    limit: int | None = None
    """Stop after that many states, with what there is; only where states are kept one by one."""

    @cached_property
    def lowered(self) -> Lowered:
        """The model, lowered once for whichever engine."""
        roots = self.roots
        if roots is not None and self.goal is not None:
            roots |= self.goal.fields
        return lower(self.product, roots=roots, watching=self.watching, apart=self.apart, overlapping=self.overlapping)

    def is_goal(self, label: CommandLabel) -> bool:
        """Whether a use of the label may be what is looked for."""
        if self.goal is None:
            return False
        return label.rule.name in self.goal.rules or (self.watching is not None and label.broken != Formulas.FALSE)

    def goal_labels(self) -> list[tuple[CommandLabel, int]]:
        """The labels of which a use is looked for, each with the formula under which it is what is looked for."""
        watched = self.watching is not None
        both = self.lowered.formulas.both
        found = [
            (label, both(label.guard, label.broken) if watched else label.guard)
            for label in self.lowered.labels
            if self.is_goal(label)
        ]
        return [(label, guard) for label, guard in found if guard != Formulas.FALSE]

    @cached_property
    def spoken_of(self) -> dict[Role, int]:
        """The cores that the goal names, as roles beside those that are always taken."""
        orbits = self.lowered.orbits
        named = list(orbits.alone)
        found = next(iter(self.lowered.instances(orbits.alone)))
        constants = () if self.goal is None or self.goal.term is None else subterms(self.goal.term)
        for core in sorted({int(c.value) for c in constants if isinstance(c, Const) and c.sort == CORE}):
            orbit = orbits.orbit_of[core]
            if core not in found.values():
                found[Role(orbit, named[orbit])] = core
                named[orbit] += 1
        return found

    @property
    def is_symmetric(self) -> bool:
        """Whether the goal speaks of every core of an orbit alike."""
        return len(self.spoken_of) == sum(self.lowered.orbits.alone)

    def goal_formula(self) -> int:
        """The states of the goal, and those from which one more step is the goal, for the cores that it names."""
        lowered = self.lowered
        formulas = lowered.formulas
        parts = []
        if self.goal is not None and self.goal.term is not None:
            named = Counter(role.orbit for role in self.spoken_of)
            scope = LoweringScope({}, tuple(named[orbit] for orbit in range(len(lowered.members))))
            lowered.evaluator.spoken_of = {core: role for role, core in self.spoken_of.items()}
            parts.append(lowered.evaluator.formula(self.goal.term, scope))
            lowered.evaluator.spoken_of = {}
        for label, guard in self.goal_labels():
            somebody = guard
            for orbit, taken in enumerate(label.named):
                for number in range(taken - 1, lowered.orbits.alone[orbit] - 1, -1):
                    somebody = formulas.quantified("some", orbit, number, somebody)
            parts.append(somebody)
        return formulas.disjunction(parts)

    def steps(self, way: Sequence[ValueNumbers]) -> tuple[SearchStep, ...]:
        """A way to the goal as steps of the rules."""
        replay = Replay(self.lowered)
        if self.goal is not None and self.goal.term is not None:
            return replay.steps(way)
        wanted = {id(label): guard for label, guard in self.goal_labels()}
        return replay.steps(way, lambda label: wanted.get(id(label), Formulas.FALSE))


@dataclass(frozen=True)
class EngineAnswer:
    """What an engine found."""

    engine: str
    states: int
    """The states that were reached."""
    transitions: int | None
    """Labelled ones: pairs of a state and an outcome of a call, or a move. None where they were not counted."""
    distinct: int | None
    """Pairs of a state and another one that follows it."""
    diameter: int | None
    """The greatest distance of a reached state from the initial one; None where it was not measured."""
    seconds: float
    complete: bool
    """Every reachable state was reached."""
    steps: tuple[SearchStep, ...] | None = None
    """A shortest way to the goal; None where there is none, or no goal."""
    interrupted: bool = False
    details: tuple[tuple[str, Any], ...] = ()
    """What is the engine's own: nodes of the diagrams, bytes, threads."""


class Engine(Protocol):
    """A way to answer questions."""

    name: str

    def answer(self, question: ReachabilityQuestion, progress: Progress) -> EngineAnswer:
        """Answer a question."""


__all__ = ["Engine", "EngineAnswer", "Progress", "ReachabilityQuestion"]
