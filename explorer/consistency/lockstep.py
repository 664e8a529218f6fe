"""Two sets of rules, or two machines, in lockstep from boot: every class of difference, with a shortest run.

One interface for readings, versions, amendments and declarations: two *sides* make the same calls and moves and are
compared by what is seen. A pair of states in which one side can do what the other cannot is a candidate. It counts only
if no state of the other side that explains the whole run can do it, either.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from psci.explorer.consistency.findings import Did
from psci.explorer.consistency.judgements import ANY_VALUE, NO_RETURN, WAITS
from psci.explorer.runs.describe import result_text
from psci.explorer.runs.events import RESULTS, results_of
from psci.explorer.system import MoveAction, Product, State, Transition
from psci.model.environment import BOOT, ENTER, GO_DOWN, HOST_START, HOST_STOP, LOOK, LOSE_POWER, SIGNAL, WAKEUP
from psci.model.language.rules import Completion
from psci.model.step import Invocation
from psci.model.tables.codes import SUCCESS

Token: TypeAlias = tuple[Any, ...]
"""What is seen of a step."""
SEEN = frozenset(
    move.name for move in (ENTER, GO_DOWN, BOOT, SIGNAL, LOSE_POWER, LOOK, HOST_START, HOST_STOP)
)  # fmt: skip
"""Moves that a tester sees, or makes."""
EXPLANATIONS = 400
"""How many states of one side are kept at most as explanations of a run."""
NO_RULE = "no rule answers"
PLATFORM_KEPT = ", the platform kept"
UNPROMISED: Token = ("unpromised",)
CALLER, ENTERED, BOOTED, OUTSIDE, OBSERVER, CONTROLLER, RUNS = (
    "the caller",
    "the core that is entered",
    "the software that boots",
    "who sees the system from outside",
    "who observes the power domains",
    "the power controller alone",
    "everybody: a core still runs caller code",
)
_NOTICED = {ENTER.name: ENTERED, BOOT.name: BOOTED, GO_DOWN.name: OUTSIDE, WAKEUP.name: CALLER, LOOK.name: OBSERVER}


class TooManyError(Exception):
    """More states explain a run than are kept."""


class Can(NamedTuple):
    """A way in which a side can go on: what is seen, by which rule, and the state after it."""

    seen: Token | None
    rule: str
    state: State
    value: int | None = None


class Difference(NamedTuple):
    """What one side can do at the end of a run, and the other cannot."""

    subject: str
    """The call or move."""
    noticed_by: str
    first: tuple[str, ...]
    """What only the first side can answer, or do."""
    second: tuple[str, ...]
    common: tuple[str, ...]
    """What both can."""
    first_rules: tuple[str, ...]
    second_rules: tuple[str, ...]
    side: int
    """The side that makes the run."""
    run: tuple[Did, ...]
    action: Invocation | MoveAction | None
    """The last call or move; None where the states alone differ."""

    @property
    def key(self) -> tuple[Any, ...]:
        """Differences by the same rules are one class."""
        return self.subject, self.first_rules, self.second_rules, self.noticed_by


class _Node(NamedTuple):
    """Where both sides are, and how they came there."""

    first: State
    second: State
    way: tuple[tuple[Any, Did | None, Did | None, Token | None], ...]
    """For each step the action, what each side did, and what was seen."""


class LockstepSide:
    """One set of rules on one machine."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self._ways: dict[tuple[State, Any], tuple[Can, ...]] = {}
        self._unseen: dict[State, tuple[State, ...]] = {}
        self._moves: dict[State, tuple[MoveAction, ...]] = {}

    def runs(self, state: State, core: int) -> bool:
        """Whether a core can make a call."""
        return bool(state.activity[core] == "RUNNING")

    def can(self, state: State, action: Invocation | MoveAction) -> tuple[Can, ...]:
        """Every way in which a call or move can go."""
        key = state, action
        if key not in self._ways:
            ways = self._called(state, action) if isinstance(action, Invocation) else self._moved(state, action)
            self._ways[key] = tuple(ways)
        return self._ways[key]

    def _called(self, state: State, action: Invocation) -> Iterator[Can]:
        if not self.runs(state, action.caller):
            return
        allowed = self.product.stepper.allowed(state, action)
        if allowed.broken and not allowed.obliged:
            yield Can(UNPROMISED, allowed.broken[0].name, state)
            return
        for outcome in allowed.outcomes:
            if outcome.completion is not Completion.RETURNS:
                yield Can((outcome.completion,), outcome.rule.name, outcome.state)
                continue
            # of values that are left open, one that is no code shows best what is meant
            for value in sorted(results_of(self.product, Transition(action, *outcome)), key=lambda value: value != 1):
                yield Can(("returns", value), outcome.rule.name, outcome.state, value)

    def _moved(self, state: State, action: MoveAction) -> Iterator[Can]:
        name, place, parameters = action
        for rule, target in self.product.stepper.move(name, state, place, parameters):
            yield Can(self._seen(state, action, target), rule.name, target)

    def _seen(self, state: State, action: MoveAction, target: State) -> Token | None:
        if action.name == BOOT.name:
            return (*action[:2], target.memory, target.platform)
        if action.name in SEEN:
            return tuple(action)
        if action.name == WAKEUP.name and state.activity[action.place] != "POWERDOWN":
            return ("returned", action.place)
        return None

    def moves(self, state: State) -> tuple[MoveAction, ...]:
        """The moves that are possible; an entry also with a bit in x0 that nobody gave."""
        if state not in self._moves:
            found = dict.fromkeys(transition.action for transition in self.product.moves(state))
            for action in tuple(found):
                if action.name == ENTER.name:
                    pc, x0 = action.parameters
                    found[action._replace(parameters=(pc, x0 ^ 1 << 63))] = None
            self._moves[state] = tuple(found)
        return self._moves[state]

    def unseen(self, states: Iterable[State]) -> tuple[State, ...]:
        """The states, and those that moves which nobody sees lead to."""
        found, waiting = dict.fromkeys(states), deque(states)
        while waiting:
            if len(found) > EXPLANATIONS:
                raise TooManyError
            for after in self._after_unseen(waiting.popleft()):
                if after not in found:
                    found[after] = None
                    waiting.append(after)
        return tuple(found)

    def _after_unseen(self, state: State) -> tuple[State, ...]:
        if state not in self._unseen:
            ways = (way for action in self.moves(state) for way in self.can(state, action))
            self._unseen[state] = tuple(way.state for way in ways if way.seen is None)
        return self._unseen[state]


