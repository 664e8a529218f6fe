"""Houdini for a given number of cores: the largest set of candidates that holds at the start and that rules keep.

All candidates that are left are assumed before a step. A step that breaks some of them is a model, in which
every candidate that is false after the step is dropped; until no rule breaks any. Which models the solver finds
does not matter: no set of candidates that is kept by every rule ever loses one. Where the solver gives
up, what it was asked about is dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property

import z3

from psci.proofs.encoding.domain import Expression
from psci.proofs.encoding.queries import SolverVerdict
from psci.proofs.encoding.steps import Translations
from psci.proofs.methods.induction import start
from psci.proofs.strengthening.candidates import CandidateShape, Point
from psci.proofs.strengthening.predicates import Atoms, either
from psci.proofs.strengthening.steps import InductionStep, Steps

RLIMIT = 4_000_000
"""The resources of one question, in Z3's own units."""
NOBODY: frozenset[int] = frozenset()


class Sieve:
    """The candidates that are left, and the steps that they are tried on; a candidate is its place in the list of all.

    Args:
        steps: the steps, and the property that the candidates are for.
        shapes: the candidates, by shape.
    """

    def __init__(self, steps: Steps, shapes: Sequence[CandidateShape]) -> None:
        self.steps = steps
        self.shapes = shapes
        self.candidates = [(number, point) for number, shape in enumerate(shapes) for point in shape.points]
        self.left = set(range(len(self.candidates)))
        self.rounds = 0
        """The states that were looked at, in each of which candidates are false."""
        self.trials = tuple(Trial(self, step) for step in steps.steps)
        self._place = {candidate: place for place, candidate in enumerate(self.candidates)}
        # what is assumed before a step, and what a step is asked to break, is switched on for each question
        context = steps.domain.context
        self.assumed = [z3.Bool(f"assumed {i}", context) for i in range(len(self.candidates))]
        self.asked = [z3.Bool(f"asked {i}", context) for i in range(len(self.candidates))]
        self.asked_claim = z3.Bool("asked claim", context)
        self.not_assumed = [z3.Not(switch) for switch in self.assumed]
        self.not_asked = [z3.Not(switch) for switch in self.asked]
        self._before = Atoms(steps.domain, steps.before)
        self._kept: dict[int, Expression] = {}

    def points(self, number: int) -> list[Point]:
        """What is left of a shape."""
        return [point for point in self.shapes[number].points if self._place[number, point] in self.left]

    def reads(self, candidate: int) -> frozenset[str]:
        """The fields that a candidate reads."""
        return self.shapes[self.candidates[candidate][0]].reads

    # ---- the filter

    def start(self) -> None:
        """Drop what does not hold before the first boot."""
        domain = self.steps.domain
        begun = start(self.steps.prop, (), Translations(domain).start)
        atoms = Atoms(domain, begun.before)
        solver = self.solver(formula for _, formula in (*begun.query.assumptions, *domain.facts()))
        while self.left:
            solver.push()
            solver.add(either([self.broken(atoms, candidate) for candidate in sorted(self.left)]))
            found = solver.check()
            if found == z3.unsat:
                return
            self.left -= self.left if found == z3.unknown else self.seen(solver.model(), atoms, self.left)
            solver.pop()

    def settle(self, suspect: str = "") -> bool:
        """Drop what some rule breaks, until no rule breaks what is left.

        Returns:
            Whether it came to that: it stops where the claim does not hold any more of the steps of the `suspect`.
        """
        suspects = [trial for trial in self.trials if trial.speaks_of(suspect)]
        waiting = deque(self.trials)
        while all(trial.satisfies_claim(sorted(self.left)) for trial in suspects):
            dropped: set[int] = set()
            while waiting and not dropped:
                trial = waiting.popleft()
                dropped = trial.settle()
            again = [other for other in self.trials if not dropped.isdisjoint(other.needed)]
            waiting += [other for other in again if other is not trial and other not in waiting]
            if not dropped:
                return True
        return False

    def claim(self, given: Collection[int]) -> str:
        """The first rule whose steps do not satisfy the claim where candidates are assumed before them, if any."""
        return next((trial.name for trial in self.trials if not trial.satisfies_claim(given)), "")

    # ---- expressions

    def before(self, candidate: int) -> Expression:
        """The candidate holds before a step, where it is assumed."""
        if candidate not in self._kept:
            kept = z3.Not(self.broken(self._before, candidate))
            self._kept[candidate] = either([self.not_assumed[candidate], kept])
        return self._kept[candidate]

    def broken(self, atoms: Atoms, candidate: int) -> Expression:
        """The state of the atoms breaks the candidate."""
        number, point = self.candidates[candidate]
        return atoms.has(self.shapes[number], point)

    def solver(self, formulas: Iterable[Expression]) -> Expression:
        """A solver with these formulas."""
        solver = z3.Solver(ctx=self.steps.domain.context)
        solver.set("rlimit", RLIMIT)
        solver.add(*formulas)
        return solver

    def seen(self, model: Expression, atoms: Atoms, among: Collection[int]) -> set[int]:
        """Those of some candidates that the state of a model breaks, which are some of them."""
        self.rounds += 1
        numbers = sorted({self.candidates[candidate][0] for candidate in among})
        found = {self._place[number, point] for number in numbers for point in atoms.seen(self.shapes[number], model)}
        # were there none, nothing would be known of any, and the filter would not end
        return found.intersection(among) or set(among)


