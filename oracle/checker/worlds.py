"""States that are kept once, cut down to what can still matter, with what is known to follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from itertools import product
from typing import Any, NamedTuple, TypeAlias

from psci.explorer.abstraction.cone import fold
from psci.model.calls import NOT_PSCI, UNKNOWN
from psci.model.environment import BOOT, LOOK
from psci.model.language.effects import Update
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.language.simplify import simplify
from psci.model.language.sorts import CORE, Enumeration
from psci.model.language.terms import (
    FALSE,
    App,
    Const,
    Function,
    Op,
    Quantified,
    Term,
    Value,
    fields_read,
    show,
    subterms,
)
from psci.model.machine import DEFAULTS, Alike, Key, Machine, Undeclared
from psci.model.specification import Specification
from psci.model.step import Invocation, Stepper, blank_field
from psci.model.symbols.state import FIELDS, KIND
from psci.oracle.checker.footprint import CONTROL, Context, Footprints, Location

AssumedValues: TypeAlias = Mapping[Key, Value]

NOTHING_ASSUMED: AssumedValues = {}

STATISTICS = ("PSCI_STAT_RESIDENCY", "PSCI_STAT_COUNT")
"""Their answers are judged by bounds (`psci.oracle.statistics`), not by the state."""

USED = ("slept", "dozed")
"""Fields that only statistics read; they are taken as set, so that the rules leave the value to the bounds."""

OBSERVABLE = frozenset({*CONTROL, "power", "activity"})
"""What events besides calls and entries look at."""

AWAITS_ENTRY = frozenset({"ENTERING", "POWERDOWN"})
"""What a core does that will be entered at the entry point that it has now."""

SLEEPING = frozenset({"STANDBY", "RETENTION", "POWERDOWN"})
"""What a core does that waits for a wakeup event."""

ENTRY_FIELDS = ("entry", "context", "entry_wide", "entry_isa")

LIMIT_OF_WORLDS = 4_000
"""Above this many states, those that explain nothing any more are forgotten."""

_LIMIT_OF_CALLS = 5_000


class WorldOutcome(NamedTuple):
    """One allowed outcome of a call."""

    rule: Rule
    completion: Completion
    value: int | None
    world: World
    """The state after it."""


Branches: TypeAlias = tuple[tuple[AssumedValues, tuple[WorldOutcome, ...]], ...]
"""The outcomes of a call under each assumption that makes a difference to them."""

Ways: TypeAlias = tuple[tuple[AssumedValues, Rule, "World"], ...]
"""The ways in which a move is possible, each under what it assumes."""


class World:
    """A state that is kept once: two worlds are equal if they are the same object."""

    __slots__ = ("broken", "cones", "context", "moves", "outcomes", "state", "ways")

    def __init__(self, state: Any) -> None:
        self.state = state
        self.context = Context(state.system, state.mode, state.kind)
        self.outcomes: dict[Invocation, tuple[Branches, Any]] = {}
        """With what they were worked out under, where they depend on what is undeclared."""
        self.broken: dict[Invocation, tuple[Rule, ...]] = {}
        """The caller's duties that a call breaks, where it breaks any."""
        self.ways: dict[tuple[Any, ...], Ways] = {}
        self.cones: dict[Any, Any] = {}
        """For `psci.oracle.unseen`: the steps that something depends on."""
        self.moves: tuple[tuple[str, int], ...] | None = None


class Detail(NamedTuple):
    """What is followed beside the cores and the system; a trace that asks for none of it is judged faster."""

    nodes: bool = True
    """The states of power domains, which an observation asks for."""
    mode: bool = True
    """OS-initiated mode."""
    strays: bool = True
    """Wakeup events of cores that are OFF, which may reset the system (CPU_OFF-7)."""

    def with_all_of(self, other: Detail) -> Detail:
        """What this or the other follows."""
        return Detail(self.nodes or other.nodes, self.mode or other.mode, self.strays or other.strays)


LEAST = Detail(nodes=False, mode=False, strays=False)