@dataclass
class Lockstep:
    """Two sides, and how many pairs of states are looked at."""

    first: Product
    second: Product
    calls: tuple[tuple[Invocation, ...], ...]
    """What each core may call."""
    about: frozenset[str]
    """The calls and moves whose rules differ; where both sides are in one state, all others go alike."""
    alike: bool = True
    """Both sides keep the same fields, so that equal states are the same state."""
    limit: int = 2_000
    watched: frozenset[str] = frozenset()
    """Fields of the state whose difference matters where no answer shows it."""
    pairs: int = 0
    complete: bool = False
    hidden: Difference | None = field(default=None, init=False)
    """The first difference of watched fields that no answer showed so far."""

    @cached_property
    def _sides(self) -> tuple[LockstepSide, LockstepSide]:
        return LockstepSide(self.first), LockstepSide(self.second)

    def differences(self) -> Iterator[Difference]:
        """Every class of difference, the shortest run of each first."""
        one, other = self._sides
        start = _Node(self.first.initial(), self.second.initial(), ())
        waiting, known, classes = deque([start]), {start[:2]}, set()
        while waiting:
            if len(known) >= self.limit:
                break
            node = waiting.popleft()
            self._watch(node)
            together = self.alike and node.first == node.second
            for action in self._actions(node):
                ours = one.can(node.first, action)
                if together and _name(self.first, action) not in self.about:
                    ahead = _alike(node, action, ours)
                else:
                    theirs = other.can(node.second, action)
                    for difference in self._compared(node, action, ours, theirs):
                        if difference.key not in classes:
                            classes.add(difference.key)
                            yield difference
                    ahead = _paired(node, action, ours, theirs)
                for after in ahead:
                    if after[:2] not in known:
                        known.add(after[:2])
                        waiting.append(after)
        self.pairs = len(known)
        self.complete = not waiting

    def _actions(self, node: _Node) -> Iterator[Invocation | MoveAction]:
        one, other = self._sides
        for core, own in enumerate(self.calls):
            if one.runs(node.first, core) or other.runs(node.second, core):
                yield from own
        yield from dict.fromkeys((*one.moves(node.first), *other.moves(node.second)))

    def _compared(
        self, node: _Node, action: Invocation | MoveAction, ours: tuple[Can, ...], theirs: tuple[Can, ...]
    ) -> Iterator[Difference]:
        seen = {way.seen for way in ours}, {way.seen for way in theirs}
        if seen[0] == seen[1]:
            return
        for side, mine in enumerate((ours, theirs)):
            for way in mine:
                if way.seen is None or way.seen in seen[1 - side]:
                    continue
                if not self._explained(node, action, way.seen, side):
                    yield self._difference(node, action, (ours, theirs), side, way)

    def _explained(self, node: _Node, action: Invocation | MoveAction, seen: Token, side: int) -> bool:
        """Whether some state of the other side explains the run, and then what is seen; too many count as one."""
        other = self._sides[1 - side]
        try:
            return any(way.seen == seen for state in self._explaining(node, side) for way in other.can(state, action))
        except TooManyError:
            return True

    def _explaining(self, node: _Node, side: int) -> tuple[State, ...]:
        """The states of the other side that explain the run of one side, with the moves that nobody sees.

        Raises:
            TooManyError: there are more than are kept.
        """
        other = self._sides[1 - side]
        states: tuple[State, ...] = other.unseen((other.product.initial(),))
        for done, mine, _, token in self._steps_of(node, side):
            if mine is not None and token is not None:
                ways = (way for state in states for way in other.can(state, done) if way.seen == token)
                states = other.unseen(way.state for way in ways)
        return states

    def _steps_of(self, node: _Node, side: int) -> Iterator[tuple[Any, Did | None, Did | None, Token | None]]:
        for action, one, other, token in node.way:
            yield (action, one, other, token) if side == 0 else (action, other, one, token)

    def _difference(
        self, node: _Node, action: Invocation | MoveAction, both: tuple[tuple[Can, ...], ...], side: int, shown: Can
    ) -> Difference:
        name = _name(self.first, action)
        words = _without_what_all_say([self._words(name, ways) for ways in both])
        if isinstance(action, Invocation) and all(
            one.runs(state, action.caller) for one, state in zip(self._sides, node[:2], strict=True)
        ):
            words = [said or (NO_RULE,) for said in words]
        tokens = [{way.seen for way in ways} for ways in both]
        rules = [
            tuple(sorted({way.rule for way in ways if way.seen not in tokens[1 - i]})) for i, ways in enumerate(both)
        ]
        only = [tuple(w for w in words[i] if w not in words[1 - i]) for i in (0, 1)]
        common = tuple(w for w in words[0] if w in words[1])
        noticed = _NOTICED.get(name, CALLER)
        if isinstance(action, Invocation) and not (both[0] and both[1]) and NO_RULE not in (*words[0], *words[1]):
            name, noticed, only, common = f"core {action.caller} runs", RUNS, [(), ()], ()
            rules = [(), ()]
        run = (*(did for _, did, _, _ in self._steps_of(node, side) if did), Did(action, shown.rule, shown.value))
        return Difference(name, noticed, only[0], only[1], common, rules[0], rules[1], side, run, action)

    def _words(self, owner: str, ways: tuple[Can, ...]) -> tuple[str, ...]:
        """What is seen of each way; all values that a rule leaves open are one."""
        succeeding = {
            rule.name
            for product in (self.first, self.second)
            for rule in product.specification.rules.get(owner, ())
            if rule.code is SUCCESS
        }
        values = Counter(way.rule for way in ways if way.value is not None)

        def said(way: Can) -> str:
            if values[way.rule] == len(RESULTS):
                return ANY_VALUE
            return SUCCESS.name if way.value == 0 and way.rule in succeeding else word(way)

        return tuple(dict.fromkeys(map(said, ways)))

    def _watch(self, node: _Node) -> None:
        """Note the first pair of states that differ where only the power controller, or nobody, sees it."""
        if self.hidden is not None or not self.watched:
            return
        for side in (0, 1):
            mine = (node.first, node.second)[side]
            differing = [n for n in sorted(self.watched) if getattr(node.first, n) != getattr(node.second, n)]
            if not differing:
                return
            try:
                explaining = self._explaining(node, side)
            except TooManyError:
                return
            if all(any(getattr(s, n) != getattr(mine, n) for n in differing) for s in explaining):
                words = tuple(f"{n} is {_shown(getattr(mine, n))}" for n in differing)
                run = tuple(did for _, did, _, _ in self._steps_of(node, side) if did)
                only: tuple[tuple[str, ...], ...] = (words, ()) if side == 0 else ((), words)
                self.hidden = Difference("state", CONTROLLER, only[0], only[1], (), (), (), side, run, None)
                return


