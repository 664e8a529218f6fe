"""The stepper: the allowed outcomes of one call in one state, and the moves of the environment.

It turns the rules of one version on one machine into a Python function for each call. What the
machine declares is folded in; what it leaves open is looked up in the choices of the moment, and
`Undeclared` is raised for what is not chosen yet.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from psci.model.calls.conventions import HINT_BIT, NOT_PSCI, UNKNOWN, is_psci
from psci.model.declare import Call
from psci.model.environment import BOOT
from psci.model.language.effects import Effect
from psci.model.language.python import Compiler, define, put, ranks
from psci.model.language.rules import CallTerms, Completion, Modality, Rule
from psci.model.language.sorts import CORE, NODE, blank
from psci.model.language.terms import FALSE, Const, Function, Term, Value, fields_read
from psci.model.machine import Choices, Key, Machine, Undeclared
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.machine import LOCAL_STATE
from psci.model.symbols.state import FIELDS
from psci.model.tables.codes import value_in_words
from psci.model.undeclared import possible

State = namedtuple("State", [field.name for field in FIELDS])  # type: ignore[misc]  # the fields are the rules' fields
"""A state; a field of each core is a tuple in the order of the machine's cores."""

NO_CHOICES: Choices = {}
EITHER_WAY: Choices = {("knows_hint_bit",): True}
"""For what does not depend on whether the hint bit is known."""
SMC64_BIT = 0x4000_0000
_CALL_PARAMETERS = "state, choices, caller, wide, x1, x2, x3, caller_isa, caller_world"


class Invocation(NamedTuple):
    """A call with its caller: x1, x2, x3 as the caller set them (64 bits each)."""

    caller: int
    """The index of the calling core."""
    fn: int
    x1: int = 0
    x2: int = 0
    x3: int = 0
    isa: str = "AARCH64"
    world: str = "NORMAL"


class Outcome(NamedTuple):
    """One allowed outcome: how the call ends, with which result, in which state."""

    rule: Rule
    completion: Completion
    value: int | None
    """The result as a 64-bit word; None where the call does not return, waits, or leaves a choice."""
    state: Any

    def __repr__(self) -> str:
        return f"{self.result()} by {self.rule.name}"

    def result(self) -> str:
        """How the call ends, in words: `ON_PENDING (-5)`, `waits`, `does not return`."""
        if self.completion is not Completion.RETURNS:
            return str(self.completion.value)
        if self.rule.code is not None:
            return self.rule.code.with_number()
        return "any of several values" if self.value is None else value_in_words(self.value, 64)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Everything that a call may do in a state."""

    outcomes: tuple[Outcome, ...]
    obliged: bool
    """A rule obliges the implementation to refuse, or a gate applies."""
    broken: tuple[Rule, ...]
    """The caller's duties that the call breaks."""

    @property
    def free(self) -> bool:
        """Nothing is promised: the caller broke a duty, and no rule binds the implementation all the same."""
        return any(rule.frees or not self.obliged for rule in self.broken)

    @property
    def gap(self) -> bool:
        """No rule answers."""
        return not any(o.rule.modality is not Modality.MAY_REFUSE for o in self.outcomes)

    def __repr__(self) -> str:
        return f"Allowed({', '.join(map(repr, self.outcomes))})"


def accepts(outcome: Outcome, x0: int, wide: bool) -> bool:
    """Whether a result explains x0.

    Args:
        outcome: how the call ended.
        x0: what the caller found there.
        wide: all 64 bits count, and not the low 32 alone; see `Stepper.result_is_wide`.
    """
    if outcome.completion is Completion.NEVER:
        return False
    if outcome.completion is Completion.WAITS:
        return x0 == 0 if wide else x0 & 0xFFFF_FFFF == 0
    if outcome.value is not None:
        return x0 == outcome.value if wide else (x0 ^ outcome.value) & 0xFFFF_FFFF == 0
    word = x0 if wide else _sign_extended(x0 & 0xFFFF_FFFF)
    assert outcome.rule.constraint is not None
    return bool(_constraint(outcome.rule.constraint)(word))


