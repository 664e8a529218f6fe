"""From labels to commands: one command for each effect, whoever has it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from psci.explorer.lowering.commands import Assignment, Command, CommandLabel
from psci.explorer.lowering.evaluate import TermEvaluator
from psci.explorer.lowering.formulas import Formulas, Role, Variable
from psci.explorer.lowering.orbits import Orbits

_Effect = tuple[tuple[int, ...], Assignment]


def grouped(
    evaluator: TermEvaluator, orbits: Orbits, labels: Iterable[CommandLabel], dropped: Collection[Variable]
) -> list[Command]:
    """The commands of these labels; dropped families are not assigned."""
    formulas = evaluator.formulas
    guards: dict[_Effect, list[int]] = {}
    sources: dict[_Effect, dict[tuple[str, str], None]] = {}
    for label in labels:
        for condition, assigned in label.assignments:
            kept = tuple((v, number) for v, number in assigned if evaluator.family(v) not in dropped)
            guard = formulas.both(label.guard, condition)
            if not kept or guard == Formulas.FALSE:
                continue
            named, effect, guard = _canonical(evaluator, orbits, label.named, kept, guard)
            guards.setdefault((named, effect), []).append(guard)
            sources.setdefault((named, effect), {})[label.action.name, label.rule.name] = None
    found = []
    for (named, effect), parts in guards.items():
        guard = formulas.both(formulas.disjunction(parts), _changes(formulas, named, effect))
        if guard != Formulas.FALSE:
            found.append(Command(named, guard, effect, tuple(sources[named, effect])))
    return found


def _canonical(
    evaluator: TermEvaluator, orbits: Orbits, named: tuple[int, ...], assigned: Assignment, guard: int
) -> tuple[tuple[int, ...], Assignment, int]:
    """The effect with the roles that it needs, numbered from the first; it does not matter who the others are."""
    formulas = evaluator.formulas
    names: dict[Role, Role] = {}
    counts = list(named)
    loose = _loose(assigned, named)
    for orbit, taken in enumerate(named):
        if orbits.alone[orbit]:
            continue
        everyone = loose.get(orbit)
        roles = [Role(orbit, number) for number in range(taken)]
        if everyone is not None and all(_own(assigned, role) == everyone for role in roles):
            # every core of the orbit gets the same values
            used = []
        elif everyone is not None:
            used = roles
        else:
            used = [role for role in roles if any(role in v for v, _ in assigned)]
        order = used + [role for role in roles if role not in used]
        names |= {role: Role(orbit, number) for number, role in enumerate(order)}
        counts[orbit] = len(used)
    if any(old != new for old, new in names.items()):
        guard = formulas.renamed(guard, names, {})
    for orbit, taken in enumerate(named):
        for number in range(taken - 1, counts[orbit] - 1, -1):
            guard = formulas.quantified("some", orbit, number, guard)
    effect: dict[Variable, int] = {}
    for variable, number in assigned:
        places = (_place(p, names, named, counts) if isinstance(p, Role) else p for p in variable[1:])
        effect[(variable[0], *places)] = number
    return tuple(counts), tuple(sorted(effect.items(), key=repr)), guard


def _place(role: Role, names: dict[Role, Role], named: tuple[int, ...], counts: list[int]) -> Role:
    """A role under its new name; one that is free, or no longer needed, stands for all the others."""
    if role.number >= named[role.orbit]:
        return Role(role.orbit, counts[role.orbit])
    new = names.get(role, role)
    return Role(role.orbit, min(new.number, counts[role.orbit]))


def _loose(assigned: Assignment, named: tuple[int, ...]) -> dict[int, frozenset[object]]:
    """For each orbit what the cores without a role get, where they get something."""
    found: dict[int, set[object]] = {}
    for variable, number in assigned:
        for place in variable[1:]:
            if isinstance(place, Role) and place.number >= named[place.orbit]:
                found.setdefault(place.orbit, set()).add((variable[0], variable[2:], number))
    return {orbit: frozenset(values) for orbit, values in found.items()}


def _own(assigned: Assignment, role: Role) -> frozenset[object]:
    return frozenset((v[0], v[2:], number) for v, number in assigned if v[1:2] == (role,))


def _changes(formulas: Formulas, named: tuple[int, ...], effect: Assignment) -> int:
    """Some variable has another value than the effect gives it."""
    parts = []
    for variable, number in effect:
        differs = formulas.negation(formulas.literal(variable, (number,)))
        for place in reversed(variable[1:]):
            if isinstance(place, Role) and place.number >= named[place.orbit]:
                differs = formulas.quantified("some", place.orbit, place.number, differs)
        parts.append(differs)
    return formulas.disjunction(parts)
