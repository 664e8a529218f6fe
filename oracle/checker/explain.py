"""Which configurations explain one more event of a trace, given those that explain all before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from psci.model.events import Boot, Call, Enter, Event, Host, Observe, Return, System, Unwake, Wake
from psci.model.language.rules import Rule
from psci.model.step import Stepper
from psci.oracle.checker.configuration import Configuration, Pending, running, stopped
from psci.oracle.checker.silent_moves import Unseen, everything

Explanations: TypeAlias = frozenset[Configuration]

Found: TypeAlias = tuple[Iterable[Configuration], set[Rule]]
"""The explanations of an event, and the rules that they rest on."""

VENDOR = 1 << 31
"""The bit of a reset_type that makes it vendor-specific (5.1.12)."""

WAITING = ("STANDBY", "RETENTION", "POWERDOWN")
"""What a suspended core does."""

OBSERVED: Mapping[str, Callable[[Any, int], bool]] = {
    "on": lambda state, core: state.power[core] != "OFF",
    "off": lambda state, core: state.power[core] == "OFF" or state.activity[core] == "STOPPED",
    "on_pending": lambda state, core: state.power[core] == "ON_PENDING",
    "suspended": lambda state, core: state.power[core] == "ON" and state.activity[core] in WAITING,
}
"""What the outside's words for a core mean; a source that cannot see ON_PENDING says `on` for it."""

NODE_STATES = ("run", "standby", "retention", "powerdown")
"""The outside's words for a power-domain node."""


class Seen(NamedTuple):
    """An event, and what of the events before it its core needs to be judged."""

    number: int
    event: Event
    core: int | None = None
    call: Pending | None = None
    """The call that begins with a `call`, or that ends with a `return`."""
    unjudged: bool = False
    """The first entry of a core that something other than PSCI started."""


def _system_kinds(event: System) -> tuple[str, ...]:
    """The kinds of system call that can have caused what the outside saw; none where no system call does."""
    match event.event:
        case "off" if event.flags is not None:
            # A source that gives flags tells hibernation from power-off.
            return ("OFF", "VENDOR_RESET")
        case "off":
            return ("OFF", "HIBERNATE", "VENDOR_RESET")
        case "hibernate":
            return ("HIBERNATE",)
        case "reset" if event.reset_type is not None:
            return ("VENDOR_RESET",) if event.reset_type & VENDOR else ("WARM_RESET",)
        case "reset" if event.flags is not None:
            return ("WARM_RESET", "VENDOR_RESET") if event.flags & 1 else ("RESET",)
        case "reset":
            return ("RESET", "WARM_RESET", "VENDOR_RESET")
    return ()


_MAY_BE_UNUSABLE = (Return, System, Observe)


def unusable(seen: Seen) -> str | None:
    """Why an event cannot be judged: the harness lost a line, or saw something that is not of PSCI."""
    if not isinstance(seen.event, _MAY_BE_UNUSABLE):
        return None
    match seen.event:
        case Return() if seen.call is None:
            return "a return without a call: its `call` line is missing"
        case System(event=event) if event != "suspend" and not _system_kinds(seen.event):
            return f"a system event {event!r}, which no call of PSCI causes"
        case Observe(cpu=None, power=power) if power not in NODE_STATES:
            return f"a node that is {power!r}: use {', '.join(NODE_STATES)}"
        case Observe(cpu=int(), power=power) if power not in OBSERVED:
            return f"a core that is {power!r}: use {', '.join(OBSERVED)}"
    return None


