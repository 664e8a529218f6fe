"""Rules, machine and cells of arguments become guarded commands over finite variables.

64-bit arithmetic ends here: an argument is a cell, a field has the finite domain that the commands
give it, found by going on from the state after boot until no command adds a value.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from psci.explorer.abstraction.registers import registers_of
from psci.explorer.lowering.commands import Assignment, Calling, Command, CommandLabel, Moving, choices, count_of
from psci.explorer.lowering.evaluate import Guarded, LoweringScope, TermEvaluator
from psci.explorer.lowering.formulas import Formulas, Role, Variable
from psci.explorer.lowering.group import grouped
from psci.explorer.lowering.orbits import Mpidr, Orbits, ToldApart
from psci.explorer.overlap import COMPLETED, DECIDED, INVOKED
from psci.explorer.runs.events import results_left_open
from psci.explorer.system import Product, compared
from psci.model.calls import UNKNOWN
from psci.model.declare import Call, Move
from psci.model.environment import BOOT
from psci.model.language.effects import Effect
from psci.model.language.rules import REGISTERS, Completion, Modality, Rule
from psci.model.language.sorts import BOOL, CORE, Enumeration, Sort
from psci.model.language.terms import FALSE, Const, Function
from psci.model.step import Invocation
from psci.model.symbols.state import FIELDS

RUNNING = "RUNNING"
NO_CALL = "NONE"
CALL = Function("call", (CORE,), Sort("Call"), "state", "The call that the core is in: invoked, or decided already.")
"""Beside the state where the three points of a call are apart (facts, section 0)."""


class Watching:
    """What is kept beside the state and judged of every step; this one keeps and judges nothing."""

    fields: tuple[Function, ...] = ()

    def initial(self) -> dict[str, Any]:
        """The fields in the initial state."""
        return {}

    def effect(self, owner: Call | Move, rule: Rule) -> Effect | None:
        """How the fields follow a step."""
        return None

    def broken(self, owner: Call | Move, rule: Rule) -> Any:
        """When a step is what is looked for, as a term over the states before and after it; None: never."""
        return None


@dataclass
class Lowered:
    """The model as guarded commands."""

    product: Product
    orbits: Orbits
    evaluator: TermEvaluator
    fields: tuple[Function, ...]
    initial: dict[Variable, Any]
    """For each family the value after boot."""
    labels: list[CommandLabel]
    commands: list[Command]
    dropped: frozenset[Variable]
    """The families that nothing which is asked depends on; they keep their first value."""

    @property
    def formulas(self) -> Formulas:
        """The formulas of guards and conditions."""
        return self.evaluator.formulas

    @property
    def members(self) -> tuple[tuple[int, ...], ...]:
        """The cores of each orbit."""
        return self.orbits.members

    @cached_property
    def variables(self) -> list[Variable]:
        """Every variable that has more than one value: first those of the whole system, then each domain and core."""
        machine = self.product.machine
        tree, cores = machine.tree, range(len(machine.cores))
        found: list[Variable] = [(field.name,) for field in self.fields if not field.domain]
        nodes = range(len(tree.names))
        leaves = sorted(set(tree.homes))
        upper = [node for node in nodes if node not in leaves or len(leaves) == 1]

        def of_node(node: int) -> Iterator[Variable]:
            return ((field.name, node) for field in self.fields if field.domain and field.domain[0] != CORE)

        def of_core(core: int) -> Iterator[Variable]:
            for field in self.fields:
                if field.domain[:1] == (CORE,):
                    yield from ((field.name, core, *more) for more in places(field.domain[1:], machine))

        for node in upper:
            found += of_node(node)
        for leaf in leaves:
            if leaf not in upper:
                found += of_node(leaf)
            for core in cores:
                if tree.homes[core] == leaf:
                    found += of_core(core)
        return [variable for variable in found if len(self.domain(variable)) > 1 and not self.is_dropped(variable)]

    def family(self, variable: Variable) -> Variable:
        """The family of a variable of a core or node."""
        name, *rest = variable
        field = self.field_named(name)
        return (name, *(self.orbits.orbit_of[p] if s == CORE else p for p, s in zip(rest, field.domain, strict=True)))

    def field_named(self, name: str) -> Function:
        """The field of that name."""
        return self._fields[name]

    @cached_property
    def _fields(self) -> dict[str, Function]:
        return {field.name: field for field in self.fields}

    def domain(self, variable: Variable) -> list[Any]:
        """The values of a variable of a core or node."""
        return self.evaluator.domains[self.family(variable)]

    def is_dropped(self, variable: Variable) -> bool:
        """Whether nothing depends on it."""
        return self.family(variable) in self.dropped

    def first(self, variable: Variable) -> int:
        """The number of a variable's value after boot."""
        family = self.family(variable)
        return self.evaluator.domains[family].index(self.initial[family])

    def digest(self) -> str:
        """A name for the states of this model: equal for equal commands, domains and first values."""
        commands = [(c.named, c.guard, c.assignment) for c in self.commands]
        said = (self.members, self.formulas.nodes, commands, list(self.evaluator.domains.items()), self.initial)
        return hashlib.sha256(repr(_in_order(said)).encode()).hexdigest()[:24]

    def label_count(self) -> int:
        """How many labels there are for single cores."""
        return sum(count_of(self.members, label.named) for label in self.labels)

    def instances(self, named: tuple[int, ...]) -> Iterator[dict[Role, int]]:
        """Every choice of cores for roles."""
        return choices(self.members, named)