class Trial:
    """One step, and what it does to the candidates that read something which it changes."""

    def __init__(self, sieve: Sieve, step: InductionStep) -> None:
        self.name = step.rule
        self.needed = NOBODY
        """The candidates before the step without which it was not shown to keep those that were asked for last."""
        self._sieve = sieve
        self._step = step
        self._alike = [Trial(sieve, other) for other in step.alike]
        self._used = NOBODY
        self._model: Expression = None

    def speaks_of(self, rule: str) -> bool:
        """Whether it is a step of the rule."""
        return self.name == rule or any(trial.name == rule for trial in self._alike)

    @cached_property
    def touches(self) -> frozenset[int]:
        """The candidates, of those left when the first question is asked, that the step may break."""
        changed = self._step.taken.changed
        return frozenset(i for i in self._sieve.left if not self._sieve.reads(i).isdisjoint(changed))

    @cached_property
    def _atoms(self) -> Atoms:
        return Atoms(self._sieve.steps.domain, self._step.taken.after)

    @cached_property
    def _solver(self) -> Expression:
        sieve, claim = self._sieve, self._step.claim
        solver = sieve.solver([*self._step.facts, *(sieve.before(i) for i in sorted(sieve.left))])
        touches = sorted(self.touches)
        solver.add(*(either([sieve.not_asked[i], sieve.broken(self._atoms, i)]) for i in touches))
        solver.add(z3.Not(sieve.asked_claim) if claim is None else either([z3.Not(sieve.asked_claim), z3.Not(claim)]))
        solver.add(either([sieve.asked_claim, *(sieve.asked[i] for i in touches)]))
        return solver

    def _ask(self, given: Collection[int], asked: Collection[int], claim: bool) -> SolverVerdict:
        """Whether the step keeps candidates, or satisfies the claim, where others are assumed before it."""
        sieve, wanted = self._sieve, frozenset(asked)
        silent = [sieve.not_asked[i] for i in sorted(self.touches) if i not in wanted]
        silent += [] if claim else [z3.Not(sieve.asked_claim)]
        found = self._solver.check(*(sieve.assumed[i] for i in given), *silent)
        if found == z3.unsat:
            used = {part.get_id() for part in self._solver.unsat_core()}
            self._used = frozenset(i for i in given if sieve.assumed[i].get_id() in used)
            return SolverVerdict.PROVED
        self._model = self._solver.model() if found == z3.sat else None
        return SolverVerdict.REFUTED if found == z3.sat else SolverVerdict.UNKNOWN

    def broken(self, given: Collection[int], asked: Collection[int]) -> set[int]:
        """Some of the candidates asked for, which the step breaks or of which the solver does not say."""
        self.needed = NOBODY
        touched = sorted(self.touches.intersection(asked))
        match self._ask(given, touched, claim=False) if touched else None:
            case None:
                return set()
            case SolverVerdict.PROVED:
                self.needed = self._used
                return set()
            case SolverVerdict.REFUTED:
                return self._sieve.seen(self._model, self._atoms, touched)
        found = set()
        for i in touched:
            if self._ask(given, [i], claim=False) is SolverVerdict.PROVED:
                self.needed |= self._used
            else:
                found.add(i)
        return found

    def satisfies_claim(self, given: Collection[int]) -> bool:
        """Whether the step satisfies the claim where candidates are assumed before it."""
        if self._step.claim is None or self._ask(given, (), claim=True) is SolverVerdict.PROVED:
            return True
        return bool(self._alike) and all(trial.satisfies_claim(given) for trial in self._alike)

    def settle(self) -> set[int]:
        """Drop the candidates that are left and that the step breaks, until it breaks none; returns them."""
        dropped: set[int] = set()
        while broken := self.broken(sorted(self._sieve.left), self._sieve.left):
            self._sieve.left -= broken
            dropped |= broken
        return dropped
