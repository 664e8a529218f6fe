"""Which parts of the state a call or a move of the environment can read and write, on one machine.

Two steps whose footprints do not touch can be taken in either order with the same result. The
footprints are worked out from the terms of the rules: what the machine declares, the power-domain
tree, the call's arguments and the few fields of a `Context` are filled in, and what is left over
of a rule names the parts of the state that it depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from psci.explorer.abstraction.cone import fold
from psci.model.calls.conventions import HINT_BIT
from psci.model.language.effects import Update
from psci.model.language.python import ranks
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.language.sorts import CORE, BitVector, Enumeration, Sort
from psci.model.language.terms import App, Const, Function, Op, Quantified, Term, Value, Var, show
from psci.model.machine import Key
from psci.model.step import EITHER_WAY, Invocation, Outcome, Stepper, accepts
from psci.model.symbols.machine import LOCAL_STATE

Location: TypeAlias = tuple[Any, ...]
"""One value of the state: the name of a field, and an index where it has one."""

CONTROL = ("system", "mode", "kind")
"""The fields that decide which rules apply at all; a footprint holds for one value of each."""

_OPEN = ("address_unusable", "protected_range")
"""What is declared by ranges of addresses; what a call reads and writes does not depend on it."""


class Context(NamedTuple):
    """The values of the fields of CONTROL."""

    system: str
    mode: str
    kind: str


class Footprint(NamedTuple):
    """What a step may read, and what it may write: the one value that it writes, or None where there may be several."""

    reads: frozenset[Location]
    writes: Mapping[Location, Any]
    owner: str = ""
    """The call or move."""

    def overwrites(self, other: Footprint) -> bool:
        """Whether both write to one place, and not the same value."""
        if self.writes.keys().isdisjoint(other.writes):
            return False
        both = self.writes.keys() & other.writes.keys()
        return any(self.writes[place] is None or self.writes[place] != other.writes[place] for place in both)


class _Cell(NamedTuple):
    """The value that a part of the state has before the step."""

    location: Location


class _Unknown:
    """A value that depends on something that is not filled in."""


_UNKNOWN = _Unknown()
_NOTHING: frozenset[Location] = frozenset()
_LIMIT_OF_CALLS = 5_000
_RANK = ranks(LOCAL_STATE)

_Seen: TypeAlias = tuple[Any, frozenset[Location]]
"""A value, a cell, or that it is unknown; and what that depends on."""


class Footprints:
    """The footprints of all calls and moves on one machine, as far as some fields are concerned."""

    def __init__(self, stepper: Stepper, live: frozenset[str]) -> None:
        """Prepare to work out footprints.

        Args:
            stepper: the rules and the machine.
            live: the fields that matter; what is written elsewhere is left out.
        """
        self._machine = stepper.machine
        self._stepper = stepper
        self._rules = {
            owner: stepper.specification.of(owner, self._machine.version) for owner in stepper.specification.rules
        }
        self._moves = {move.name: move for move in stepper.specification.moves}
        self._live = live
        self._known: dict[tuple[Any, ...], Footprint] = {}
        self._used: dict[str, set[str]] = {}
        """For each call, which of its registers and properties its footprints depend on."""
        self._asked: set[str] = set()
        self._contexts: dict[tuple[Any, ...], bool] = {}
        self._applicable: dict[tuple[Any, ...], tuple[Rule, ...]] = {}

    def of_call(self, call: Invocation, context: Context) -> Footprint:
        """What the decision of a call may read and write."""
        return self._of_call(call, context, "", None)

    def of_change(self, call: Invocation, context: Context) -> Footprint:
        """The same for a decision that changes something: permissions to refuse that change nothing are left out."""
        return self._of_call(call, context, "change", self._changes)

    def of_answer(self, call: Invocation, context: Context, x0: int, wide: bool) -> Footprint:
        """The same for a decision that leads to x0: permissions to refuse with something else are left out."""
        word = x0 if wide else x0 & 0xFFFF_FFFF
        return self._of_call(call, context, (word, wide), lambda rule: may_return(rule, x0, wide))

    def _of_call(
        self, call: Invocation, context: Context, what_for: Any, counts: Callable[[Rule], bool] | None
    ) -> Footprint:
        name, wide = self._stepper.called(call, EITHER_WAY)
        symbols = _symbols(call, wide)
        used = self._used.setdefault(name, {"caller"})
        key = (name, context, what_for, *[symbols[symbol] for symbol in sorted(used)])
        known = self._known.get(key)
        if known is None:
            self._asked = set()
            known = self._work_out(name, symbols, context, counts)
            if not self._asked <= used:
                # What was worked out before left out something that matters: the keys say more from now on.
                used |= self._asked
                self._known = {k: v for k, v in self._known.items() if k[0] != name}
            self._known[(name, context, what_for, *[symbols[symbol] for symbol in sorted(used)])] = known
        return known

    def _changes(self, rule: Rule) -> bool:
        return any(update.field.name in self._live for update in rule.effect.updates)

    def applicable(self, call: Invocation, assumed: Mapping[Key, Value]) -> tuple[Rule, ...]:
        """The rules that can decide a call in some state, under what is assumed of the implementation."""
        key = ("applicable", call, frozenset(assumed.items()))
        known = self._applicable.get(key)
        if known is None:
            if len(self._applicable) > _LIMIT_OF_CALLS:
                self._applicable.clear()
            known = self._applicable[key] = tuple(self._may_apply(call, assumed))
        return known

    def _may_apply(self, call: Invocation, assumed: Mapping[Key, Value]) -> Iterable[Rule]:
        if call.fn & HINT_BIT:
            return [rule for rules in self._rules.values() for rule in rules]
        name, wide = self._stepper.called(call)
        reading = _Reading(self, _symbols(call, wide), None, assumed)
        rules = self._rules[name]
        holds = {rule: reading.value(rule.guard)[0] for rule in rules}
        for rule in rules:
            if rule.modality is Modality.GATE and holds[rule] is True:
                return (rule,)
        obliged = any(rule.modality is Modality.MUST_REFUSE and holds[rule] is True for rule in rules)
        successes = (Modality.SUCCEEDS, Modality.MAY_SUCCEED)
        return [
            rule
            for rule in rules
            if rule.modality is not Modality.CALLER_MUST
            and holds[rule] is not False
            and not (obliged and rule.modality in successes)
        ]

    def of_move(self, name: str, index: int, context: Context) -> Footprint:
        """What a move of a core, or of a node, may read and write."""
        key = (name, context, index)
        known = self._known.get(key)
        if known is None:
            move = self._moves[name]
            variable = move.node if move.core is None else move.core
            symbols = {} if variable is None else {variable.name: index}
            known = self._known[key] = self._work_out(name, symbols, context)
        return known

    def depends(self, owner: str, first: Context, second: Context) -> bool:
        """Whether the rules of a call or move say something else in one context than in the other."""
        key = ("depends", owner, first, second)
        if key not in self._contexts:
            self._contexts[key] = self._residue(owner, first) != self._residue(owner, second)
        return self._contexts[key]

    def _residue(self, owner: str, context: Context) -> list[str]:
        """What is left of the rules of a call or move in a context, as text."""
        constants = context._asdict()
        left = []
        for rule in self._rules[owner]:
            guard = fold(rule.guard, constants, self._machine)
            if isinstance(guard, Const) and not guard.value:
                continue
            left += [
                rule.name,
                show(guard),
                "" if rule.value is None else show(fold(rule.value, constants, self._machine)),
            ]
            for update in rule.effect.updates:
                terms = [value for _, value in update.points] if update.everywhere is None else [update.everywhere]
                left += [update.field.name, *(show(fold(term, constants, self._machine)) for term in terms)]
        return left

    def _work_out(
        self, owner: str, symbols: Mapping[str, Any], context: Context, counts: Callable[[Rule], bool] | None = None
    ) -> Footprint:
        reading = _Reading(self, symbols, context)
        reads: set[Location] = set()
        writes: dict[Location, Any] = {}
        for rule in self._rules[owner]:
            if counts is not None and rule.modality is Modality.MAY_REFUSE and not counts(rule):
                continue
            holds, seen = reading.value(rule.guard)
            if rule.modality is not Modality.CALLER_MUST or holds is not False:
                reads |= seen
            if holds is False:
                continue
            if rule.value is not None:
                reads |= reading.value(rule.value)[1]
            for update in rule.effect.updates:
                if update.field.name in self._live:
                    self._update(update, reading, reads, writes)
        return Footprint(frozenset(reads), writes, owner)

    def _update(self, update: Update, reading: _Reading, reads: set[Location], writes: dict[Location, Any]) -> None:
        context = reading.context
        for location, term, names in self._targets(update, reading):
            for value, seen in reading.with_names(names).ways(term):
                if isinstance(value, _Cell) and value.location == location:
                    # The rule leaves this part as it was; where that depends on something, that is read.
                    reads |= seen - {location}
                    continue
                reads |= seen
                known = not isinstance(value, _Cell | _Unknown)
                if known and location[0] in CONTROL and value == getattr(context, location[0]):
                    continue
                constant = value if known else None
                writes[location] = constant if location not in writes or writes[location] == constant else None

    def _targets(self, update: Update, reading: _Reading) -> Iterable[tuple[Location, Term, Mapping[str, int]]]:
        name, domain = update.field.name, update.field.domain
        if update.everywhere is not None:
            for index in self.indices(domain):
                yield (
                    (name, *index),
                    update.everywhere,
                    {binder.name: place for binder, place in zip(update.binders, index, strict=True)},
                )
            return
        for terms, value in update.points:
            found = [reading.value(term)[0] for term in terms]
            known = all(not isinstance(place, _Cell | _Unknown) for place in found)
            for index in [tuple(found)] if known else self.indices(domain):
                yield (name, *index), value, {}

    def indices(self, domain: tuple[Any, ...]) -> list[tuple[int, ...]]:
        """All indices of a field."""
        found: list[tuple[int, ...]] = [()]
        for sort in domain:
            found = [(*index, place) for index in found for place in range(self.size(sort))]
        return found

    def size(self, sort: Any) -> int:
        """How many values a sort has on the machine."""
        return len(self._machine.cores) if sort == CORE else len(self._machine.tree.names)

    def machine_value(self, function: Function, arguments: list[Any]) -> Any:
        """What the machine declares, or None."""
        if function.name in _OPEN:
            return None
        return self._machine.value(function.name, tuple(arguments))

    def tree_value(self, name: str, arguments: list[Any]) -> Any:
        """What the power-domain tree says."""
        tree = self._machine.tree
        if name == "level":
            return tree.levels[arguments[0]]
        if name == "ancestor":
            return tree.ancestors[arguments[1]][arguments[0]]
        return tree.ancestors[tree.homes[arguments[0]]][arguments[1]]

    def ask(self, symbol: str) -> None:
        """Note that a footprint depends on a property of the call."""
        self._asked.add(symbol)


class _Reading:
    """Evaluates terms as far as they can be without the state, and notes what of the state is left over."""

    def __init__(
        self,
        owner: Footprints,
        symbols: Mapping[str, Any],
        context: Context | None,
        assumed: Mapping[Key, Value] | None = None,
    ) -> None:
        self.owner = owner
        self.symbols = symbols
        self.context = context
        """None: any."""
        self.assumed = assumed or {}

    def with_names(self, names: Mapping[str, int]) -> _Reading:
        """The same with some bound variables."""
        if not names:
            return self
        return _Reading(self.owner, {**self.symbols, **names}, self.context, self.assumed)

    def ways(self, term: Term) -> Iterator[_Seen]:
        """The values that a term can have, each with what of the state it depends on.

        More than one where a choice hangs on something that is the same for the whole trace, though nobody declares it.
        """
        if isinstance(term, Op) and term.name == "if":
            condition, seen = self.value(term.arguments[0])
            if isinstance(condition, _Unknown) and not seen:
                yield from self.ways(term.arguments[1])
                yield from self.ways(term.arguments[2])
                return
        if isinstance(term, Op) and term.name in ("and", "or"):
            parts = [self.value(argument) for argument in term.arguments]
            fixed = [not seen for value, seen in parts if isinstance(value, _Unknown)]
            if fixed and all(fixed):
                zero = term.name == "or"
                yield zero, _NOTHING
                yield _junction((part for part in parts if not isinstance(part[0], _Unknown)), zero)
                return
        yield self.value(term)

    def value(self, term: Term) -> _Seen:
        """The value of a term, and what of the state it depends on."""
        match term:
            case Const(value=value):
                return value, _NOTHING
            case Var(name=name):
                return self.symbols.get(name, _UNKNOWN), _NOTHING
            case App():
                return self._applied(term)
            case Op(name=name, arguments=arguments):
                return self._operator(name, arguments, term)
            case Quantified(kind=kind, variable=variable, body=body):
                inner = (
                    self.with_names({variable.name: place}).value(body)
                    for place in range(self.owner.size(variable.sort))
                )
                return _junction(inner, kind == "some")
        raise AssertionError(type(term))

    def _applied(self, term: App) -> _Seen:
        function = term.function
        if function.definition is not None:
            return self.value(function.definition)
        if function.kind == "call":
            if function.name in self.symbols:
                self.owner.ask(function.name)
            return self.symbols.get(function.name, _UNKNOWN), _NOTHING
        inner = [self.value(argument) for argument in term.arguments]
        arguments = [value for value, _ in inner]
        seen = frozenset().union(*(locations for _, locations in inner)) if inner else _NOTHING
        known = not any(isinstance(argument, _Cell | _Unknown) for argument in arguments)
        if function.kind == "state":
            return self._state(function, arguments, seen, known)
        if not known:
            return _UNKNOWN, seen
        if function.kind == "tree":
            return self.owner.tree_value(function.name, arguments), seen
        value = self.assumed.get((function.name, *arguments))
        if value is None:
            value = self.owner.machine_value(function, arguments)
        return (_UNKNOWN if value is None else value), seen

    def _state(self, function: Function, arguments: list[Any], seen: frozenset[Location], known: bool) -> _Seen:
        if function.name in CONTROL and self.context is not None:
            return getattr(self.context, function.name), frozenset({(function.name,)})
        if known:
            location = (function.name, *arguments)
            return _Cell(location), seen | {location}
        everywhere = {(function.name, *index) for index in self.owner.indices(function.domain)}
        return _UNKNOWN, seen | everywhere

    def _operator(self, name: str, terms: tuple[Term, ...], term: Op) -> _Seen:
        if name in ("and", "or"):
            return _junction((self.value(argument) for argument in terms), name == "or")
        if name == "if":
            condition, seen = self.value(terms[0])
            if not isinstance(condition, _Cell | _Unknown):
                value, inside = self.value(terms[1] if condition else terms[2])
                return value, seen | inside
            left, right = self.value(terms[1]), self.value(terms[2])
            same = left[0] == right[0] and not isinstance(left[0], _Unknown)
            return (left[0], left[1] | right[1]) if same else (_UNKNOWN, seen | left[1] | right[1])
        inner = [self.value(argument) for argument in terms]
        seen = frozenset().union(*(locations for _, locations in inner))
        values = [value for value, _ in inner]
        if name == "ult" and not isinstance(values[1], _Cell | _Unknown) and _is_least(values[1], terms[1].sort):
            return False, inner[1][1]
        if any(isinstance(value, _Cell | _Unknown) for value in values):
            return _UNKNOWN, seen
        return _computed(name, values, term), seen


def may_return(rule: Rule, x0: int, wide: bool) -> bool:
    """Whether a rule can return x0 in some state."""
    if rule.completion is Completion.RETURNS and isinstance(rule.value, Const):
        return accepts(Outcome(rule, rule.completion, int(rule.value.value), None), x0, wide)
    return rule.completion is not Completion.NEVER


def _is_least(value: Any, sort: Sort) -> bool:
    return bool(value == sort.values[0]) if isinstance(sort, Enumeration) else value == 0


def _symbols(call: Invocation, wide: bool) -> dict[str, Any]:
    """The properties of a call by the names that rules use."""
    return {
        "caller": call.caller, "wide": wide, "x1": call.x1, "x2": call.x2, "x3": call.x3,
        "caller_isa": call.isa, "caller_world": call.world,
    }  # fmt: skip


def _junction(parts: Iterable[_Seen], zero: bool) -> _Seen:
    """`and` (zero is False) or `or` (zero is True) of parts; one part that decides alone hides the others."""
    seen: frozenset[Location] = _NOTHING
    left: list[Any] = []
    deciding: frozenset[Location] | None = None
    for value, locations in parts:
        if isinstance(value, _Cell | _Unknown):
            left.append(value)
            seen |= locations
        elif value is zero:
            if not locations:
                return zero, _NOTHING
            if deciding is None or len(locations) < len(deciding):
                deciding = locations
        else:
            seen |= locations
    if deciding is not None:
        return zero, deciding
    if not left:
        return not zero, seen
    return (left[0] if len(left) == 1 else _UNKNOWN), seen


def _computed(name: str, values: list[Any], term: Op) -> Any:
    ordered = values
    if name in ("ult", "ule") and isinstance(term.arguments[0].sort, Enumeration):
        ordered = [_RANK[value] for value in values]
    match name:
        case "not":
            return not values[0]
        case "eq":
            return values[0] == values[1]
        case "ult":
            return ordered[0] < ordered[1]
        case "ule":
            return ordered[0] <= ordered[1]
        case "band":
            return values[0] & values[1]
        case "bor":
            return values[0] | values[1]
        case "shr":
            return values[0] >> values[1]
        case "zext":
            return values[0]
        case "low":
            return values[0] & 0xFFFF_FFFF
        case "add" | "sub" if isinstance(term.sort, BitVector):
            return (values[0] + (values[1] if name == "add" else -values[1])) & ((1 << term.sort.width) - 1)
    return _UNKNOWN


__all__ = ["CONTROL", "Context", "Footprint", "Footprints", "Location", "may_return"]
