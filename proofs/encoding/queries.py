"""Queries to a solver: named assumptions, a goal, and what came of them; `unknown` is never a success.

Each query has a solver of its own and a limit on resources instead of time, so that its answer does
not depend on the queries before it or on how busy the machine is.
"""

from __future__ import annotations

import enum
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import z3

from psci.proofs.encoding.contexts import fresh_context
from psci.proofs.encoding.domain import Expression, NamedFormula

RLIMIT = 20_000_000
"""The resources of one query in Z3's own units; most queries need less than a hundredth."""
CVC5_STRATEGIES: Sequence[tuple[int, Mapping[str, str]]] = (
    (200_000, {"miniscope-quant": "off", "prenex-quant": "none"}),
    (100_000, {"finite-model-find": "true"}),
)
"""The ways in which cvc5 is asked, one after the other, until it answers; each with its resources in cvc5's units.

The first finds proofs: with quantifiers left where they stand it needs a tenth of what it needs with them moved.
"""
LOGIC = "UFBVDT"
"""Quantifiers, uninterpreted functions, words and enumerations; no theory more than that."""
SHARED = re.compile(r"([?$]x)\d+")
"""The names of shared parts in Z3's SMT-LIB."""
CORE_RLIMIT = 200_000
"""What may be spent on a smaller core of what is proved already."""


class SolverVerdict(enum.Enum):
    """What a solver said of a goal."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Query:
    """The goal holds wherever all assumptions do."""

    name: str
    assumptions: tuple[NamedFormula, ...]
    goal: Expression

    def only(self, names: Collection[str]) -> Query:
        """The query with the assumptions of these names only: if its goal holds, so does that of the whole."""
        return replace(self, assumptions=tuple(fact for fact in self.assumptions if fact[0] in names))

    def formulas(self) -> tuple[int, ...]:
        """What tells the query from others of its domain, as long as it is kept: its formulas, and not their names."""
        return self.goal.get_id(), *sorted(formula.get_id() for _, formula in self.assumptions)

    def smtlib(self) -> str:
        """The query as SMT-LIB 2: unsatisfiable if and only if the goal holds."""
        solver = z3.Solver(ctx=self.goal.ctx)
        for _, formula in self.assumptions:
            solver.add(formula)
        solver.add(z3.Not(self.goal))
        # Z3 names shared parts by when they were made; their order in the text does not tell what else was
        numbers: dict[str, int] = {}
        text = SHARED.sub(lambda part: f"{part[1]}{numbers.setdefault(part[0], len(numbers))}", solver.to_smt2())
        return f"; {self.name}\n(set-logic {LOGIC})\n{text}"


@dataclass(frozen=True)
class SolverAnswer:
    """What came of a query."""

    query: str
    verdict: SolverVerdict
    seconds: float
    core: tuple[str, ...] = ()
    """The names of the assumptions that a proof used."""
    model: Expression = None
    """A counterexample, where the goal was refuted."""
    reason: str = ""
    """Why the solver gave up."""
    rlimit: int = 0
    """The resources that were used."""
    second: SolverVerdict | None = None
    """What the second solver said, where it was asked."""


def solve(query: Query, rlimit: int = RLIMIT, minimise: bool = True) -> SolverAnswer:
    """Ask Z3, in a context of its own: what was asked before cannot change the answer.

    Args:
        query: the query.
        rlimit: the resources that it may use.
        minimise: look for few assumptions that are enough.
    """
    started = time.perf_counter()
    home, context = query.goal.ctx, fresh_context()
    facts = [(name, formula.translate(context)) for name, formula in query.assumptions]
    goal = query.goal.translate(context)
    solver = _solver(facts, goal, rlimit)
    found = solver.check()

    def answer(verdict: SolverVerdict, **more: Any) -> SolverAnswer:
        seconds = time.perf_counter() - started
        return SolverAnswer(query.name, verdict, seconds, rlimit=_used(solver), **more)

    if found == z3.sat:
        return answer(SolverVerdict.REFUTED, model=solver.model().translate(home))
    if found == z3.unknown:
        return answer(SolverVerdict.UNKNOWN, reason=solver.reason_unknown())
    core = _core(solver, facts)
    if minimise and len(core) > 1:
        again = _solver(core, goal, CORE_RLIMIT, smallest=True)
        # where the smaller question is harder, what is known already will do
        core = _core(again, core) if again.check() == z3.unsat else core
    return answer(SolverVerdict.PROVED, core=tuple(dict.fromkeys(name for name, _ in core)))


def _solver(facts: Sequence[NamedFormula], goal: Expression, rlimit: int, smallest: bool = False) -> Expression:
    """A solver that looks for a case in which the facts hold, each under a label, and the goal does not."""
    solver = z3.Solver(ctx=goal.ctx)
    solver.set(**{"rlimit": rlimit, "core.minimize": smallest})
    for i, (_, formula) in enumerate(facts):
        solver.assert_and_track(formula, z3.Bool(f"a!{i}", goal.ctx))
    solver.add(z3.Not(goal))
    return solver


def _core(solver: Expression, facts: Sequence[NamedFormula]) -> list[NamedFormula]:
    """The facts that the solver used."""
    used = sorted(int(str(label)[2:]) for label in solver.unsat_core())
    return [facts[i] for i in used]


def _used(solver: Expression) -> int:
    statistics = solver.statistics()
    return next((int(value) for name, value in statistics if name == "rlimit count"), 0)


def cvc5_missing() -> str | None:
    """Why the second solver cannot be asked, or None."""
    try:
        import cvc5  # noqa: F401  # only whether it is there
    except ImportError:
        return "cvc5 is not installed (pip install 'psci-model[cvc5]')"
    return None


def solve_with_cvc5(text: str) -> SolverVerdict:
    """Ask cvc5 about a query in SMT-LIB 2."""
    answers = (_ask_cvc5(text, rlimit, options) for rlimit, options in CVC5_STRATEGIES)
    return next((answer for answer in answers if answer is not SolverVerdict.UNKNOWN), SolverVerdict.UNKNOWN)


def _ask_cvc5(text: str, rlimit: int, options: Mapping[str, str]) -> SolverVerdict:
    import cvc5

    solver = cvc5.Solver(cvc5.TermManager())
    for option, value in {"rlimit": str(rlimit), **options}.items():
        solver.setOption(option, value)
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "query")
    symbols = parser.getSymbolManager()
    result = ""
    while not (command := parser.nextCommand()).isNull():
        result += command.invoke(solver, symbols)
    match result.strip().splitlines():
        case [*_, "unsat"]:
            return SolverVerdict.PROVED
        case [*_, "sat"]:
            return SolverVerdict.REFUTED
    return SolverVerdict.UNKNOWN


def solver_versions() -> dict[str, str]:
    """The solvers and their versions."""
    found = {"z3": z3.get_version_string()}
    if cvc5_missing() is None:
        import cvc5

        found["cvc5"] = cvc5.__version__
    return found


def conjuncts(facts: Sequence[NamedFormula]) -> Expression:
    """All of the formulas, which must not be empty."""
    formulas = [formula for _, formula in facts]
    return z3.And(*formulas) if len(formulas) > 1 else formulas[0]