@lru_cache(maxsize=32)
def live_fields(specification: Specification, alike: Alike, detail: Detail) -> frozenset[str]:
    """The fields that something can still ask about: what decides answers and moves, and what that depends on."""
    machine = alike.machine
    constants: dict[str, Value] = {} if detail.mode else {"mode": "PLATFORM_COORDINATED"}
    if not detail.strays:
        constants["stray_wakeup"] = "IGNORED"
    fold = partial(folded, constants=constants, machine=machine)
    calls = {call.name for call in specification.calls} | {UNKNOWN.name, NOT_PSCI.name}
    if detail.nodes:
        calls.add(LOOK.name)
    live = OBSERVABLE | ({"node"} if detail.nodes else frozenset())
    pending: list[tuple[str, frozenset[str]]] = []
    for owner in specification.rules:
        answering = owner in calls and owner not in STATISTICS
        for rule in specification.of(owner, machine.version):
            guard = fold(rule.guard)
            if isinstance(guard, Const) and not guard.value:
                continue
            decides = fields_read(guard, *([] if rule.value is None else [fold(rule.value)]))
            if answering:
                live |= decides
            for update in rule.effect.updates:
                terms = [term for index, value in update.points for term in (*index, value)]
                everywhere = [] if update.everywhere is None else [update.everywhere]
                read = fields_read(*(fold(term) for term in (*terms, *everywhere)))
                pending.append((update.field.name, decides | read))
    before = None
    while live != before:
        before = live
        live = live.union(*(read for name, read in pending if name in live))
    return live


def folded(term: Term, constants: Mapping[str, Value], machine: Machine) -> Term:
    """The term with what is known written in, also what is the same for all arguments because nobody declared it."""
    declared = {key if isinstance(key, str) else str(key[0]) for key in machine.declared}

    def known(function: Function, _arguments: tuple[Term, ...]) -> Term | None:
        if function.name in constants:
            return Const(constants[function.name], function.range)
        if function.kind == "machine" and function.name in DEFAULTS and function.name not in declared:
            return Const(DEFAULTS[function.name], function.range)
        return None

    return simplify(_without_least(fold(simplify(term, known), {}, machine)), known)


def _without_least(term: Term) -> Term:
    """The term without comparisons that nothing can fulfil: nothing is less than the first value of a list."""
    match term:
        case Op(name="ult", arguments=(_, Const(value=value, sort=Enumeration(values=values)))) if value == values[0]:
            return FALSE
        case Op(name=name, arguments=arguments, sort=sort):
            return Op(name, tuple(map(_without_least, arguments)), sort)
        case Quantified(kind=kind, variable=variable, body=body):
            return Quantified(kind, variable, _without_least(body))
    return term


class Ground:
    """What is worked out once for a machine and its rules: which fields matter, and when silent moves are possible."""

    def __init__(self, stepper: Stepper, detail: Detail) -> None:
        """Work it out.

        Args:
            stepper: the rules and the machine.
            detail: what is followed.
        """
        self.stepper = stepper
        self.detail = detail
        machine = stepper.machine
        self._rules = {o: stepper.specification.of(o, machine.version) for o in stepper.specification.rules}
        self.live = live_fields(stepper.specification, machine.alike, detail)
        self.footprints = Footprints(stepper, self.live)
        self.blanks = {field.name: blank_field(field, stepper.machine) for field in FIELDS}
        self.dead = {name: value for name, value in self.blanks.items() if name not in self.live}
        for name in USED:
            if name in self.dead:
                self.dead[name] = (True,) * len(self.dead[name])
        self.guards: list[Guard] = [
            Guard(move.name, len(machine.cores) if move.node is None else len(machine.tree.names), terms)
            for move in stepper.specification.moves
            if move.silent and (terms := self._guards_of(move.name))
        ]
        self.more_wakeups_allow_more = "wake" in self.live and only_permits(stepper.specification, "wake")
        """Whether all that follows from a state also follows from it with more wakeup events pending."""
        self.overwritten = self._overwritten_by_boots()
        kept = self.live - frozenset.intersection(*self.overwritten.values()) - {"system", "kind", "activity"}
        self.survives: frozenset[Location] = frozenset(
            location for field in FIELDS if field.name in kept for location in self.locations_of(field)
        )
        """What may still matter when the system is down."""

    def locations_of(self, field: Function) -> Iterable[Location]:
        """The places of the state that a field consists of."""
        machine = self.stepper.machine
        sizes = [len(machine.cores) if sort == CORE else len(machine.tree.names) for sort in field.domain]
        return ((field.name, *index) for index in product(*map(range, sizes)))

    # ---- which fields matter

    def _guards_of(self, name: str) -> tuple[Term, ...]:
        machine = self.stepper.machine
        return tuple(
            guard
            for rule in self._rules[name]
            if any(update.field.name in self.live for update in rule.effect.updates)
            and not (isinstance(guard := fold(rule.guard, {}, machine), Const) and not guard.value)
        )

    def _overwritten_by_boots(self) -> Mapping[str, frozenset[str]]:
        """For each kind of a system that is down, the fields of which no boot reads what they were."""
        machine = self.stepper.machine
        found = {}
        for kind in KIND.values:
            read: set[str] = set()
            constants: Mapping[str, Value] = {"system": "DOWN", "kind": kind}
            for rule in self._rules[BOOT.name]:
                guard = fold(rule.guard, constants, machine)
                if isinstance(guard, Const) and not guard.value:
                    continue
                read |= fields_read(guard)
                updated = set()
                for update in rule.effect.updates:
                    updated.add(update.field.name)
                    values = [value for _, value in update.points] if update.everywhere is None else [update.everywhere]
                    read |= fields_read(*(fold(value, constants, machine) for value in values))
                read |= {field.name for field in FIELDS} - updated
            found[kind] = frozenset(field.name for field in FIELDS) - read - {"system", "kind", "activity"}
        return found


