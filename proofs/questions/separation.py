"""Where two sets of rules differ: a run from boot, under the first, to a call or move that the second treats otherwise.

The runs are those of `platform.py`, so that each can be written as a trace. The steps up to the difference are the same
for all questions and are written once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import z3

from psci.explorer.questions.distinguish import separations
from psci.explorer.runs.events import events_of
from psci.explorer.system import MoveAction, Product
from psci.model.declare import Call, Move
from psci.model.events import Event
from psci.model.language.rules import CALLER_ISA, CALLER_WORLD, REGISTERS, Modality
from psci.model.language.sorts import CORE
from psci.model.language.terms import TRUE, Const
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation
from psci.model.symbols.state import STATE
from psci.model.tables.versions import VERSIONS
from psci.proofs.encoding.domain import Expression, NamedFormula
from psci.proofs.encoding.rules import call_limits, owner_named
from psci.proofs.encoding.terms import Scope
from psci.proofs.methods.induction import who_moves
from psci.proofs.methods.search import SymbolicRun
from psci.proofs.questions.difference import difference
from psci.proofs.replay.concrete import ModelValues
from psci.proofs.replay.platform import Platform
from psci.proofs.replay.trace import way_of
from psci.properties.language import ClaimKind, Property

DEPTH = 7
"""The steps after which a difference is looked for at most, the boot included."""
RLIMIT = 5_000_000
EXAMPLES = 2
"""How many runs are tried that end with the same difference."""
CANDIDATES = 60
"""How many traces are tried for one difference."""
PERMISSIONS = (Modality.MAY_REFUSE, Modality.MAY_SUCCEED)
ANYTHING = Property("ANYTHING", "anything", "Any step.", (), ClaimKind.WITNESS, lambda *_: TRUE)

TraceJudge = Callable[[tuple[Event, ...], Specification], object]
"""What the oracle says of a trace under a set of rules."""


@dataclass(frozen=True)
class Distinction:
    """A trace on which two sets of rules are judged differently, or why there is none."""

    trace: tuple[Event, ...] | None
    depth: int
    """The steps up to which a difference was looked for, or after which it was found."""
    differs: bool
    """Some run reaches a difference."""
    decided: bool = True
    """The solver did not give up."""


class Runs:
    """All runs from boot of one to `DEPTH` steps."""

    def __init__(self, specification: Specification = SPECIFICATION) -> None:
        self.specification = specification
        self.platform = Platform(specification)
        self._formulas: list[int] = []
        """How many of the formulas describe the runs of so many steps."""
        self.run = SymbolicRun(
            ANYTHING, specification, without=frozenset(), whole=True, booting=True,
            domain=self.platform, assumed=self._assumed,
        )  # fmt: skip

    def _assumed(self, owner: Call | Move, scope: Scope) -> Iterator[NamedFormula]:
        yield from who_moves(owner, scope)
        yield from self.platform.of_step(owner, scope)

    def told_apart(self, owner: str, other: Specification, judge: TraceJudge) -> Distinction:
        """The shortest run whose last call or move is treated otherwise, and a trace that shows it.

        A difference that nothing shows there, because one core alone cannot tell, is looked for again after more
        steps, with other cores that run.

        Args:
            owner: the call or move whose rules differ.
            other: the rules that are compared.
            judge: the oracle.
        """
        differs_at: int | None = None
        for steps in range(DEPTH):
            self._extend_to(steps)
            question = SeparationQuestion(self, steps, owner, other)
            for reading in question.examples(company=differs_at is not None):
                differs_at = steps if differs_at is None else differs_at
                trace = self._trace(reading, question, judge)
                if trace is not None:
                    return Distinction(trace, steps, True)
            if not question.decided:
                return Distinction(None, steps, differs_at is not None, decided=False)
        return Distinction(None, DEPTH, differs_at is not None)

    def formulas(self, steps: int) -> list[Expression]:
        """The runs of so many steps."""
        return self.run.formulas[: self._formulas[steps]]

    def _extend_to(self, steps: int) -> None:
        while len(self._formulas) <= steps:
            if self._formulas:
                self.run.extend()
            self._formulas.append(len(self.run.formulas))

    # ---- from a model to traces

    def _trace(self, reading: ModelValues, question: SeparationQuestion, judge: TraceJudge) -> tuple[Event, ...] | None:
        """A trace that begins with the run of a model and is judged differently."""
        setting = self.platform.setting(reading)
        other = question.other
        first, second = (Product(setting.machine, specification) for specification in (self.specification, other))
        taken = [self.run.taken(reading, place) for place in range(question.steps)]
        way = way_of(first, taken)
        state = taken[-1].after if taken else reading.state(self.run.states[0])
        candidates = separations(first, second, state, question.action(reading))
        for found in itertools.islice(candidates, CANDIDATES):
            trace = tuple(events_of(found.product, (*way, *found.steps), setting.worlds))
            if judge(trace, self.specification) != judge(trace, other):
                return trace
        return None


class SeparationQuestion:
    """Whether a call or move can be treated differently after so many steps."""

    def __init__(self, runs: Runs, steps: int, owner: str, other: Specification) -> None:
        self.runs, self.steps, self.other = runs, steps, other
        self.owner = owner_named(runs.specification, owner)
        self.base = runs.run.base(self.owner, steps)
        self.decided = True
        self._solver = z3.SolverFor("QF_UFBV", ctx=runs.platform.context)
        self._solver.set("rlimit", RLIMIT)
        self._solver.add(*runs.formulas(steps), *self._formulas())
        self._solver.add(*(formula for _, formula in runs.platform.facts()))

    def _formulas(self) -> Iterator[Expression]:
        platform = self.runs.platform
        yield difference(platform, self.owner, self.base, self.runs.specification, self.other)
        yield call_limits(platform, f"a{self.steps}", self.owner)
        yield from platform.limits()
        yield from (formula for _, formula in who_moves(self.owner, self.base))
        yield from (formula for _, formula in platform.of_step(self.owner, self.base))

    def examples(self, company: bool) -> Iterator[ModelValues]:
        """Runs that end with a difference, the plainest first, each with other rules than those before.

        With `company` two cores run at the end.
        """
        wishes = {name: z3.Bool(name, self.runs.platform.context) for name in ("newest", "usual", "telling", "company")}
        for name, formula in self._wishes():
            self._solver.add(z3.Implies(wishes[name], formula))
        always = [wishes["company"]] if company else []
        for _ in range(EXAMPLES):
            for chosen in (("newest", "usual", "telling"), ("usual", "telling"), ("telling",), ()):
                found = self._solver.check(*always, *(wishes[name] for name in chosen))
                if found != z3.unsat:
                    break
            if found != z3.sat:
                self.decided = found != z3.unknown
                return
            model = self._solver.model()
            yield ModelValues(self.runs.platform, model)
            self._solver.add(z3.Not(self._taken(model)))

    def _taken(self, model: Expression) -> Expression:
        """The run takes the same rules as this one."""
        choices = [self.runs.run.choice(place) for place in range(self.steps)]
        same = [choice == model.eval(choice, model_completion=True) for choice in choices]
        return self.runs.platform.conjunction(same)

    def _wishes(self) -> Iterator[tuple[str, Expression]]:
        """What makes a run plain."""
        platform, run = self.runs.platform, self.runs.run
        yield "newest", platform.is_version(VERSIONS[-1])
        yield from (("telling", formula) for formula in platform.telling())
        for place in range(self.steps + 1):
            for symbol in (CALLER_ISA, CALLER_WORLD, *REGISTERS):
                constant = platform.symbols(f"a{place}", symbol)()
                yield "usual", z3.LShR(constant, 32) == 0 if constant.size() == 64 else constant == 0
        for place, options in enumerate(run.options[: self.steps]):
            permitted = [option.number for option in options if option.rule.modality in PERMISSIONS]
            yield from (("usual", run.choice(place) != number) for number in permitted)
        running = [z3.If(self.base.term(STATE.activity[Const(c, CORE)] == "RUNNING"), 1, 0) for c in range(3)]
        yield "company", z3.Sum(running) >= 2

    def action(self, reading: ModelValues) -> Invocation | MoveAction:
        """The call or move of an example."""
        action = reading.action(self.owner, self.base)
        return action.invocation or MoveAction(action.owner, action.core, action.parameters)


__all__ = ["Distinction", "Runs", "TraceJudge"]
