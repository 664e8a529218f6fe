"""A call or move in Z3, over free symbols: its rules as transitions, each translated once for all that is asked of it.

Translating takes longer than solving. So what a call or move means is kept, and every property is asked about the
same formulas; each query is still solved in a context of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import z3

from psci.model.declare import Call, Move
from psci.model.environment import BOOT
from psci.model.language.rules import RESULT, Completion
from psci.model.language.sorts import U64
from psci.model.symbols.state import FIELDS
from psci.proofs.encoding.domain import Domain, Expression, Meaning, NamedFormula
from psci.proofs.encoding.rules import RuleFormula, call_limits, call_symbols, fields_of, transitions
from psci.proofs.encoding.terms import Scope
from psci.properties.language import History

STATE_PREFIX, CALL_PREFIX, HISTORY_PREFIX = "s", "a", "h"


@dataclass(frozen=True)
class SymbolicOutcome:
    """One rule taken: the call or move and the state before it, the state after it, and when that is allowed."""

    before: Scope
    after: Scope
    conditions: tuple[NamedFormula, ...]


class Translated:
    """One call or move, over a state of free symbols."""

    def __init__(self, state: Scope, owner: Call | Move) -> None:
        """Translate nothing yet.

        Args:
            state: the state before it.
            owner: the call or move.
        """
        self.domain, self.owner, self.specification = state.domain, owner, state.domain.specification
        self._state = state
        self._before: dict[int, tuple[History, Scope]] = {}
        self._unchanged: dict[int, Scope] = {}
        self._outcomes: dict[int, tuple[RuleFormula, SymbolicOutcome]] = {}

    @cached_property
    def scope(self) -> Scope:
        """The call or move, and the state before it."""
        return self._state.calling(*call_symbols(self.domain, CALL_PREFIX, self.owner))

    @cached_property
    def transitions(self) -> list[RuleFormula]:
        """The rules that have outcomes, in the order in which they are written."""
        return transitions(self.domain, self.owner, self.scope, self.specification)

    def before(self, history: History) -> Scope:
        """The call or move, the state before it, and what a property remembers of it."""
        if id(history) not in self._before:
            self._before[id(history)] = (history, self.remembering(self.scope, history))
        return self._before[id(history)][1]

    def unchanged(self, history: History) -> Scope:
        """The state before a step, which is under primed names the state after it, too."""
        if id(history) not in self._unchanged:
            before = self.before(history)
            self._unchanged[id(history)] = before.but(primes(before.state))
        return self._unchanged[id(history)]

    def remembering(self, scope: Scope, history: History) -> Scope:
        """A scope with the variables of a history, before a step."""
        if not history.fields:
            return scope
        return scope.but(fields_of(self.domain, HISTORY_PREFIX, history.fields))

    @cached_property
    def free_result(self) -> Expression:
        """The symbol for a result that a rule leaves open."""
        return z3.Const(f"{CALL_PREFIX}.result", self.domain.sort(U64))

    def outcome(self, transition: RuleFormula) -> SymbolicOutcome:
        """A rule taken, where its result is a symbol if the rule leaves it open."""
        key = id(transition.rule)
        if key not in self._outcomes:
            before, conditions = with_result(self.domain, self.scope, transition, self.free_result)
            after = before.but(before.after(transition.rule.effect))
            self._outcomes[key] = (transition, SymbolicOutcome(before, after, (*transition.conditions, *conditions)))
        return self._outcomes[key][1]

    def limits(self, history: History) -> tuple[NamedFormula, ...]:
        """The symbols have values of their sorts, where Z3's sorts do not say so."""
        remembered = [self.domain.within(self.domain.symbols(HISTORY_PREFIX, f), f) for f in history.fields]
        limits = (
            ("state: values of their sorts", self.domain.conjunction([self._state_limit, *remembered])),
            ("call: values of their sorts", self._call_limit),
        )
        return tuple(limit for limit in limits if not z3.is_true(limit[1]))

    @cached_property
    def _state_limit(self) -> Expression:
        return self.domain.conjunction(
            self.domain.within(self.domain.symbols(STATE_PREFIX, field), field) for field in FIELDS
        )

    @cached_property
    def _call_limit(self) -> Expression:
        return call_limits(self.domain, CALL_PREFIX, self.owner)


class Translations:
    """The calls and moves of a specification in one domain, each translated when it is first asked for."""

    def __init__(self, domain: Domain) -> None:
        self.domain, self.specification = domain, domain.specification
        self._state = Scope(domain, fields_of(domain, STATE_PREFIX))
        self._known: dict[str, Translated] = {}

    def of(self, owner: Call | Move) -> Translated:
        """A call or move."""
        if owner.name not in self._known:
            self._known[owner.name] = Translated(self._state, owner)
        return self._known[owner.name]

    @property
    def start(self) -> Translated:
        """What is read of a state that no step leaves: the first boot stands for the step."""
        return self.of(BOOT)

    @property
    def cores(self) -> str:
        """How many cores there are, for reports."""
        return self.domain.cores


def primes(state: Mapping[str, Meaning]) -> dict[str, Meaning]:
    """The same meanings under the names that fields have after a step."""
    return {f"{name}'": meaning for name, meaning in state.items()}


def with_result(
    domain: Domain, scope: Scope, transition: RuleFormula, free: Expression
) -> tuple[Scope, tuple[NamedFormula, ...]]:
    """The scope in which RESULT is what the rule returns, and the rule's condition where it leaves a choice.

    `free` is the symbol for a result that the rule leaves open.
    """
    rule = transition.rule
    if transition.value is not None:
        return scope.binding(RESULT, transition.value), ()
    if rule.completion is Completion.WAITS:
        return scope.binding(RESULT, domain.constant(0, U64)), ()
    scope = scope.binding(RESULT, free)
    if rule.constraint is None:
        return scope, ()
    # an SMC32 function returns 32 bits, which conditions read sign-extended (RET-2)
    narrow = free == z3.SignExt(32, z3.Extract(31, 0, free))
    allowed = z3.And(scope.term(rule.constraint), z3.Or(scope.call["wide"](), narrow))
    return scope, ((f"{rule.name} lets the result be returned", allowed),)
