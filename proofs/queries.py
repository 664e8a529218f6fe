"""Queries to a solver: named assumptions, a goal, and what came of them; `unknown` is never a success.

Each query has a solver of its own and a limit on resources instead of time, so that its answer does
not depend on the queries before it or on how busy the machine is.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import z3

from psci.proofs.domain import Expression, Fact

RLIMIT = 20_000_000
"""The resources of one query in Z3's own units; most queries need less than a hundredth."""
CVC5_RLIMIT = 2_000_000


class Verdict(enum.Enum):
    """What a solver said of a goal."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Query:
    """The goal holds wherever all assumptions do."""

    name: str
    assumptions: tuple[Fact, ...]
    goal: Expression

    def smtlib(self) -> str:
        """The query as SMT-LIB 2: unsatisfiable if and only if the goal holds."""
        solver = z3.Solver(ctx=self.goal.ctx)
        for _, formula in self.assumptions:
            solver.add(formula)
        solver.add(z3.Not(self.goal))
        return f"; {self.name}\n(set-logic ALL)\n{solver.to_smt2()}"


@dataclass(frozen=True)
class Answer:
    """What came of a query."""

    query: str
    verdict: Verdict
    seconds: float
    core: tuple[str, ...] = ()
    """The names of the assumptions that a proof used."""
    model: Expression = None
    """A counterexample, where the goal was refuted."""
    reason: str = ""
    """Why the solver gave up."""
    rlimit: int = 0
    """The resources that were used."""
    smtlib: str = field(default="", repr=False)
    second: Verdict | None = None
    """What the second solver said, where it was asked."""


def solve(query: Query, rlimit: int = RLIMIT, minimise: bool = True, keep_text: bool = False) -> Answer:
    """Ask Z3."""
    started = time.perf_counter()
    solver = z3.Solver(ctx=query.goal.ctx)
    solver.set("rlimit", rlimit)
    if minimise:
        solver.set("core.minimize", True)
    labels: dict[str, str] = {}
    for i, (name, formula) in enumerate(query.assumptions):
        labels[f"a!{i}"] = name
        solver.assert_and_track(formula, z3.Bool(f"a!{i}", query.goal.ctx))
    solver.add(z3.Not(query.goal))
    found = solver.check()
    seconds = time.perf_counter() - started
    text = query.smtlib() if keep_text else ""
    used = _used(solver)
    if found == z3.unsat:
        core = tuple(dict.fromkeys(labels[str(label)] for label in solver.unsat_core()))
        return Answer(query.name, Verdict.PROVED, seconds, core, rlimit=used, smtlib=text)
    if found == z3.sat:
        return Answer(query.name, Verdict.REFUTED, seconds, model=solver.model(), rlimit=used, smtlib=text)
    return Answer(query.name, Verdict.UNKNOWN, seconds, reason=solver.reason_unknown(), rlimit=used, smtlib=text)


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


def solve_with_cvc5(text: str, rlimit: int = CVC5_RLIMIT) -> Verdict:
    """Ask cvc5 about a query in SMT-LIB 2."""
    import cvc5

    manager = cvc5.TermManager()
    solver = cvc5.Solver(manager)
    for option, value in (("rlimit", str(rlimit)), ("finite-model-find", "true")):
        solver.setOption(option, value)
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "query")
    symbols = parser.getSymbolManager()
    result = ""
    while not (command := parser.nextCommand()).isNull():
        result += command.invoke(solver, symbols)
    match result.strip().splitlines():
        case [*_, "unsat"]:
            return Verdict.PROVED
        case [*_, "sat"]:
            return Verdict.REFUTED
    return Verdict.UNKNOWN


def solver_versions() -> dict[str, str]:
    """The solvers and their versions."""
    found = {"z3": z3.get_version_string()}
    if cvc5_missing() is None:
        import cvc5

        found["cvc5"] = cvc5.__version__
    return found


def conjuncts(facts: Sequence[Fact]) -> Expression:
    """All of the formulas, which must not be empty."""
    formulas = [formula for _, formula in facts]
    return z3.And(*formulas) if len(formulas) > 1 else formulas[0]