def _in_order(value: Any) -> Any:
    """The value with its sets as sorted lists, so that it prints alike in every process."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, dict):
        return [(_in_order(key), _in_order(inner)) for key, inner in value.items()]
    return tuple(map(_in_order, value)) if isinstance(value, tuple | list) else value


def places(sorts: Sequence[Sort], machine: Any) -> list[tuple[int, ...]]:
    """Every index of a field with these sorts."""
    found: list[tuple[int, ...]] = [()]
    for sort in sorts:
        size = len(machine.cores) if sort == CORE else len(machine.tree.names)
        found = [(*place, index) for place in found for index in range(size)]
    return found


def lower(
    product: Product, *, roots: frozenset[str] | None = None, watching: Watching | None = None, apart: bool = False,
    overlapping: bool = False,
) -> Lowered:  # fmt: skip
    """Lower a product.

    Args:
        product: rules, machine and abstraction.
        roots: the fields that a question is about; what cannot influence these, or which transitions there are, is
            dropped. None drops nothing.
        watching: history variables, and what is looked for in every step.
        apart: do not look for cores that are alike.
        overlapping: a call is invoked, decided and completed in three steps. Cores are then told apart, because the
            call that a core is in names cores.

    Raises:
        InputError: the machine leaves something open.
    """
    orbits = Orbits.of(product.machine, apart or overlapping)
    while True:
        try:
            return _Lowering(product, orbits, watching or Watching(), overlapping).run(roots)
        except ToldApart as told:
            orbits = orbits.split(told.parts)


class _Lowering:
    """One attempt, with one partition of the cores."""

    def __init__(self, product: Product, orbits: Orbits, watching: Watching, overlapping: bool) -> None:
        self.product = product
        self.machine = product.machine
        self.specification = product.specification
        self.orbits = orbits
        self.watching = watching
        self.overlapping = overlapping
        self.fields = (*FIELDS, *watching.fields, *((CALL,) if overlapping else ()))
        self.initial = self._initial()
        self.grown: dict[Variable, set[Any]] = {}
        self.evaluator = TermEvaluator(orbits, {})

    def run(self, roots: frozenset[str] | None) -> Lowered:
        domains = {family: [value] for family, value in self.initial.items()}
        patterns = [(orbit, list(self._patterns(orbit))) for orbit in range(len(self.orbits.members))]
        while True:
            self.evaluator = TermEvaluator(self.orbits, domains)
            self.grown = defaultdict(set)
            labels = [label for orbit, found in patterns for label in self._calls(orbit, found)]
            labels += self._moves()
            if not self.grown:
                break
            domains = {
                family: self._ordered(family[0], {*values, *self.grown.get(family, ())})
                for family, values in domains.items()
            }
        dropped = self._dead(labels, roots)
        commands = grouped(self.evaluator, self.orbits, labels, dropped)
        return Lowered(
            self.product, self.orbits, self.evaluator, self.fields, self.initial, labels, commands, dropped
        )  # fmt: skip

    def _ordered(self, name: str, values: set[Any]) -> list[Any]:
        field = next(field for field in self.fields if field.name == name)
        if isinstance(field.range, Enumeration):
            return [value for value in field.range.values if value in values]
        return sorted(values)

    def _initial(self) -> dict[Variable, Any]:
        """The value after boot of each family."""
        state = self.product.initial()
        kept = self.watching.initial()
        found: dict[Variable, Any] = {}
        if self.overlapping:
            kept[CALL.name] = (NO_CALL,) * len(self.machine.cores)
        for field in self.fields:
            row = kept[field.name] if field.name in kept else getattr(state, field.name)
            if not field.domain:
                found[(field.name,)] = row
                continue
            seen: dict[Variable, dict[Any, set[int]]] = defaultdict(lambda: defaultdict(set))
            for index, place in enumerate(places(field.domain, self.machine)):
                family = (field.name, *(
                    self.orbits.orbit_of[p] if sort == CORE else p for p, sort in zip(place, field.domain, strict=True)
                ))  # fmt: skip
                seen[family][row[index]].add(place[0])
            for family, values in seen.items():
                if len(values) > 1:
                    raise ToldApart([tuple(sorted(cores)) for cores in values.values()])
                found[family] = next(iter(values))
        return found

    # ---- calls

    def _patterns(self, orbit: int) -> Iterator[tuple[Call, Calling, tuple[int, ...]]]:
        """What a core of an orbit may call: cells of arguments, with the cores that they name as roles."""
        core, *_ = self.orbits.members[orbit]
        # the caller, and of each orbit as many others as a call has registers: all further ones are like these
        shown = [[c for c in members if c != core][: len(REGISTERS)] for members in self.orbits.members]
        shown[orbit].insert(0, core)
        mpidrs = [self.machine.cores[c] for c in sorted(c for members in shown for c in members)]
        for call in (*self.specification.calls, UNKNOWN):
            if call.name in self.product.without:
                continue
            invocations = self.product.cells.of(call, core, mpidrs)
            naming = self._naming(call, invocations, mpidrs)
            found = Counter(self._pattern(invocation, orbit, naming) for invocation in invocations)
            for (pattern, named), count in found.items():
                if count != self._expected(shown, orbit, named):
                    # only some cores of an orbit are named: they are not alike
                    raise ToldApart([(c,) for members in self.orbits.members for c in members])
                yield call, pattern, named

    def _expected(self, shown: Sequence[Sequence[int]], orbit: int, named: tuple[int, ...]) -> int:
        """How many choices of cores there are for the roles that are named beside the caller's and the single ones."""
        taken = list(self.orbits.alone)
        taken[orbit] = 1
        left = [tuple(cores[one:]) for cores, one in zip(shown, taken, strict=True)]
        return count_of(left, tuple(n - one for n, one in zip(named, taken, strict=True)))

    def _naming(self, call: Call, invocations: Sequence[Invocation], mpidrs: list[int]) -> list[int]:
        """The registers that name every core in turn."""
        rules = self.specification.of(call.name, self.machine.version)
        found = []
        for position, register in enumerate(registers_of(call, rules, self.machine)):
            named = {invocation[2 + position] for invocation in invocations}
            stored = register.is_address or register.is_stored
            if named.issuperset(mpidrs) and (register.names_core or not stored):
                found.append(position)
        return found

    def _pattern(self, invocation: Invocation, orbit: int, naming: list[int]) -> tuple[Calling, tuple[int, ...]]:
        call, _ = self.product.stepper.function(invocation.fn)
        roles = {self.orbits.members[orbit][0]: Role(orbit, 0)}
        named = list(self.orbits.alone)
        named[orbit] = 1
        registers: list[int | Mpidr] = [invocation.x1, invocation.x2, invocation.x3]
        for position in naming:
            core = self.machine.core_of.get(int(registers[position]))  # type: ignore[arg-type]  # a word, so far
            if core is None:
                continue
            if core not in roles:
                other = self.orbits.orbit_of[core]
                alone = len(self.orbits.members[other]) == 1
                roles[core] = Role(other, 0 if alone else named[other])
                named[other] += 0 if alone else 1
            registers[position] = Mpidr(roles[core])
        pattern = Calling(
            (call or UNKNOWN).name, Role(orbit, 0), invocation.fn, tuple(registers), invocation.isa, invocation.world
        )  # fmt: skip
        return pattern, tuple(named)

    def _calls(self, orbit: int, patterns: list[tuple[Call, Calling, tuple[int, ...]]]) -> Iterator[CommandLabel]:
        activity = ("activity", Role(orbit, 0))
        running = self.evaluator.read(activity).get(RUNNING, Formulas.FALSE)
        if running == Formulas.FALSE:
            return
        for call, pattern, named in patterns:
            _, wide = self.product.stepper.function(pattern.fn)
            x1, x2, x3 = pattern.registers
            symbols = {
                "caller": pattern.caller, "wide": wide, "x1": x1, "x2": x2, "x3": x3,
                "caller_isa": pattern.isa, "caller_world": pattern.world,
            }  # fmt: skip
            scope = LoweringScope(symbols, named)
            inside = running
            if self.overlapping:
                name = self._name_of(pattern)
                yield self._point(pattern, INVOKED, scope, running, NO_CALL, name)
                here = self.evaluator.read((CALL.name, pattern.caller)).get(name, Formulas.FALSE)
                inside = self.evaluator.formulas.both(running, here)
                if inside == Formulas.FALSE:
                    continue
            for rule, guard in self._allowed(call, scope, inside):
                yield from self._label(call, pattern, rule, guard, scope)
        if self.overlapping and patterns:
            _, pattern, _ = patterns[0]
            done = Calling("ANY", pattern.caller, 0, (0, 0, 0), pattern.isa, pattern.world)
            yield self._point(done, COMPLETED, LoweringScope({}, self.orbits.alone), running, DECIDED, NO_CALL)

    def _name_of(self, pattern: Calling) -> str:
        """The name of a call in the field of the call that a core is in."""
        words = [f"{self.evaluator.word(register):x}" for register in pattern.registers]
        return "_".join([pattern.name, f"{pattern.fn:08x}", *words, pattern.isa, pattern.world])

    def _point(
        self, pattern: Calling, point: Rule, scope: LoweringScope, running: int, before: str, after: str
    ) -> CommandLabel:
        """A point of a call at which nothing is decided."""
        variable = (CALL.name, pattern.caller)
        here = self.evaluator.read(variable).get(before, Formulas.FALSE)
        guard = self.evaluator.formulas.both(running, here)
        new = self._kept(variable, {after: Formulas.TRUE}, guard, scope) if guard != Formulas.FALSE else None
        changed = {} if new is None else {variable: new}
        return CommandLabel(pattern, point, None, scope.named, guard, self._cases(changed, guard))

    def _allowed(self, call: Call, scope: LoweringScope, running: int) -> list[tuple[Rule, int]]:
        """The rules of a call that may apply, each with the formula under which its outcome is allowed."""
        formulas, formula = self.evaluator.formulas, self.evaluator.formula
        rules = [r for r in self.specification.of(call.name, self.machine.version) if r.guard is not FALSE]
        found: list[tuple[Rule, int]] = []
        open_ = running
        for rule in rules:
            if rule.modality is Modality.GATE:
                guard = formula(rule.guard, scope)
                found.append((rule, formulas.both(open_, guard)))
                open_ = formulas.both(open_, formulas.negation(guard))
                if open_ == Formulas.FALSE:
                    break
        if open_ != Formulas.FALSE:
            guards = {rule: formula(rule.guard, scope) for rule in rules if rule.modality is Modality.MUST_REFUSE}
            found += [(rule, formulas.both(open_, guard)) for rule, guard in guards.items()]
            free = formulas.both(open_, formulas.negation(formulas.disjunction(guards.values())))
            for rule in rules:
                if rule.modality in (Modality.MAY_REFUSE, Modality.AMENDS):
                    found.append((rule, formulas.both(open_, formula(rule.guard, scope))))
                elif rule.modality in (Modality.SUCCEEDS, Modality.MAY_SUCCEED) and free != Formulas.FALSE:
                    found.append((rule, formulas.both(free, formula(rule.guard, scope))))
        return [(rule, guard) for rule, guard in found if guard != Formulas.FALSE]

    # ---- moves

    def _moves(self) -> Iterator[CommandLabel]:
        for move in self.specification.moves:
            if move.name in self.product.without:
                continue
            rules = [r for r in self.specification.of(move.name, self.machine.version) if r.guard is not FALSE]
            for place, named in self._movers(move):
                variable = move.node if move.node is not None else move.core
                symbols = {} if variable is None else {variable.name: place}
                scope = LoweringScope(symbols, named)
                chosen = [self._candidates(parameter, rules, scope) for parameter in move.parameters]
                for values, condition in self.evaluator.cases(*chosen):
                    words = {p.name: value for p, value in zip(move.parameters, values, strict=True)}
                    inner = LoweringScope({**symbols, **words}, named)
                    pattern = Moving(move.name, place, values)
                    for rule in rules:
                        guard = self.evaluator.formulas.both(condition, self.evaluator.formula(rule.guard, inner))
                        if guard != Formulas.FALSE:
                            yield from self._label(move, pattern, rule, guard, inner)

    def _movers(self, move: Move) -> Iterator[tuple[Role | int, tuple[int, ...]]]:
        alone = self.orbits.alone
        if move.node is not None:
            for node in range(len(self.machine.tree.names)):
                yield node, alone
        elif move is BOOT or move.core is None:
            # any core could be the one that boots; they are alike, and it is always the primary
            yield self.orbits.role_of(self.machine.boot), alone
        else:
            for orbit in range(len(self.orbits.members)):
                named = list(alone)
                named[orbit] = 1
                yield Role(orbit, 0), tuple(named)

    def _candidates(self, parameter: Function, rules: list[Rule], scope: LoweringScope) -> Guarded:
        """What a witnessing event can say: every value of a finite parameter, else what the guards compare it with."""
        if parameter.range == BOOL:
            return {True: Formulas.TRUE, False: Formulas.TRUE}
        if isinstance(parameter.range, Enumeration):
            return dict.fromkeys(parameter.range.values, Formulas.TRUE)
        found: Guarded = {}
        for rule in rules:
            for term in compared(rule.guard, parameter):
                self.evaluator.merge(found, self.evaluator.guarded(term, scope), Formulas.TRUE)
        return found or {0: Formulas.TRUE}

    # ---- effects

    def _label(
        self, owner: Call | Move, action: Calling | Moving, rule: Rule, guard: int, scope: LoweringScope
    ) -> Iterator[CommandLabel]:
        changed = self._changed(rule.effect, guard, scope)
        if self.overlapping:
            changed |= self._calls_after(action, rule, changed, guard, scope)
        more = self.watching.effect(owner, rule)
        value = rule.value.value if isinstance(rule.value, Const) else None
        if more is None:
            yield CommandLabel(action, rule, value, scope.named, guard, self._cases(changed, guard))  # type: ignore[arg-type]  # words are ints
            return
        yield from self._watched(owner, action, rule, guard, scope, changed, more)

    def _calls_after(
        self, action: Calling | Moving, rule: Rule, changed: dict[Variable, Guarded], guard: int, scope: LoweringScope
    ) -> dict[Variable, Guarded]:
        """The calls that cores are in after a step: a core that no longer runs is in none."""
        formulas = self.evaluator.formulas
        found: dict[Variable, Guarded] = {}
        for core in range(len(self.machine.cores)):
            role = self.orbits.role_of(core)
            variable = (CALL.name, role)
            after: Guarded = self.evaluator.read(variable)
            if isinstance(action, Calling) and action.caller == role:
                after = {DECIDED if rule.completion is Completion.RETURNS else NO_CALL: Formulas.TRUE}
            activity = changed.get(("activity", role))
            if activity is not None:
                runs = activity.get(RUNNING, Formulas.FALSE)
                merged: Guarded = {}
                self.evaluator.merge(merged, after, runs)
                self.evaluator.merge(merged, {NO_CALL: Formulas.TRUE}, formulas.negation(runs))
                after = merged
            new = self._kept(variable, after, guard, scope)
            if new is not None:
                found[variable] = new
        return found

    def _watched(
        self, owner: Call | Move, action: Calling | Moving, rule: Rule, guard: int, scope: LoweringScope,
        changed: dict[Variable, Guarded], more: Effect,
    ) -> Iterator[CommandLabel]:  # fmt: skip
        """The label once for each result that the step may have, with what is kept beside the state."""
        for result, condition in self._results(owner, rule, scope):
            here = self.evaluator.formulas.both(guard, condition)
            if here == Formulas.FALSE:
                continue
            symbols = {**scope.symbols, "result": result}
            inner = LoweringScope(symbols, scope.named, changed, scope.named)
            after = {**changed, **self._changed(more, here, inner)}
            claim = self.watching.broken(owner, rule)
            judged = LoweringScope(symbols, scope.named, after, scope.named)
            broken = Formulas.FALSE if claim is None else self.evaluator.formula(claim, judged)
            yield CommandLabel(action, rule, result, scope.named, here, self._cases(after, here), broken)

    def _results(self, owner: Call | Move, rule: Rule, scope: LoweringScope) -> list[tuple[int | None, int]]:
        if not isinstance(owner, Call) or rule.completion is not Completion.RETURNS:
            return [(None, Formulas.TRUE)]
        if rule.value is not None:
            return list(self.evaluator.guarded(rule.value, scope).items())
        return [(word, Formulas.TRUE) for word in results_left_open(rule, bool(scope.symbols["wide"]))]

    def _changed(self, effect: Effect, guard: int, scope: LoweringScope) -> dict[Variable, Guarded]:
        """The new values of the variables that an effect names; those that stay as they were are left out."""
        changed: dict[Variable, Guarded] = {}
        for update in effect.updates:
            if update.everywhere is not None:
                self._everywhere(update, scope, changed)
                continue
            for index, value in update.points:
                new = self.evaluator.guarded(value, scope)
                for place, condition in self.evaluator.cases(*(self.evaluator.guarded(t, scope) for t in index)):
                    variable = (update.field.name, *place)
                    if condition == Formulas.TRUE:
                        changed[variable] = new
                        continue
                    before = changed.get(variable) or self._stored(variable)
                    merged: Guarded = {}
                    self.evaluator.merge(merged, new, condition)
                    self.evaluator.merge(merged, before, self.evaluator.formulas.negation(condition))
                    changed[variable] = merged
        return {
            variable: values
            for variable, new in changed.items()
            if (values := self._kept(variable, new, guard, scope)) is not None
        }

    def _stored(self, variable: Variable) -> Guarded:
        field = next(field for field in self.fields if field.name == variable[0])
        return self.evaluator.read(variable, field.range == CORE)

    def _everywhere(self, update: Any, scope: LoweringScope, changed: dict[Variable, Guarded]) -> None:
        found: list[tuple[tuple[Any, ...], LoweringScope]] = [((), scope)]
        for binder, sort in zip(update.binders, update.field.domain, strict=True):
            following = []
            for place, inner in found:
                for index, named in self.evaluator.places(sort, inner):
                    symbols = {**inner.symbols, binder.name: index}
                    following.append(
                        ((*place, index), LoweringScope(symbols, named or inner.named, inner.after, inner.outer))
                    )  # fmt: skip
            found = following
        for place, inner in found:
            changed[(update.field.name, *place)] = self.evaluator.guarded(update.everywhere, inner)

    def _kept(self, variable: Variable, new: Guarded, guard: int, scope: LoweringScope) -> Guarded | None:
        """The values that are possible under the guard, noting those that are new; None where nothing changes."""
        formulas = self.evaluator.formulas
        domain = self.evaluator.domain(variable)
        possible: Guarded = {}
        same = True
        for value, condition in new.items():
            here = formulas.both(condition, guard)
            if here == Formulas.FALSE:
                continue
            word = self.evaluator.word(value)
            if word not in domain:
                self.grown.setdefault(self.evaluator.family(variable), set()).add(word)
                continue
            possible[value] = condition
            was = formulas.literal(variable, (domain.index(word),))
            same &= formulas.both(here, formulas.negation(was)) == Formulas.FALSE
        if same:
            return None
        loose = [p for p in variable[1:] if isinstance(p, Role) and p.number >= scope.named[p.orbit]]
        if loose and len(possible) > 1:
            # what becomes of the other cores differs from core to core
            raise ToldApart([(core,) for role in loose for core in self.orbits.members[role.orbit]])
        return possible

    def _cases(self, changed: dict[Variable, Guarded], guard: int) -> tuple[tuple[int, Assignment], ...]:
        """The effect as assignments of constants, each with the condition under which it is the one."""
        formulas = self.evaluator.formulas
        found: list[tuple[int, tuple[tuple[Variable, int], ...]]] = [(Formulas.TRUE, ())]
        for variable, new in changed.items():
            domain = self.evaluator.domain(variable)
            following = []
            for condition, assigned in found:
                for value, formula in new.items():
                    here = formulas.both(condition, formula)
                    context = formulas.both(here, guard)
                    if context == Formulas.FALSE:
                        continue
                    number = domain.index(self.evaluator.word(value))
                    was = formulas.literal(variable, (number,))
                    stays = formulas.both(context, formulas.negation(was)) == Formulas.FALSE
                    following.append((here, assigned if stays else (*assigned, (variable, number))))
            merged: dict[tuple[tuple[Variable, int], ...], int] = {}
            for condition, assigned in following:
                merged[assigned] = formulas.disjunction((merged.get(assigned, Formulas.FALSE), condition))
            found = [(condition, assigned) for assigned, condition in merged.items()]
        return tuple(found)

    # ---- what a question does not depend on

    def _dead(self, labels: list[CommandLabel], roots: frozenset[str] | None) -> frozenset[Variable]:
        """The families that influence neither a root nor which transitions are possible."""
        if roots is None:
            return frozenset()
        evaluator = self.evaluator
        live = {family for family in self.initial if family[0] in roots}
        read: set[Variable] = set()
        seen: set[int] = set()
        for label in labels:
            evaluator.formulas.variables(label.guard, seen, read)
            evaluator.formulas.variables(label.broken, seen, read)
        live |= {evaluator.family(variable) for variable in read}
        before = -1
        while before != len(live):
            before = len(live)
            for label in labels:
                live |= self._conditions(label, live)
        return frozenset(self.initial.keys() - live)

    def _conditions(self, label: CommandLabel, live: set[Variable]) -> set[Variable]:
        """The families that decide what becomes of live ones."""
        if not any(self.evaluator.family(v) in live for _, assigned in label.assignments for v, _ in assigned):
            return set()
        by_case: dict[tuple[Any, ...], int] = {}
        for condition, assigned in label.assignments:
            kept = tuple((v, n) for v, n in assigned if self.evaluator.family(v) in live)
            by_case[kept] = self.evaluator.formulas.disjunction((by_case.get(kept, Formulas.FALSE), condition))
        read: set[Variable] = set()
        seen: set[int] = set()
        for condition in by_case.values() if len(by_case) > 1 else ():
            self.evaluator.formulas.variables(condition, seen, read)
        return {self.evaluator.family(variable) for variable in read}


__all__ = ["Lowered", "Watching", "lower"]
