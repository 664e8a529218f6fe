"""Whether the rules of one version allow whatever the rules of another allow, for any number of cores.

The claim is a simulation. Two implementations meet the same call, or make the same move, in states that agree on
everything but the fields that are hidden from the first. Whatever the first side's version allows there, the other
side's version has to allow as well: the same completion, result and effect, and the states after it agree again.
One query for each rule of the first side; cores and tree are uninterpreted.

Where the formulas of both sides are the same once each is read with its version, no query is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import z3

from psci.model.calls.psci_features import SMCCC_VERSION
from psci.model.declare import Call, Move
from psci.model.language.effects import Effect
from psci.model.language.rules import RESULT, WIDE, Completion, Rule
from psci.model.language.sorts import CORE
from psci.model.language.terms import App, Const, Term, Value, Var, fields_read, same, subterms
from psci.model.machine import SYMBOLS
from psci.model.scenarios.filter import terms_of, terms_of_update
from psci.model.symbols.machine import MACHINE
from psci.model.symbols.state import FIELD_BY_NAME, KIND, STATE, SYSTEM
from psci.model.tables.versions import Version
from psci.proofs.encoding.domain import PRESENCE, Domain, Expression, Meaning, NamedFormula, presence_of
from psci.proofs.encoding.queries import Query
from psci.proofs.encoding.rules import OUTCOMES, RuleFormula, call_limits, transitions
from psci.proofs.encoding.steps import Translated, with_result
from psci.proofs.encoding.terms import Scope
from psci.proofs.methods.induction import standing_assumptions
from psci.properties.language import Invariant

VERSION = "psci_version"
"""The symbol that stands for what PSCI_VERSION returns."""


@dataclass(frozen=True, slots=True)
class Proviso:
    """Something that is assumed of a machine: the value of a symbol of it, or of a field of its state."""

    symbol: str
    value: Value
    sentence: str


@dataclass(frozen=True)
class Sides:
    """Two implementations, of which the first has to allow nothing but what the second allows."""

    mine: Version
    """The version of the first."""
    theirs: Version
    """The version of the second."""
    taken_over: tuple[Call, ...] = ()
    """Functions that the second has, whether or not the first has them; else both have the same optional ones."""
    hidden: tuple[str, ...] = ()
    """Fields of the state that the first does not see as they are."""
    provided: tuple[Proviso, ...] = ()


class Simulation:
    """The rules of one call or move as two sides read them, in related states."""

    def __init__(self, translated: Translated, sides: Sides, invariants: Sequence[Invariant] = ()) -> None:
        """Read the rules.

        Args:
            translated: the call or move, for any number of cores and any version.
            sides: the two implementations.
            invariants: what is assumed of the states that the first side can be in.
        """
        self.owner, self.domain, self.specification = translated.owner, translated.domain, translated.specification
        self.sides, self.invariants, self._translated = sides, invariants, translated
        self._as_mine = _Cache(lambda formula: self._view(formula, "k", sides.mine))
        self._as_theirs = _Cache(lambda formula: self._view(formula, "w", sides.theirs))
        self._plainly = _Cache(lambda formula: z3.simplify(self._view(formula, "", sides.mine)))
        self._plainly_theirs = _Cache(lambda formula: z3.simplify(self._view(formula, "", sides.theirs)))

    @cached_property
    def their_scope(self) -> Scope:
        """The call or move, and the state before it, as the second side sees it."""
        return self._translated.scope

    @cached_property
    def my_scope(self) -> Scope:
        """The same call or move, and the state as the first side sees it."""
        if not self.sides.hidden:
            return self.their_scope
        return self.their_scope.but({name: self.domain.symbols("k", FIELD_BY_NAME[name]) for name in self.sides.hidden})

    @cached_property
    def _still_related(self) -> Expression:
        return self._related(self.my_scope, self.their_scope)

    def queries(self, fid: int | None = None) -> Iterator[tuple[Rule, Query | None]]:
        """One query for each rule that the first side has; None where both sides read the same.

        Args:
            fid: the only function id that is asked about; None for all of them, and for a move.
        """
        if self._untouched:
            yield from ((rule, None) for rule in self._rules if rule.modality in OUTCOMES)
            return
        mine, theirs = self._mine, self._theirs
        asked = [t for t in mine if not any(self._reads_the_same(t, other) for other in theirs)]
        allowed = [self._as_theirs(other.allowed()) for other in theirs] if asked else []
        questions = {id(t): self._question(t, theirs, allowed) for t in asked}
        # the facts are read last: they are about what the formulas of both sides speak of
        common = [*self._relation(), *self._call(fid), *self._facts()] if asked else []
        for transition in mine:
            own, goal = questions.get(id(transition), ((), None))
            yield transition.rule, None if goal is None else Query(transition.rule.name, (*own, *common), goal)

    @cached_property
    def _rules(self) -> tuple[Rule, ...]:
        return self.specification.of(self.owner.name, self.sides.mine)

    @cached_property
    def _untouched(self) -> bool:
        """Both sides have the same rules, and these speak of nothing that the sides do not share."""
        if self.sides.hidden or self._rules != self.specification.of(self.owner.name, self.sides.theirs):
            return False
        return not self._depends_on_version(*(term for rule in self._rules for term in terms_of(rule)))

    @cached_property
    def _mine(self) -> list[RuleFormula]:
        if not self.sides.hidden:
            return self._of_version(self._translated.transitions, self.sides.mine)
        seen = transitions(self.domain, self.owner, self.my_scope, self.specification)
        return self._of_version(seen, self.sides.mine)

    @cached_property
    def _theirs(self) -> list[RuleFormula]:
        return self._of_version(self._translated.transitions, self.sides.theirs)

    def _of_version(self, every: Sequence[RuleFormula], version: Version) -> list[RuleFormula]:
        return [transition for transition in every if transition.rule.applies_to(version)]

    # ---- one outcome against another

    def _question(
        self, mine: RuleFormula, theirs: Sequence[RuleFormula], allowed: Sequence[Expression]
    ) -> tuple[tuple[NamedFormula, ...], Expression]:
        """What the first side requires, and that some rule of the other side allows the same outcome."""
        conditions = [(name, self._as_mine(formula)) for name, formula in mine.conditions]
        answer = None
        if mine.rule.completion is Completion.RETURNS:
            scope, choice = with_result(self.domain, mine.scope, mine, self._translated.free_result)
            answer = self._as_mine(scope.variables[RESULT])
            conditions += [(name, self._as_mine(formula)) for name, formula in choice]
        matches = (self._matches(mine, answer, *other) for other in zip(theirs, allowed, strict=True))
        return tuple(conditions), self.domain.disjunction(matches)

    def _matches(self, mine: RuleFormula, answer: Expression, other: RuleFormula, allowed: Expression) -> Expression:
        """The other side allows `other`, and that is the same outcome."""
        alike = same_effect(mine.rule, other.rule, self.sides.hidden)
        if mine.rule.completion is not other.rule.completion or not alike:
            return z3.BoolVal(False, self.domain.context)
        value = z3.BoolVal(True, self.domain.context)
        if answer is not None:
            value = self._gives(other, answer)
            if z3.is_false(value):
                return value
        return self.domain.conjunction(
            [allowed, value, self._related_after(mine, other), self._same_values(mine, other)]
        )

    def _gives(self, other: RuleFormula, answer: Expression) -> Expression:
        """The other side's rule returns this answer, or leaves a choice in which it is."""
        if other.value is not None:
            value = self._as_theirs(other.value)
            return z3.BoolVal(True, self.domain.context) if value.eq(answer) else z3.simplify(value == answer)
        _, choice = with_result(self.domain, other.scope, other, answer)
        return self.domain.conjunction(self._as_theirs(formula) for _, formula in choice)

    def _same_values(self, mine: RuleFormula, other: RuleFormula) -> Expression:
        """Where a new value depends on the version, both sides give the same one, at any place of the field."""
        if not self._depends_on_version(*terms_of_effect(mine.rule.effect)):
            return z3.BoolVal(True, self.domain.context)
        if mine.rule is not other.rule:
            return z3.BoolVal(False, self.domain.context)
        alike = []
        for name in mine.after.keys() - set(self.sides.hidden):
            sorts = FIELD_BY_NAME[name].domain
            place = [z3.Const(f"place {i} of {name}", self.domain.sort(sort)) for i, sort in enumerate(sorts)]
            alike.append(self._as_mine(mine.after[name](*place)) == self._as_theirs(other.after[name](*place)))
        return self.domain.conjunction(alike)

    def _depends_on_version(self, *terms: Term) -> bool:
        """The sides may read these differently: they ask for the version, or for what only one of them has."""
        symbols = [sub for term in terms for sub in subterms(term) if isinstance(sub, App)]
        asked = [sub.arguments[0] for sub in symbols if sub.function.name == MACHINE.has.name]
        alike = all(isinstance(fid, Const) and fid.value in self._shared for fid in asked)
        return not alike or any(sub.function.name == VERSION for sub in symbols)

    def _related_after(self, mine: RuleFormula, other: RuleFormula) -> Expression:
        if not mine.after.keys() & {*self.sides.hidden, STATE.power.name}:
            return self._still_related
        return self._related(mine.scope_after(), other.scope_after())

    def _reads_the_same(self, mine: RuleFormula, other: RuleFormula) -> bool:
        """The same rule, whose formulas are the same on both sides: then no solver has to be asked."""
        if mine.rule is not other.rule or not same_effect(mine.rule, other.rule, self.sides.hidden):
            return False
        if self._depends_on_version(*terms_of_effect(mine.rule.effect)):
            return False
        if not self._related_after(mine, other).eq(self._still_related):
            return False
        one, two = (self._formulas(t, v) for t, v in ((mine, self._plainly), (other, self._plainly_theirs)))
        known = {formula.get_id() for formula in one}
        return all(formula.get_id() in known for formula in two) and not any(map(self._depends_on_presence, two))

    def _formulas(self, transition: RuleFormula, view: _Cache) -> list[Expression]:
        formulas = [formula for _, formula in transition.conditions]
        if transition.rule.completion is Completion.RETURNS:
            answer = self._translated.free_result
            if transition.value is not None:
                formulas.append(transition.value == answer)
            else:
                formulas += [f for _, f in with_result(self.domain, transition.scope, transition, answer)[1]]
        return [formula for formula in map(view, formulas) if not z3.is_true(formula)]

    def _depends_on_presence(self, formula: Expression) -> bool:
        """It asks about a function that need not be there on both sides alike."""
        return not presences_in(self.domain, formula) <= {presence_of(fid) for fid in self._shared}

    @cached_property
    def _shared(self) -> frozenset[int]:
        """The ids of functions that both sides have or both do not have."""
        alike = (
            fid
            for call in self.specification.calls
            for fid in call.ids()
            if call.exists_in(self.sides.mine) is call.exists_in(self.sides.theirs)
            and call not in self.sides.taken_over
        )
        return frozenset((SMCCC_VERSION, *alike))

    # ---- the two states, the call and the facts

    def _related(self, mine: Scope, theirs: Scope) -> Expression:
        """They agree, but the first side need not know of system calls that it did not serve.

        A core that made one is ON for the first side, unless that is going down itself: then other cores may have
        seen it OFF. The first side is going down where it served a system call, and only there.
        """
        if "system" not in self.sides.hidden:
            return z3.BoolVal(True, self.domain.context)
        one, two = mine.term(STATE.system), theirs.term(STATE.system)
        running, going = (self.domain.constant(name, SYSTEM) for name in ("RUNNING", "GOING"))
        core = Var("core that made a system call", CORE)
        place = z3.Const(core.name, self.domain.sort(CORE))
        mine, theirs = (side.binding(core, place) for side in (mine, theirs))
        none = self.domain.constant("NONE", KIND)
        mine_made, theirs_made = mine.term(STATE.asked[core]), theirs.term(STATE.asked[core])
        is_on = theirs.term(STATE.power[core] == "ON")
        known = z3.Or(mine_made == theirs_made, z3.And(mine_made == none, z3.Or(is_on, one == going)))
        return self.domain.conjunction(
            [
                z3.Or(one == two, z3.And(one == running, two == going)),
                z3.ForAll([place], known),
                z3.Implies(one == going, z3.Exists([place], mine_made != none)),
                z3.ForAll([place], z3.Implies(mine_made != none, one != running)),
            ]
        )

    def _relation(self) -> Iterator[NamedFormula]:
        """What is known of both states."""
        if not z3.is_true(self._still_related):
            yield "the kernel need not know of system calls that it did not serve", self._still_related
            yield from self._no_core_runs_again()
        yield from standing_assumptions(self.owner, self.their_scope)
        for invariant in self.invariants:
            yield f"state: {invariant.name}", self._as_mine(self.my_scope.term(invariant.term()))
            if self.sides.hidden:
                yield f"wanted: {invariant.name}", self._as_theirs(self.their_scope.term(invariant.term()))

    def _no_core_runs_again(self) -> Iterator[NamedFormula]:
        """The second side, which runs the cores, knows which of them made a system call."""
        if isinstance(self.owner, Move) and self.owner.core is not None:
            made = STATE.asked[self.owner.core]
            yield (
                "the VMM runs no core whose system call it accepted",
                (self.my_scope.term(made) == self.their_scope.term(made)),
            )

    def _call(self, fid: int | None) -> Iterator[NamedFormula]:
        if isinstance(self.owner, Call) and fid is not None:
            wide = self.their_scope.term(WIDE())
            yield "the function id", wide if fid == self.owner.fid64 else z3.Not(wide)
        else:
            yield "call: values of their sorts", call_limits(self.domain, "a", self.owner)

    def _facts(self) -> Iterator[NamedFormula]:
        read = (*self._as_mine.read(), *self._as_theirs.read())
        asked = frozenset[str]().union(*(presences_in(self.domain, formula) for formula in read))
        for name, formula in self.domain.facts_about(read):
            yield f"wanted: {name}", self._as_theirs(formula)
            if name.startswith("presence"):
                yield f"kernel: {name}", self._as_mine(formula)
        # where both ids of a function need not be there together, each has a presence of its own
        ids = [(call, fid) for call in self.specification.calls for fid in call.ids()]
        for call, fid in ids:
            if presence_of(fid) not in asked:
                continue
            here, there = self._presence("k", fid), self._presence("w", fid)
            if call in self.sides.taken_over:
                yield f"{call.name} is offered by the VMM: {fid:#x}", there
            elif fid in self._shared:
                yield f"{call.name}: {fid:#x} is there if it is the kernel's", here == there
            elif not call.exists_in(self.sides.mine) and call.optional:
                yield f"{call.name} is not offered", z3.Not(there)
        smccc = self._presence("k", SMCCC_VERSION) == self._presence("w", SMCCC_VERSION)
        yield "SMCCC_VERSION: there if it is the kernel's", smccc

    def _presence(self, side: str, fid: int) -> Expression:
        return self.domain.symbols(side, MACHINE.has)(z3.BitVecVal(fid, 32, self.domain.context))

    # ---- reading a formula as one side does

    def _view(self, formula: Expression, side: str, version: Version) -> Expression:
        """A formula with a version; with a side, what that side has."""
        context = self.domain.context
        replaced: list[tuple[Expression, Expression]] = []
        if side:
            own = self.domain.symbols(side, MACHINE.has)
            replaced.append((self.domain.symbols("m", MACHINE.has), own(z3.Var(0, z3.BitVecSort(32, context)))))
        constants = [(self.domain.rank, z3.BitVecVal(version.rank, self.domain.rank.size(), context))]
        for proviso in self.sides.provided:
            is_field = proviso.symbol in FIELD_BY_NAME
            symbol = FIELD_BY_NAME[proviso.symbol] if is_field else SYMBOLS[proviso.symbol]
            meaning: Meaning = self.domain.symbols("s" if is_field else "m", symbol)
            value = self.domain.constant(proviso.value, symbol.range)
            if symbol.domain:
                replaced.append((meaning, value))
            else:
                constants.append((meaning(), value))
        return z3.substitute(z3.substitute_funs(formula, *replaced), *constants)


