"""A way through a lowered model as steps of the rules: which call or move each was, played by the stepper."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from itertools import product as combinations

from psci.explorer.lowering.commands import Calling, CommandLabel, Moving
from psci.explorer.lowering.concrete import ValueNumbers, placed
from psci.explorer.lowering.formulas import Formulas, Role, Variable
from psci.explorer.lowering.lower import Lowered
from psci.explorer.lowering.orbits import Mpidr
from psci.explorer.overlap import COMPLETED, INVOKED, Complete, Invoke
from psci.explorer.search import SearchStep
from psci.explorer.system import MoveAction, State, Transition
from psci.model.language.rules import Completion, Rule
from psci.model.language.sorts import CORE
from psci.model.step import Invocation

WantedUses = Callable[[CommandLabel], int]
"""For a label the formula under which its use is what is looked for; FALSE for any other."""


class Replay:
    """Plays ways through a lowered model."""

    def __init__(self, lowered: Lowered) -> None:
        self.lowered = lowered
        self.product = lowered.product
        self._kept = set(lowered.variables)

    def steps(self, way: Sequence[ValueNumbers], last: WantedUses | None = None) -> tuple[SearchStep, ...]:
        """The steps of a way.

        Args:
            way: the states, from the initial one on.
            last: where the way ends with the use of a label in its last state, which labels these are.
        """
        state = self.product.initial()
        found = []
        for before, after in pairwise(way):
            transition = next(self._between(state, before, after))
            found.append(SearchStep(state, transition))
            state = transition.target
        if last is not None:
            found.append(SearchStep(state, next(self._uses(state, way[-1], last))))
        return tuple(found)

    def _between(self, state: State, before: ValueNumbers, after: ValueNumbers) -> Iterator[Transition]:
        """The transitions of a state that lead from one state to another."""
        changed = {v: after[v] for v in self.lowered.variables if before[v] != after[v]}
        for label in self.lowered.labels:
            for condition, assigned in label.assignments:
                if {v[0] for v, _ in assigned} >= {v[0] for v in changed}:
                    for cores in self._choices(label, assigned, changed):
                        if self._fits(label, condition, assigned, cores, before, changed):
                            yield from self._played(label, cores, state, after)

    def _choices(
        self, label: CommandLabel, assigned: tuple[tuple[Variable, int], ...], changed: ValueNumbers
    ) -> Iterator[dict[Role, int]]:
        """Cores for the roles of a label; only such as change may have a role that is all that changes."""
        places = {place for variable in changed for place in variable[1:2] if self._of_core(variable)}
        loose = any(
            isinstance(p, Role) and p.number >= label.named[p.orbit] for v, _ in assigned for p in v[1:2]
        )  # fmt: skip
        for cores in self.lowered.instances(label.named):
            if loose or places <= set(cores.values()):
                yield cores

    def _of_core(self, variable: Variable) -> bool:
        return self.lowered.field_named(variable[0]).domain[:1] == (CORE,)

    def _fits(
        self, label: CommandLabel, condition: int, assigned: tuple[tuple[Variable, int], ...], cores: dict[Role, int],
        before: ValueNumbers, changed: ValueNumbers,
    ) -> bool:  # fmt: skip
        new = dict(self._written(label, assigned, cores))
        if any(new.get(variable) != value for variable, value in changed.items()):
            return False
        if any(before[variable] != value for variable, value in new.items() if variable not in changed):
            return False
        return self._holds(label.guard, cores, before) and self._holds(condition, cores, before)

    def _written(
        self, label: CommandLabel, assigned: tuple[tuple[Variable, int], ...], cores: dict[Role, int]
    ) -> Iterator[tuple[Variable, int]]:
        for variable, value in assigned:
            free = [p for p in variable[1:] if isinstance(p, Role) and p.number >= label.named[p.orbit]]
            others = [
                [core for core in self.lowered.members[role.orbit] if core not in cores.values()] for role in free
            ]
            for chosen in combinations(*others):
                place = placed(variable, {**cores, **dict(zip(free, chosen, strict=True))})
                if place in self._kept:
                    yield place, value

    def _holds(self, formula: int, cores: dict[Role, int], state: ValueNumbers) -> bool:
        match self.lowered.formulas.nodes[formula]:
            case ("in", variable, values):
                place = placed(variable, cores)
                return state.get(place, self.lowered.first(place)) in values
            case ("and", parts):
                return all(self._holds(part, cores, state) for part in parts)
            case ("or", parts):
                return any(self._holds(part, cores, state) for part in parts)
            case ("every" | "some" as kind, orbit, named, body):
                taken = {cores[Role(orbit, number)] for number in range(named)}
                others = (core for core in self.lowered.members[orbit] if core not in taken)
                held = (self._holds(body, {**cores, Role(orbit, named): core}, state) for core in others)
                return all(held) if kind == "every" else any(held)
        return formula == Formulas.TRUE

    def _uses(self, state: State, values: ValueNumbers, wanted: WantedUses) -> Iterator[Transition]:
        """The transitions of a state that are what is looked for."""
        for label in self.lowered.labels:
            guard = wanted(label)
            if guard != Formulas.FALSE:
                for cores in self.lowered.instances(label.named):
                    if self._holds(guard, cores, values):
                        yield from self._played(label, cores, state, None)

    def _played(
        self, label: CommandLabel, cores: dict[Role, int], state: State, after: ValueNumbers | None
    ) -> Iterator[Transition]:
        """The transition of a label, as the stepper makes it; where `after` is given, the one that leads there."""
        if isinstance(label.action, Calling) and label.rule in (INVOKED, COMPLETED):
            yield self._point(label.action, label.rule, cores, state)
            return
        action = self.action(label, cores)
        if isinstance(action, MoveAction):
            moved = self.product.stepper.move(action.name, state, action.place, action.parameters)
            made = [Transition(action, rule, None, None, target) for rule, target in moved]
        else:
            made = [Transition(action, *outcome) for outcome in self.product.stepper.allowed(state, action).outcomes]
        for transition in made:
            if transition.rule is label.rule and (after is None or self._is_at(transition.target, after)):
                fixed = transition.completion is Completion.RETURNS and transition.value is None
                yield transition._replace(value=label.result) if fixed else transition

    def _point(self, action: Calling, rule: Rule, cores: Mapping[Role, int], state: State) -> Transition:
        """A point of a call at which nothing is decided."""
        core = cores[action.caller]
        made = Complete(core) if rule is COMPLETED else Invoke(core, self._invocation(action, cores))
        return Transition(made, rule, None, None, state)

    def _is_at(self, state: State, values: ValueNumbers) -> bool:
        names = state._fields
        return all(
            self._value(state, variable) == self.lowered.domain(variable)[number]
            for variable, number in values.items()
            if variable[0] in names
        )

    def _value(self, state: State, variable: Variable) -> object:
        name, *place = variable
        row = getattr(state, name)
        if not place:
            return row
        sizes = [
            len(self.product.machine.cores) if sort == CORE else len(self.product.machine.tree.names)
            for sort in self.lowered.field_named(name).domain
        ]
        index = 0
        for one, size in zip(place, sizes, strict=True):
            index = index * size + one
        return row[index]

    def action(self, label: CommandLabel, cores: Mapping[Role, int]) -> Invocation | MoveAction:
        """The call or move of a label, for these cores."""
        match label.action:
            case Calling() as call:
                return self._invocation(call, cores)
            case Moving(name=name, place=place, parameters=parameters):
                where = cores[place] if isinstance(place, Role) else place
                return MoveAction(name, where, parameters)

    def _invocation(self, call: Calling, cores: Mapping[Role, int]) -> Invocation:
        mpidrs = self.product.machine.cores
        x1, x2, x3 = (mpidrs[cores[r.role]] if isinstance(r, Mpidr) else r for r in call.registers)
        return Invocation(cores[call.caller], call.fn, x1, x2, x3, call.isa, call.world)


__all__ = ["Replay"]