def _without_what_all_say(words: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """That the platform is kept is said where it is not so in every case."""
    if all(one.endswith(PLATFORM_KEPT) for side in words for one in side):
        return [tuple(one.removesuffix(PLATFORM_KEPT) for one in side) for side in words]
    return words


def _alike(node: _Node, action: Invocation | MoveAction, ways: tuple[Can, ...]) -> Iterator[_Node]:
    """Where both sides are after a step that both make, for each state that changes."""
    for way in ways:
        if way.state is not node.first and way.seen != UNPROMISED:
            done = Did(action, way.rule, way.value)
            yield _Node(way.state, way.state, (*node.way, (action, done, done, way.seen)))


def _paired(
    node: _Node, action: Invocation | MoveAction, ours: tuple[Can, ...], theirs: tuple[Can, ...]
) -> Iterator[_Node]:
    """Where both sides can be after they showed the same; by the same rule, where both have it."""

    def after(one: Can | None, other: Can | None, seen: Token | None) -> _Node:
        mine = None if one is None else Did(action, one.rule, one.value)
        yours = None if other is None else Did(action, other.rule, other.value)
        first = node.first if one is None else one.state
        second = node.second if other is None else other.state
        return _Node(first, second, (*node.way, (action, mine, yours, seen)))

    names = {way.rule for way in ours}, {way.rule for way in theirs}
    for one in ours:
        if one.seen == UNPROMISED:
            continue
        for other in theirs:
            if one.seen == other.seen and (
                one.rule == other.rule or one.rule not in names[1] or other.rule not in names[0]
            ):
                yield after(one, other, one.seen)
        if one.seen is None and one.rule not in names[1]:
            yield after(one, None, None)
    for other in theirs:
        if other.seen is None and other.rule not in names[0]:
            yield after(None, other, None)


def _name(product: Product, action: Invocation | MoveAction) -> str:
    if isinstance(action, MoveAction):
        return action.name
    call, _ = product.stepper.function(action.fn)
    return f"{action.fn:#x}" if call is None else call.name


def word(way: Can) -> str:
    """What is seen of a way, in a word or two."""
    match way.seen:
        case None:
            return "nothing"
        case ("unpromised",):
            return "nothing is promised"
        case ("returns", value):
            return result_text(value) if value is not None else ANY_VALUE
        case (Completion.WAITS,):
            return WAITS
        case (Completion.NEVER,):
            return NO_RETURN
        case ("returned", _):
            return "returns SUCCESS"
        case (BOOT.name, _, memory, platform):
            found = str(memory).replace("_", " ").lower()
            return f"memory {found}" + (PLATFORM_KEPT if platform == "KEPT" else "")
        case (ENTER.name, _, (pc, x0)):
            return f"entered at {pc:#x} with x0 {x0:#x}"
        case (LOOK.name, _, (state,)):
            return f"the node is seen in {state}"
        case (name, _, parameters):
            return f"{name} {' '.join(map(str, parameters))}".strip()
    return str(way.seen)


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


__all__ = ["CONTROLLER", "NO_RULE", "Difference", "Lockstep", "LockstepSide", "word"]