class _Cache:
    """Remembers what a function made of each formula; the formula is kept, or Z3 could give its id to another."""

    def __init__(self, function: Callable[[Expression], Expression]) -> None:
        self._function = function
        self._known: dict[int, tuple[Expression, Expression]] = {}

    def read(self) -> Iterator[Expression]:
        """The formulas that were asked about."""
        return (formula for formula, _ in self._known.values())

    def __call__(self, formula: Expression) -> Expression:
        key = formula.get_id()
        if key not in self._known:
            self._known[key] = (formula, self._function(formula))
        return self._known[key][1]


def presences_in(domain: Domain, formula: Expression) -> frozenset[str]:
    """The functions whose presence a formula asks about, as symbols."""
    return frozenset(symbol for symbol in domain.symbols_in(formula) if symbol.startswith(PRESENCE))


def same_effect(mine: Rule, other: Rule, hidden: Sequence[str] = ()) -> bool:
    """Whether two rules change the state in the same way, whatever the first side does not see of it."""
    if mine is not other and not _equal_effects(mine.effect, other.effect):
        return False
    # a value that depends on what is hidden could differ on the two sides; the hidden fields are compared apart
    seen = tuple(update for update in mine.effect.updates if update.field.name not in hidden)
    return not fields_read(*terms_of_effect(Effect(seen))) & set(hidden)


def terms_of_effect(effect: Effect) -> tuple[Term, ...]:
    """Every term of an effect."""
    return tuple(term for update in effect.updates for term in terms_of_update(update))


def _equal_effects(mine: Effect, other: Effect) -> bool:
    if len(mine.updates) != len(other.updates):
        return False
    for one, two in zip(mine.updates, other.updates, strict=True):
        terms, others = terms_of_update(one), terms_of_update(two)
        if one.field is not two.field or len(terms) != len(others) or not all(map(same, terms, others)):
            return False
    return True


__all__ = ["Proviso", "Sides", "Simulation", "same_effect"]
