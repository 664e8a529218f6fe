"""Which function ids a VMM must take over, for any number of cores.

The claim is a simulation. Let *s* be a state of the wanted machine, and *k* the state that the kernel has at
the same moment: they agree on everything, but the kernel need not know that the system is going down after
a system call that it did not serve. Then whatever the kernel's rules allow a call to do in *k*, the wanted
version's rules allow in *s*: the same completion, result and effect, and the states after it agree again. A
call that the VMM serves needs no query: it is served by the wanted version's own rules, on the same state.

One query for each rule of each call that is left to the kernel, and for the moves by which cores begin to
run; cores and tree are uninterpreted, so the proof holds for any number of cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import z3

from psci.model.call import Call, Move
from psci.model.calls import UNKNOWN
from psci.model.calls.psci_features import SMCCC_VERSION
from psci.model.composition import terms_of, terms_of_update
from psci.model.environment import ENTER, START, WAKEUP
from psci.model.language.effects import Effect
from psci.model.language.rules import WIDE, Completion, Rule
from psci.model.language.terms import App, Value, fields_read, same, subterms
from psci.model.machine import MACHINE
from psci.model.profile import SYMBOLS
from psci.model.specification import SPECIFICATION, Specification
from psci.model.state import FIELD_BY_NAME, STATE, SYSTEM
from psci.model.versions import Version
from psci.proofs.domain import Expression, Fact, Meaning
from psci.proofs.induction import standing_assumptions
from psci.proofs.queries import Answer, Query, Verdict, solve
from psci.proofs.semantics import Transition, fields_of, scope_of, transitions
from psci.proofs.translate import Scope
from psci.proofs.unbounded import Unbounded

BEGIN_TO_RUN = (START, WAKEUP, ENTER)
UNKNOWN_TO_THE_KERNEL = ("system", "asked")
"""The fields that a system call of the VMM changes and that the kernel does not see."""


@dataclass(frozen=True, slots=True)
class Proviso:
    """Something about a machine under which more can be left to the kernel: a symbol of it, or a field of its state."""

    symbol: str
    value: Value
    sentence: str


PROVISOS = (
    Proviso("denied_by_policy", False, "no policy keeps a core from the guest"),
    Proviso("address_unusable", False, "no address is known to be unusable as an entry point"),
    Proviso("errata", "APPLIED", "version 0.2 is judged with the errata of issue C"),
    Proviso("affinity_level_supported", True, "AFFINITY_INFO answers for every affinity level"),
    Proviso("mode", "PLATFORM_COORDINATED", "nobody switches to OS-initiated mode"),
    Proviso("system_stop", "DRAIN", "after a system call the other cores may go on until they are stopped"),
)


@dataclass(frozen=True)
class Left:
    """A function id, or a move, that is left to the kernel."""

    owner: str
    fid: int | None
    provided: tuple[Proviso, ...]
    answers: tuple[tuple[str, Answer], ...]
    """The kernel's rules, and what the solver said of each."""


@dataclass(frozen=True)
class Forced:
    """A function id that must be forwarded."""

    owner: str
    fid: int
    offered: bool
    rules: tuple[str, ...]
    """The kernel's rules whose outcome the wanted version does not allow."""


@dataclass(frozen=True)
class Sufficiency:
    """Which ids must be forwarded, and the proof that these are enough."""

    forced: tuple[Forced, ...]
    left: tuple[Left, ...]
    undecided: tuple[Left, ...]
    """Where the solver gave up; then nothing is proved."""

    @property
    def ids(self) -> frozenset[int]:
        """The ids that must be forwarded."""
        return frozenset(forced.fid for forced in self.forced)

    @property
    def provisos(self) -> tuple[Proviso, ...]:
        """What the whole proof rests on."""
        return tuple(p for p in PROVISOS if any(p in left.provided for left in self.left))

    @property
    def queries(self) -> int:
        """How many queries were proved."""
        return sum(len(left.answers) for left in self.left)

    @property
    def seconds(self) -> float:
        """The solver's time for them."""
        return sum(answer.seconds for left in self.left for _, answer in left.answers)


def sufficiency(
    kernel: Version, want: Version, offered: Sequence[Call], specification: Specification = SPECIFICATION
) -> Sufficiency:
    """Find the ids that must be forwarded, and prove that the rest can be left to the kernel."""
    forced: list[Forced] = []
    left: list[Left] = []
    undecided: list[Left] = []
    for owner, fid in _owners(specification):
        if owner in offered:
            assert fid is not None
            failing = _failing(left_to_the_kernel(owner, fid, kernel, want, offered, (), specification))
            forced.append(Forced(owner.name, fid, True, failing))
            continue
        found = _with_provisos(owner, fid, kernel, want, offered, specification)
        verdicts = {answer.verdict for _, answer in found.answers}
        if Verdict.REFUTED in verdicts and fid is not None:
            forced.append(Forced(owner.name, fid, False, _failing(found)))
        elif verdicts <= {Verdict.PROVED}:
            left.append(found)
        else:
            undecided.append(found)
    return Sufficiency(tuple(forced), tuple(left), tuple(undecided))