class Worlds:
    """All states of one machine that a trace needed so far."""

    def __init__(self, ground: Ground) -> None:
        """Begin with no state."""
        self.ground = ground
        self.stepper = ground.stepper
        self.live = ground.live
        self.generation = 0
        """How often something was learned about the implementation."""
        self._kept: dict[Any, World] = {}
        self._possible: dict[tuple[Any, ...], bool] = {}
        self._follows_wakeups = "wake" in self.live

    # ---- states

    def of(self, state: Any) -> World:
        """The world with this state, less what can no longer matter."""
        known = self._kept.get(state)
        if known is None:
            plain = self._plain(state)
            known = self._kept.get(plain)
            if known is None:
                known = self._kept[plain] = World(plain)
            self._kept[state] = known
        return known

    def _plain(self, state: Any) -> Any:
        state = state._replace(**self.ground.dead)
        if self._follows_wakeups and any(state.wake):
            # A core that sleeps has to wake up before anybody reads this, and that clears it.
            awake = tuple(
                wake and activity not in SLEEPING for wake, activity in zip(state.wake, state.activity, strict=True)
            )
            state = state._replace(wake=awake)
        if state.system == "DOWN":
            return state._replace(**{name: self.ground.blanks[name] for name in self.ground.overwritten[state.kind]})
        dead = [
            core
            for core, (power, activity) in enumerate(zip(state.power, state.activity, strict=True))
            if power != "ON_PENDING" and activity not in AWAITS_ENTRY
            and (state.entry[core], state.context[core], state.entry_wide[core], state.entry_isa[core])
            != (0, 0, False, "AARCH64")
        ]  # fmt: skip
        if not dead:
            return state
        changed: dict[str, Any] = {}
        for name, blank in zip(ENTRY_FIELDS, (0, 0, False, "AARCH64"), strict=True):
            values = list(getattr(state, name))
            for core in dead:
                values[core] = blank
            changed[name] = tuple(values)
        return state._replace(**changed)

    def forget(self, needed: Iterable[World]) -> bool:
        """Keep only these worlds, where there are too many; returns whether any were forgotten."""
        if len(self._kept) <= LIMIT_OF_WORLDS:
            return False
        self._kept.clear()
        for world in needed:
            world.outcomes.clear()
            world.broken.clear()
            world.ways.clear()
            world.cones.clear()
            self._kept[world.state] = world
        return True

    # ---- what follows from them

    def outcomes(self, world: World, call: Invocation, assumed: AssumedValues = NOTHING_ASSUMED) -> Branches:
        """The outcomes of a call, under every answer to what is undeclared, not assumed, and makes a difference."""
        known = world.outcomes.get(call)
        if known is None or (known[1] is not None and known[1] != (self.generation, assumed)):
            if len(world.outcomes) > _LIMIT_OF_CALLS:
                world.outcomes.clear()
                world.broken.clear()
            branches = self._branches(world, call, assumed)
            asked = assumed or len(branches) != 1 or branches[0][0]
            known = world.outcomes[call] = branches, (self.generation, assumed) if asked else None
        return known[0]

    def _branches(self, world: World, call: Invocation, assumed: AssumedValues) -> Branches:
        try:
            allowed = self.stepper.allowed(world.state, call, assumed)
        except Undeclared as missing:
            key = missing.key
        else:
            state, outcomes = world.state, allowed.outcomes
            if allowed.broken:
                world.broken.setdefault(call, allowed.broken)
            return ((
                NOTHING_ASSUMED,
                tuple(
                    WorldOutcome(r, c, v, world if after is state else self.of(after)) for r, c, v, after in outcomes
                ),
            ),)  # fmt: skip
        values = self.stepper.possible(key, assumed)
        parts = [(value, self._branches(world, call, {**assumed, key: value})) for value in values]
        first = parts[0][1]
        if all(part == first for _, part in parts[1:]):
            return first
        # What is allowed whatever the answer needs no assumption.
        plain = [next((results for more, results in part if not more), ()) for _, part in parts]
        always = tuple(result for result in plain[0] if all(result in others for others in plain[1:]))
        left = [
            ({key: value, **more}, tuple(result for result in results if result not in always))
            for value, part in parts
            for more, results in part
        ]
        return tuple(branch for branch in ((NOTHING_ASSUMED, always), *left) if branch[1])

    def broken(self, world: World, call: Invocation) -> tuple[Rule, ...]:
        """The caller's duties that a call breaks in a state."""
        self.outcomes(world, call)
        return world.broken.get(call, ())

    def moves(self, world: World) -> tuple[tuple[str, int], ...]:
        """The silent moves that are possible: the name of each, and the core or node that moves."""
        found = world.moves
        if found is None:
            found = world.moves = tuple(
                (guard.name, index)
                for guard in self.ground.guards
                for index in range(guard.places)
                if self._is_possible(guard, world, index)
            )
        return found

    def _is_possible(self, guard: Guard, world: World, index: int) -> bool:
        state = world.state
        if guard.whole is None:
            return bool(self.ways(world, guard.name, index))
        key = (
            guard.name, index,
            *(getattr(state, name) for name in guard.whole),
            *(getattr(state, name)[index] for name in guard.own),
        )  # fmt: skip
        known = self._possible.get(key)
        if known is None:
            known = self._possible[key] = bool(self.ways(world, guard.name, index))
        return known

    def ways(self, world: World, name: str, index: int = 0, parameters: tuple[Any, ...] = ()) -> Ways:
        """The ways in which a move is possible, under every answer to what is undeclared."""
        key = (name, index, *parameters)
        known = world.ways.get(key)
        if known is None:
            if len(world.ways) > _LIMIT_OF_CALLS:
                world.ways.clear()
            known = world.ways[key] = self._ways(world, name, index, parameters, NOTHING_ASSUMED)
        return known

    def _ways(self, world: World, name: str, index: int, parameters: tuple[Any, ...], assumed: AssumedValues) -> Ways:
        try:
            found = self.stepper.move(name, world.state, index, parameters, assumed)
        except Undeclared as missing:
            key = missing.key
        else:
            return tuple((NOTHING_ASSUMED, rule, self.of(after)) for rule, after in found)
        parts = [
            (value, self._ways(world, name, index, parameters, {**assumed, key: value}))
            for value in self.stepper.possible(key, assumed)
        ]
        first = parts[0][1]
        if all(part == first for _, part in parts[1:]):
            return first
        return tuple(({key: value, **more}, rule, after) for value, part in parts for more, rule, after in part)