def blank_field(field: Function, machine: Machine) -> Any:
    """What a field holds before the first boot: a value, or one for each core or node."""
    first = 0 if field.range in (CORE, NODE) else blank(field.range)
    size = 1
    for sort in field.domain:
        size *= len(machine.cores) if sort == CORE else len(machine.tree.names)
    return (first,) * size if field.domain else first


def _sign_extended(word: int) -> int:
    return word | 0xFFFF_FFFF_0000_0000 if word >> 31 else word


@cache
def _constraint(constraint: Term) -> Callable[[int], bool]:
    """Whether a result fits. The key is the term itself, which lives on: another may not come to stand in its place."""
    source = Compiler(_unknown_function, 0, 0).expression(constraint)
    fits: Callable[[int], bool] = define("fits", "result", [f"    return {source}"], {})
    return fits


def _kept(before: Any, after: Any) -> Any:
    return before if after == before else after


def _unknown_function(function: Function, _terms: tuple[Term, ...], _sources: tuple[str, ...]) -> str:
    raise TypeError(f"a condition on a result cannot speak about {function.name}")


class Stepper:
    """The rules of a machine's version, compiled for that machine."""

    def __init__(self, machine: Machine, specification: Specification = SPECIFICATION) -> None:
        self.machine = machine
        self.specification = specification
        self._compiler = Compiler(self._apply, len(machine.cores), len(machine.tree.names))
        self._calls: dict[str, Callable[..., Allowed]] = {}
        self._moves: dict[str, Callable[..., list[tuple[Rule, Any]]]] = {}
        self.learned: dict[Key, Value] = {}
        """What is taken as declared beside the machine's own declarations; it may only grow."""
        self._effects: dict[Rule, Callable[..., Any]] = {}
        self._strict = False
        self._named = {call.name: call for call in specification.calls}
        self._quiet: dict[Any, bool] = {}
        watched = fields_read(
            *(rule.guard for move in specification.moves if move.silent for rule in specification.rules[move.name])
        )
        self._watched = itemgetter(*(i for i, field in enumerate(FIELDS) if field.name in watched))
        self._globals: dict[str, Any] = {
            "put": put, "State": State, "Outcome": Outcome, "Allowed": Allowed, "Undeclared": Undeclared,
            "new": tuple.__new__, "kept": _kept, "ask": self._ask, "rank": ranks(LOCAL_STATE),
        }  # fmt: skip

    def allowed(self, state: Any, call: Invocation, choices: Choices = NO_CHOICES) -> Allowed:
        """The allowed outcomes of a call in a state.

        Raises:
            Undeclared: the rules depend on something that neither the machine nor `choices` says.
        """
        caller, _, x1, x2, x3, isa, world = call
        name, wide = self.called(call, choices)
        compiled = self._calls.get(name) or self._compile_call(name)
        return compiled(state, choices, caller, wide, x1, x2, x3, isa, world)

    def function(self, fn: int) -> tuple[Call | None, bool]:
        """The call that a function id selects, or None, and whether the id is an SMC64 one."""
        unknown = None, bool(fn & SMC64_BIT)
        if self.machine.ids is None:
            return self.specification.call_of.get(fn & ~HINT_BIT, unknown)
        return self._named.get(self.machine.ids.get(fn, ""), None), bool(fn & SMC64_BIT)

    def called(self, call: Invocation, choices: Choices = NO_CHOICES) -> tuple[str, bool]:
        """The name that the rules of a call stand under, and whether its arguments have 64 bits.

        Raises:
            Undeclared: the id has SMCCC's hint bit, and nobody says whether the implementation knows it.
        """
        function, wide = self.function(call.fn)
        if function is not None and self.machine.ids is not None:
            # ids of the device tree tell no width: the arguments are as wide as the caller's registers
            return function.name, call.isa == "AARCH64"
        if function is not None and call.fn & HINT_BIT and not self._ask(choices, ("knows_hint_bit",)):
            return UNKNOWN.name, wide
        unknown = NOT_PSCI if self.is_not_psci(call.fn) else UNKNOWN
        return (function or unknown).name, wide

    def is_not_psci(self, fn: int) -> bool:
        """Whether a function id belongs to no function of this machine and is outside PSCI's ranges (SMC-9)."""
        return self.function(fn)[0] is None and not is_psci(fn)

    def result_is_wide(self, call: Invocation) -> bool:
        """Whether the caller of a call sees a result of 64 bits (SMC-2, RET-2).

        It does after an SMC64 call from AArch64: R0 has 32 bits (RET-3), and version 0.1 does not tell.
        """
        return self.function(call.fn)[1] and call.isa == "AARCH64" and self.machine.ids is None

    def under_all_answers(self, state: Any, call: Invocation, choices: Choices = NO_CHOICES) -> Iterator[Allowed]:
        """The allowed outcomes under every answer to what is undeclared and not chosen."""
        try:
            yield self.allowed(state, call, choices)
        except Undeclared as missing:
            for value in self.possible(missing.key, choices):
                yield from self.under_all_answers(state, call, {**choices, missing.key: value})

    def possible(self, key: Key, choices: Choices = NO_CHOICES) -> tuple[Value, ...]:
        """The answers to something undeclared that fit what is declared, learned and chosen."""
        return possible(self.machine, (self.learned, choices), key)

    def claimed(self, state: Any, call: Invocation, x0: int) -> list[Any]:
        """The states that an answer claims: the effects of the rules that give it, whatever their guards say.

        The state itself where no rule gives the answer.
        """
        function, wide = self.function(call.fn)[0], self.result_is_wide(call)
        states = []
        for rule in self._rules(function.name if function else UNKNOWN.name):
            if rule.modality is Modality.CALLER_MUST or rule.completion is Completion.NEVER or not rule.effect.updates:
                continue
            outcome = Outcome(rule, rule.completion, rule.value.value if isinstance(rule.value, Const) else None, None)  # type: ignore[arg-type]  # words are ints
            fixed = rule.completion is Completion.WAITS or outcome.value is not None
            if fixed and accepts(outcome, x0, wide):
                states += self._apply_effect(function, rule, state, call)
        return states or [state]

    def rules_answering(self, call: Invocation, x0: int) -> list[Rule]:
        """The rules of a call whose fixed answer is x0, whatever they require."""
        function, wide = self.function(call.fn)[0], self.result_is_wide(call)
        rules = self._rules(function.name if function else UNKNOWN.name)
        return [
            rule
            for rule in rules
            if isinstance(rule.value, Const)
            and accepts(Outcome(rule, rule.completion, int(rule.value.value), None), x0, wide)
        ]

    def holds(self, condition: Term, state: Any, call: Invocation, choices: Choices = NO_CHOICES) -> bool | None:
        """Whether a condition holds for a call in a state; None where that depends on something undeclared."""
        function, _ = self.function(call.fn)
        terms = function.terms if function else CallTerms(())
        lines = [
            *self._unpack(),
            *self._compiler.abbreviations(terms),
            f"    return {self._compiler.expression(condition)}",
        ]
        caller, _, x1, x2, x3, isa, world = call
        wide = self.called(call, EITHER_WAY)[1]
        try:
            asked = define("holds", _CALL_PARAMETERS, lines, self._globals)
            return bool(asked(state, choices, caller, wide, x1, x2, x3, isa, world))
        except Undeclared:
            return None

    def _apply_effect(self, function: Call | None, rule: Rule, state: Any, call: Invocation) -> list[Any]:
        compiled = self._effects.get(rule) or self._compile_effect(function, rule)
        caller, _, x1, x2, x3, isa, world = call
        wide = self.called(call, EITHER_WAY)[1]
        try:
            return [compiled(state, NO_CHOICES, caller, wide, x1, x2, x3, isa, world)]
        except KeyError:  # the answer speaks of a core that does not exist
            return []

    def silent(self, state: Any) -> list[tuple[Rule, Any]]:
        """Every silent move that is possible, with its rule and the state after it."""
        found: list[tuple[Rule, Any]] = []
        for move in self.specification.moves:
            if move.silent:
                for index in range(len(self.machine.cores) if move.node is None else len(self.machine.tree.names)):
                    found += self.move(move.name, state, index)
        return found

    def quiet(self, state: Any) -> bool:
        """Whether no silent move is possible; remembered by the fields that the guards of silent moves read."""
        projection = self._watched(state)
        quiet = self._quiet.get(projection)
        if quiet is None:
            quiet = self._quiet[projection] = not self.silent(state)
        return quiet

    def move(
        self, name: str, state: Any, index: int = 0, parameters: tuple[Any, ...] = (), choices: Choices = NO_CHOICES
    ) -> list[tuple[Rule, Any]]:
        """The ways in which a move of the environment is possible: rules and the states after it.

        `index` is the core, or the node, that moves.

        Raises:
            Undeclared: the rules depend on something that neither the machine nor `choices` says.
        """
        compiled = self._moves.get(name) or self._compile_move(name)
        return compiled(state, choices, index, *parameters)

    def initial(self) -> Any:
        """The state after a cold boot."""
        before: Any = State(*(blank_field(field, self.machine) for field in FIELDS))
        ((_, state),) = self.move(BOOT.name, before._replace(system="DOWN"), self.machine.boot)
        return state

    # ---- writing Python

    def _apply(self, function: Function, terms: tuple[Term, ...], sources: tuple[str, ...]) -> str:
        match function.kind:
            case "state":
                return f"s_{function.name}" + (f"[{self._compiler.place(function, sources)}]" if sources else "")
            case "call":
                return function.name
            case "tree":
                return self._tree(function.name, sources)
        return self._declared(function, terms, sources)

    def _tree(self, name: str, sources: tuple[str, ...]) -> str:
        tree = self.machine.tree
        tables: Mapping[str, Any] = {
            "level": tree.levels,
            "ancestor": tuple(tuple(row[a] for row in tree.ancestors) for a in range(len(tree.names))),
            "below": tuple(tree.ancestors[home] for home in tree.homes),
        }
        self._globals[f"t_{name}"] = tables[name]
        return f"t_{name}" + "".join(f"[{source}]" for source in sources)

    def _declared(self, function: Function, terms: tuple[Term, ...], sources: tuple[str, ...]) -> str:
        constants = tuple(term.value for term in terms if isinstance(term, Const))
        if len(constants) == len(terms):
            value = self.machine.value(function.name, constants)
            if value is not None:
                return repr(value)
        match function.name:
            case "is_core":
                self._globals["m_core_of"] = self.machine.core_of
                return f"({sources[0]} in m_core_of)"
            case "core_of":
                self._globals["m_core_of"] = self.machine.core_of
                return f"m_core_of[{sources[0]}]" if self._strict else f"m_core_of.get({sources[0]}, 0)"
            case "mpidr":
                self._globals["m_mpidr"] = self.machine.cores
                return f"m_mpidr[{sources[0]}]"
        if terms and self._uniform(function) is not None:
            return repr(self._uniform(function))
        return f"ask(choices, ({function.name!r}, {', '.join(sources)}))"

    def _uniform(self, function: Function) -> Any:
        """The value that the machine declares for all arguments of a symbol, or None."""
        single = any(isinstance(key, tuple) and key[0] == function.name for key in self.machine.declared)
        ranged = function.name == "address_unusable" and self.machine.unusable
        computed = function.name in ("has", "latency", "starts_trusted_os")
        computed |= function.name == "protected_range" and self.machine.protected is not None
        return None if single or ranged or computed else self.machine.value(function.name, ("",))

    def _ask(self, choices: Choices, key: tuple[Any, ...]) -> Any:
        value = self.learned.get(key)
        if value is None:
            value = choices.get(key)
        if value is None:
            value = self.machine.value(key[0], key[1:])
            if value is None:
                raise Undeclared(key)
            self.learned[key] = value
        return value

    def _compile_call(self, name: str) -> Callable[..., Allowed]:
        function = next((call for call in self.specification.calls if call.name == name), None)
        terms = function.terms if function else CallTerms(())
        lines = self._unpack() + self._compiler.abbreviations(terms)
        rules = self._rules(name)
        lines += [*self._gates(name, rules), "    outcomes = []", "    broken = ()"]
        lines += self._duties(name, rules)
        lines += self._outcomes(name, rules, Modality.MUST_REFUSE)
        lines += ["    obliged = bool(outcomes)"]
        lines += self._outcomes(name, rules, Modality.MAY_REFUSE)
        lines += ["    if not obliged:"]
        lines += ["    " + line for line in self._outcomes(name, rules, Modality.SUCCEEDS, Modality.MAY_SUCCEED)]
        lines += ["        pass"]
        lines += self._outcomes(name, rules, Modality.AMENDS)
        lines += ["    return Allowed(tuple(outcomes), obliged, broken)"]
        self._calls[name] = define(f"call_{name}", _CALL_PARAMETERS, lines, self._globals)
        return self._calls[name]

    def _compile_effect(self, function: Call | None, rule: Rule) -> Callable[..., Any]:
        self._strict = True
        lines = [*self._unpack(), *self._compiler.abbreviations(function.terms if function else CallTerms(()))]
        lines += [f"    return {self._state_after(rule.effect)}"]
        self._strict = False
        self._effects[rule] = define("effect", _CALL_PARAMETERS, lines, self._globals)
        return self._effects[rule]

    def _compile_move(self, name: str) -> Callable[..., list[tuple[Rule, Any]]]:
        move = next(move for move in self.specification.moves if move.name == name)
        rules = self._rules(name)
        lines = [*self._unpack(), "    found = []"]
        for i, rule in enumerate(rules):
            self._globals[f"{name}_{i}"] = rule
            lines += [
                f"    if {self._compiler.expression(rule.guard)}:",
                f"        found.append(({name}_{i}, {self._state_after(rule.effect)}))",
            ]
        lines += ["    return found"]
        index = "core" if move.node is None else move.node.name
        parameters = ["state", "choices", index, *(symbol.name for symbol in move.parameters)]
        self._moves[name] = define(f"move_{name}", ", ".join(parameters), lines, self._globals)
        return self._moves[name]

    def _rules(self, name: str) -> tuple[Rule, ...]:
        return tuple(r for r in self.specification.of(name, self.machine.version) if r.guard is not FALSE)

    def _unpack(self) -> list[str]:
        return ["    " + ", ".join(f"s_{field.name}" for field in FIELDS) + ", = state"]

    def _gates(self, name: str, rules: tuple[Rule, ...]) -> list[str]:
        lines = []
        gates = [rule for rule in rules if rule.modality is Modality.GATE]
        for rule in gates:
            lines += [
                f"    if {self._compiler.expression(rule.guard)}:",
                f"        return Allowed(({self._outcome(name, rules, rule)},), True, ())",
            ]
        return lines

    def _duties(self, name: str, rules: tuple[Rule, ...]) -> list[str]:
        lines = []
        for i, rule in enumerate(rules):
            if rule.modality is Modality.CALLER_MUST:
                self._globals[f"{name}_{i}"] = rule
                lines += [f"    if {self._compiler.expression(rule.guard)}:", f"        broken += ({name}_{i},)"]
        return lines

    def _outcomes(self, name: str, rules: tuple[Rule, ...], *modalities: Modality) -> list[str]:
        lines = []
        for rule in rules:
            if rule.modality in modalities:
                guard = self._compiler.expression(rule.guard)
                lines += [f"    if {guard}:", f"        outcomes.append({self._outcome(name, rules, rule)})"]
        return lines

    def _outcome(self, name: str, rules: tuple[Rule, ...], rule: Rule) -> str:
        label = f"{name}_{rules.index(rule)}"
        self._globals[label] = rule
        self._globals[f"{label}_c"] = rule.completion
        value = "None" if rule.value is None else self._compiler.expression(rule.value)
        after = self._state_after(rule.effect)
        if rule.modality in (Modality.MUST_REFUSE, Modality.MAY_REFUSE) and after != "state":
            # most refusals change something by a reading only: else the state is the same one, not an equal one
            after = f"kept(state, {after})"
        return f"new(Outcome, ({label}, {label}_c, {value}, {after}))"

    def _state_after(self, effect: Effect) -> str:
        if not effect.updates:
            return "state"
        values = []
        for field in FIELDS:
            update = effect.update(field)
            values.append(f"s_{field.name}" if update is None else self._compiler.updated(update, f"s_{field.name}"))
        return f"new(State, ({', '.join(values)},))"


__all__ = ["Allowed", "Invocation", "Outcome", "State", "Stepper", "accepts"]