def _owners(specification: Specification) -> Iterator[tuple[Call | Move, int | None]]:
    for call in specification.calls:
        for fid in call.ids():
            yield call, fid
    yield UNKNOWN, None
    for move in BEGIN_TO_RUN:
        yield move, None


def _failing(left: Left) -> tuple[str, ...]:
    return tuple(rule for rule, answer in left.answers if answer.verdict is not Verdict.PROVED)


def _with_provisos(
    owner: Call | Move, fid: int | None, kernel: Version, want: Version, offered: Sequence[Call],
    specification: Specification,
) -> Left:  # fmt: skip
    """Try with no proviso, then with all that the rules mention, less those that are not needed."""

    def tried(provided: tuple[Proviso, ...]) -> Left:
        return left_to_the_kernel(owner, fid, kernel, want, offered, provided, specification)

    plain = tried(())
    mentioned = tuple(proviso for proviso in PROVISOS if _mentions(owner, proviso.symbol, specification))
    if not _failing(plain) or not mentioned or _failing(found := tried(mentioned)):
        return plain
    for proviso in mentioned:
        fewer = tried(tuple(other for other in found.provided if other is not proviso))
        found = fewer if not _failing(fewer) else found
    return found


def _mentions(owner: Call | Move, symbol: str, specification: Specification) -> bool:
    terms = (sub for rule in specification.rules[owner.name] for term in terms_of(rule) for sub in subterms(term))
    return any(isinstance(term, App) and term.function.name == symbol for term in terms)


def left_to_the_kernel(
    owner: Call | Move, fid: int | None, kernel: Version, want: Version, offered: Sequence[Call],
    provided: tuple[Proviso, ...] = (), specification: Specification = SPECIFICATION,
) -> Left:  # fmt: skip
    """Whether every outcome of the kernel's rules is one of the wanted version's.

    Args:
        owner: the call, or a move of the kernel's cores.
        fid: the function id; None for a move and for ids of no function.
        kernel: the kernel's version.
        want: the wanted version.
        offered: the functions that the VMM serves.
        provided: what is assumed of the machine.
        specification: the rules.
    """
    views = _Views(owner, kernel, want, offered, provided, specification)
    answers = [(query.name, solve(query, minimise=False)) for query in views.queries(fid)]
    return Left(owner.name, fid, provided, tuple(answers))