class Explainer:
    """Finds the explanations of one event after another."""

    def __init__(self, stepper: Stepper) -> None:
        self.stepper = stepper
        self.unseen = Unseen(stepper)
        self._by_kind: Mapping[type[Event], Callable[[Any, Explanations], Found]] = {
            Call: self._call, Return: self._return, Enter: self._enter, System: self._system, Boot: self._boot,
            Wake: self._signal, Unwake: self._signal, Observe: self._observe, Host: self._host,
        }  # fmt: skip

    def explain(self, seen: Seen, configurations: Explanations) -> tuple[Explanations, set[Rule]]:
        """The explanations after an event, none where nothing explains it, and the rules that they rest on."""
        by_kind = self._by_kind.get(type(seen.event))
        if by_kind is None:
            return configurations, set()
        explained, rules = by_kind(seen, configurations)
        return frozenset(explained), rules

    def power_lost(self, configurations: Iterable[Configuration]) -> Explanations:
        """The explanations after a loss of power."""
        return frozenset(
            c.without_calls(state) for c in configurations for _, state in self.stepper.move("LOSE_POWER", c.state)
        )

    def _call(self, seen: Seen, configurations: Explanations) -> Found:
        core, call = seen.core, seen.call
        assert core is not None
        return [
            c.with_pending(core, call)
            for c in configurations
            if c.state.activity[core] == "RUNNING" and c.pending[core] is None
        ], set()

    def _return(self, seen: Seen, configurations: Explanations) -> Found:
        assert seen.core is not None
        assert isinstance(seen.event, Return)
        return self.unseen.answering(configurations, seen.core, seen.event.x0)

    def _enter(self, seen: Seen, configurations: Explanations) -> Found:
        core, event = seen.core, seen.event
        assert core is not None
        assert isinstance(event, Enter)
        if seen.unjudged:
            return configurations, set()
        explained: set[Configuration] = set()
        rules: set[Rule] = set()
        for c in self.unseen.reached(configurations):
            for rule, state in self.stepper.move("ENTER", c.state, core, (event.pc, event.x0)):
                rules.add(rule)
                explained.update(self.unseen.with_lost_answers(c, c.having(state, core, None), core))
        return explained, rules

    def _system(self, seen: Seen, configurations: Explanations) -> Found:
        event = seen.event
        assert isinstance(event, System)
        if event.event == "suspend":
            return [c for c in self.unseen.reached(configurations, _suspended) if _suspended(c)], set()
        explained: set[Configuration] = set()
        rules: set[Rule] = set()
        for c in self.unseen.reached(configurations):
            for kind in _system_kinds(event):
                for rule, state in self.stepper.move("GO_DOWN", c.state, parameters=(kind,)):
                    rules.add(rule)
                    explained.add(c.without_calls(state))
        return explained, rules

    def _boot(self, seen: Seen, configurations: Explanations) -> Found:
        assert seen.core is not None
        moves = [(c, self.stepper.move("BOOT", c.state, seen.core)) for c in configurations]
        explained = {c.without_calls(state) for c, booted in moves for _, state in booted}
        return explained, {rule for _, booted in moves for rule, _ in booted}

    def _signal(self, seen: Seen, configurations: Explanations) -> Found:
        assert seen.core is not None
        pending = isinstance(seen.event, Wake)
        return [
            c.in_state(state)
            for c in configurations
            for _, state in self.stepper.move("SIGNAL", c.state, seen.core, (pending,))
        ], set()

    def _observe(self, seen: Seen, configurations: Explanations) -> Found:
        event = seen.event
        assert isinstance(event, Observe)
        if seen.core is not None:
            test, place = OBSERVED[event.power], seen.core
        else:
            place = self.stepper.machine.tree.names.index(event.node or "")
            local = (event.power.upper(),)
            test = lambda state, node: bool(self.stepper.move("LOOK", state, node, local))  # noqa: E731  # one of two tests

        def judge(configuration: Configuration) -> bool | None:
            return True if test(configuration.state, place) else None

        return [c for c in self.unseen.reached(configurations, judge) if test(c.state, place)], set()

    def _host(self, seen: Seen, configurations: Explanations) -> Found:
        event = seen.event
        assert isinstance(event, Host)
        match event.action, seen.core:
            case "restart", _:
                return self.power_lost(configurations), set()
            case "start_cpu", int(core):
                return [c.having(running(c.state, core), core, None) for c in configurations], set()
            case "stop_cpu", int(core):
                return [c.having(stopped(c.state, core), core, None) for c in configurations], set()
        return configurations, set()

    def silent(self, configurations: Explanations, core: int) -> bool:
        """Whether some explanation lets a core be silent for as long as it likes."""
        return any(_may_be_silent(c, core) for c in self.unseen.reached(configurations, everything))


def _suspended(configuration: Configuration) -> bool | None:
    return True if configuration.state.system == "SUSPENDED" else None


def _may_be_silent(configuration: Configuration, core: int) -> bool:
    state, pending = configuration.state, configuration.pending[core]
    activity = state.activity[core]
    if activity in WAITING:
        return not state.wake[core]
    if activity == "RUNNING":
        return pending is None
    return bool(activity != "ENTERING" and state.power[core] != "ON_PENDING")


__all__ = ["Explainer", "Explanations", "Seen", "unusable"]
