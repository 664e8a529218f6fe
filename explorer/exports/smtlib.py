"""SMT-LIB 2: the first state and one step as functions, and a run of so many steps to the goal."""

from __future__ import annotations

from itertools import pairwise

from psci.explorer.exports.text import Names, header, sources
from psci.explorer.lowering.concrete import Concrete
from psci.explorer.lowering.formulas import Formulas, Variable


def smtlib(model: Concrete, goal: int = Formulas.FALSE, goal_name: str = "", steps: int = 0) -> str:
    """The model in SMT-LIB 2: satisfiable where some run of exactly so many steps ends in the goal.

    A step may also change nothing, so that a run of `steps` steps covers all shorter ones.
    """
    lowered = model.lowered
    names = Names(lowered)
    lines = [f"; {line}".rstrip() for line in header(lowered, "SMT-LIB 2")]
    lines += [";", f"; sat: {goal_name or 'the goal'} is reached within {steps} steps", "(set-logic QF_UFDT)", ""]
    typed = [(variable, _sort(names, variable)) for variable in model.variables]
    for sort, values in {sort: _values(names, variable) for variable, sort in typed}.items():
        lines.append(f"(declare-datatype {sort} ({' '.join(f'({value})' for value in values)}))")
    lines.append("")
    before = " ".join(f"({names.single(v)} {sort})" for v, sort in typed)
    after = " ".join(f"({names.single(v)}.next {sort})" for v, sort in typed)
    first = " ".join(f"(= {names.single(v)} {_value(names, v, lowered.first(v))})" for v, _ in typed)
    lines += [f"(define-fun Init ({before}) Bool (and {first}))", ""]
    for number, action in enumerate(model.actions):
        taken = [core for role, core in action.cores.items() if not lowered.orbits.alone[role.orbit]]
        lines += [f"; {line}" for line in sources(action.command, ", ".join(f"core {core}" for core in taken))]
        assigned = dict(action.assigned)
        new = " ".join(
            f"(= {names.single(v)}.next {_value(names, v, assigned[v]) if v in assigned else names.single(v)})"
            for v, _ in typed
        )
        guard = _formula(model, action.guard, names)
        lines.append(f"(define-fun Step{number} ({before} {after}) Bool (and {guard} {new}))")
    same = " ".join(f"(= {names.single(v)}.next {names.single(v)})" for v, _ in typed)
    arguments = (
        " ".join(f"{names.single(v)}" for v, _ in typed) + " " + " ".join(f"{names.single(v)}.next" for v, _ in typed)
    )
    every = " ".join(f"(Step{number} {arguments})" for number in range(len(model.actions)))
    lines += ["", f"(define-fun Next ({before} {after}) Bool (or (and {same}) {every}))"]
    lines += [f"(define-fun Goal ({before}) Bool {_formula(model, goal, names)})", ""]
    for step in range(steps + 1):
        lines += [f"(declare-const {names.single(v)}.{step} {sort})" for v, sort in typed]
    at = [" ".join(f"{names.single(v)}.{step}" for v, _ in typed) for step in range(steps + 1)]
    lines += ["", f"(assert (Init {at[0]}))"]
    lines += [f"(assert (Next {here} {there}))" for here, there in pairwise(at)]
    return "\n".join([*lines, f"(assert (Goal {at[-1]}))", "(check-sat)", ""])


def _sort(names: Names, variable: Variable) -> str:
    words = [part.capitalize() for part in names.single(variable).split("_")]
    field = variable[0]
    return "".join(words) if field not in names.alike else "".join(part.capitalize() for part in field.split("_"))


def _values(names: Names, variable: Variable) -> list[str]:
    return [_value(names, variable, number) for number in range(len(names.lowered.domain(variable)))]


def _value(names: Names, variable: Variable, number: int) -> str:
    name = names.value(variable, number)
    # a datatype has names only
    return f"{_sort(names, variable).upper()}_{name}" if name.isdecimal() else name


def _formula(model: Concrete, formula: int, names: Names) -> str:
    match model.formulas.nodes[formula]:
        case ("true",):
            return "true"
        case ("false",):
            return "false"
        case ("in", variable, values):
            is_one = [f"(= {names.single(variable)} {_value(names, variable, n)})" for n in sorted(values)]
            return is_one[0] if len(is_one) == 1 else f"(or {' '.join(is_one)})"
        case (kind, parts):
            return f"({kind} {' '.join(_formula(model, part, names) for part in parts)})"
    raise AssertionError(formula)