class _Views:
    """The rules of a call as the kernel's version and as the wanted version read them, on related states."""

    def __init__(
        self, owner: Call | Move, kernel: Version, want: Version, offered: Sequence[Call],
        provided: Sequence[Proviso], specification: Specification,
    ) -> None:  # fmt: skip
        self.owner, self.kernel, self.want = owner, kernel, want
        self.provided, self.offered, self.specification = provided, offered, specification
        self.domain = Unbounded(None, specification)
        state = fields_of(self.domain, "s")
        self.wanted_scope = scope_of(self.domain, owner, state)
        hidden = {name: self.domain.symbols("k", FIELD_BY_NAME[name]) for name in UNKNOWN_TO_THE_KERNEL}
        self.kernel_scope = scope_of(self.domain, owner, {**state, **hidden})
        self._as_kernel = _Cache(lambda formula: self._view(formula, "k", kernel))
        self._as_wanted = _Cache(lambda formula: self._view(formula, "w", want))
        self._still_related = self._related(self.kernel_scope.term(STATE.system), self.wanted_scope.term(STATE.system))

    def queries(self, fid: int | None) -> Iterator[Query]:
        """One query for each rule that the kernel's version has."""
        wanted = [t for t in self._transitions(self.wanted_scope) if t.rule.applies_to(self.want)]
        mine = [t for t in self._transitions(self.kernel_scope) if t.rule.applies_to(self.kernel)]
        allowed = [self._as_wanted(transition.allowed()) for transition in wanted]
        goals = [
            self.domain.disjunction(self._matches(t, other, may) for other, may in zip(wanted, allowed, strict=True))
            for t in mine
        ]
        # the facts are read last: they speak about the symbols that were used
        common = [*self._relation(), *self._call(fid), *self._facts()]
        for transition, goal in zip(mine, goals, strict=True):
            own = [(name, self._as_kernel(formula)) for name, formula in transition.conditions]
            yield Query(transition.rule.name, (*own, *common), goal)

    def _transitions(self, scope: Scope) -> list[Transition]:
        return transitions(self.domain, self.owner, scope, self.specification)

    # ---- one outcome against another

    def _matches(self, mine: Transition, other: Transition, allowed: Expression) -> Expression:
        """The wanted version allows `other`, and it is the same outcome as the kernel's `mine`."""
        if mine.rule.completion is not other.rule.completion or not same_effect(mine.rule, other.rule):
            return z3.BoolVal(False, self.domain.context)
        value = z3.BoolVal(True, self.domain.context)
        if mine.rule.completion is Completion.RETURNS:
            value = self._same_value(mine, other)
            if z3.is_false(value):
                return value
        return self.domain.conjunction([allowed, value, self._related_after(mine, other)])

    def _same_value(self, mine: Transition, other: Transition) -> Expression:
        if mine.value is not None and other.value is not None:
            left, right = self._as_kernel(mine.value), self._as_wanted(other.value)
            return z3.BoolVal(True, self.domain.context) if left.eq(right) else z3.simplify(left == right)
        return z3.BoolVal(mine.rule is other.rule, self.domain.context)

    def _related_after(self, mine: Transition, other: Transition) -> Expression:
        if STATE.system.function.name not in mine.after:  # type: ignore[attr-defined]  # a nullary field is an App
            return self._still_related
        return self._related(mine.scope_after().term(STATE.system), other.scope_after().term(STATE.system))

    # ---- the two states, the call and the facts

    def _related(self, kernel: Expression, wanted: Expression) -> Expression:
        running, going = (self.domain.constant(name, SYSTEM) for name in ("RUNNING", "GOING"))
        return z3.Or(kernel == wanted, z3.And(kernel == running, wanted == going))

    def _relation(self) -> Iterator[Fact]:
        """What the kernel knows of the system, and what it does not."""
        yield "the kernel need not know that the system is going down", self._still_related
        yield from standing_assumptions(self.owner, self.wanted_scope)

    def _call(self, fid: int | None) -> Iterator[Fact]:
        if isinstance(self.owner, Call) and fid is not None:
            wide = self.wanted_scope.term(WIDE())
            yield "the function id", wide if fid == self.owner.fid64 else z3.Not(wide)

    def _facts(self) -> Iterator[Fact]:
        facts = self.domain.facts()
        for name, formula in facts:
            yield f"wanted: {name}", self._as_wanted(formula)
            if name.startswith("presence"):
                yield f"kernel: {name}", self._as_kernel(formula)
        for call in self.specification.calls:
            mine, other = self._presence("k", call.key), self._presence("w", call.key)
            if call in self.offered:
                yield f"{call.name} is offered by the VMM", other
            elif not call.exists_in(self.kernel):
                if call.optional:
                    yield f"{call.name} is not offered", z3.Not(other)
            elif call.exists_in(self.want):
                yield f"{call.name}: there if it is the kernel's", mine == other
        smccc = self._presence("k", SMCCC_VERSION) == self._presence("w", SMCCC_VERSION)
        yield "SMCCC_VERSION: there if it is the kernel's", smccc

    def _presence(self, side: str, fid: int) -> Expression:
        return self.domain.symbols(side, MACHINE.has)(z3.BitVecVal(fid, 32, self.domain.context))

    # ---- reading a formula as one side does

    def _view(self, formula: Expression, side: str, version: Version) -> Expression:
        context = self.domain.context
        functions = {MACHINE.has.name: self.domain.symbols(side, MACHINE.has)}
        replaced: list[tuple[Expression, Expression]] = [
            (self.domain.symbols("m", MACHINE.has), functions[MACHINE.has.name](z3.Var(0, z3.BitVecSort(32, context))))
        ]
        constants = [(self.domain.rank, z3.BitVecVal(version.rank, self.domain.rank.size(), context))]
        for proviso in self.provided:
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

    def __call__(self, formula: Expression) -> Expression:
        key = formula.get_id()
        if key not in self._known:
            self._known[key] = (formula, self._function(formula))
        return self._known[key][1]


def same_effect(mine: Rule, other: Rule) -> bool:
    """Whether two rules change the state in the same way, whatever the kernel does not know of it."""
    if mine is not other and not _equal_effects(mine.effect, other.effect):
        return False
    # a value that depends on what the kernel does not know could differ on the two sides; `system` is compared apart
    seen = (update for update in mine.effect.updates if update.field.name not in UNKNOWN_TO_THE_KERNEL)
    return not fields_read(*(term for update in seen for term in terms_of_update(update))) & set(UNKNOWN_TO_THE_KERNEL)


def _equal_effects(mine: Effect, other: Effect) -> bool:
    if len(mine.updates) != len(other.updates):
        return False
    for one, two in zip(mine.updates, other.updates, strict=True):
        terms, others = terms_of_update(one), terms_of_update(two)
        if one.field is not two.field or len(terms) != len(others) or not all(map(same, terms, others)):
            return False
    return True


__all__ = ["PROVISOS", "Forced", "Left", "Proviso", "Sufficiency", "left_to_the_kernel", "same_effect", "sufficiency"]