def only_permits(specification: Specification, field: str) -> bool:
    """Whether a field that holds only ever allows more: no rule that forbids reads it, and none asks its opposite."""
    forbids = (Modality.GATE, Modality.MUST_REFUSE, Modality.CALLER_MUST)
    return all(
        not _asks(rule.guard, field, opposite=rule.modality in forbids, both=False)
        and not any(
            field in fields_read(*(value for _, value in update.points), *_written_everywhere(update))
            for update in rule.effect.updates
        )
        for rules in specification.rules.values()
        for rule in rules
    )


def _written_everywhere(update: Update) -> tuple[Term, ...]:
    return () if update.everywhere is None else (update.everywhere,)


def _asks(term: Term, field: str, opposite: bool, both: bool) -> bool:
    """Whether a condition may come to hold when the field no longer does."""
    match term:
        case App(function=function) if function.name == field:
            return opposite or both
        case App(arguments=arguments):
            return any(_asks(argument, field, opposite, True) for argument in arguments)
        case Op(name="not", arguments=arguments):
            return any(_asks(argument, field, not opposite, both) for argument in arguments)
        case Op(name=("and" | "or"), arguments=arguments):
            return any(_asks(argument, field, opposite, both) for argument in arguments)
        case Op(arguments=arguments):
            return any(_asks(argument, field, opposite, True) for argument in arguments)
        case Quantified(body=body):
            return _asks(body, field, opposite, both)
    return False


class Guard:
    """When a silent move is possible, and on which fields that depends."""

    def __init__(self, name: str, places: int, terms: tuple[Term, ...]) -> None:
        self.name = name
        self.places = places
        applied = [
            sub for term in terms for sub in subterms(term) if isinstance(sub, App) and sub.function.kind == "state"
        ]
        simple = all(not app.function.domain or app.function.domain == (CORE,) for app in applied)
        quantified = any(isinstance(sub, Quantified) for term in terms for sub in subterms(term))
        simple = (
            simple and not quantified and len({show(argument) for app in applied for argument in app.arguments}) <= 1
        )
        fields = {app.function.name: bool(app.function.domain) for app in applied}
        self.fields = frozenset(app.function.name for app in applied)
        self.whole = [name for name, indexed in sorted(fields.items()) if not indexed] if simple else None
        self.own = [name for name, indexed in sorted(fields.items()) if indexed]


__all__ = [
    "LEAST",
    "STATISTICS",
    "AssumedValues",
    "Branches",
    "Detail",
    "Ground",
    "Guard",
    "World",
    "WorldOutcome",
    "Worlds",
]
