"""Which configurations explain one more event of a trace, given those that explain all before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from psci.model.environment import HOST_START, HOST_STOP, LOOK
from psci.model.events import (
    BootEvent,
    CallEvent,
    EnterEvent,
    Event,
    HostEvent,
    ObserveEvent,
    ReturnEvent,
    SystemEvent,
    UnwakeEvent,
    WakeEvent,
)
from psci.model.language.effects import NOTHING
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.language.terms import TRUE, fields_read
from psci.model.step import SMC64_BIT, Outcome
from psci.model.symbols.state import FIELD_BY_NAME, FIELDS
from psci.model.tables.versions import V0_1, V1_3
from psci.oracle.checker.configuration import Configuration, Pending, running, woken
from psci.oracle.checker.entry import Asked
from psci.oracle.checker.footprint import Footprint, Location
from psci.oracle.checker.limits import Limits
from psci.oracle.checker.silent_moves import MoveTarget, Unseen, looks_at
from psci.oracle.checker.worlds import ENTRY_FIELDS, Ground, World, Worlds

Explanations: TypeAlias = frozenset[Configuration]

Found: TypeAlias = tuple[Iterable[Configuration], set[Rule]]
"""The explanations of an event, and the rules that they rest on."""

VENDOR = 1 << 31
"""The bit of a reset_type that makes it vendor-specific (5.1.12)."""

WAITING = ("STANDBY", "RETENTION", "POWERDOWN")
"""What a suspended core does."""


def _is_stopped(state: Any, core: int) -> bool:
    """Whether a system call stopped a core; one that is ON_PENDING has not run yet."""
    return bool(state.activity[core] == "STOPPED" and (state.power[core] == "ON" or state.system != "RUNNING"))


OBSERVED: Mapping[str, Callable[[Any, int], bool]] = {
    "on": lambda state, core: state.power[core] != "OFF",
    "off": lambda state, core: state.power[core] == "OFF" or _is_stopped(state, core),
    "on_pending": lambda state, core: state.power[core] == "ON_PENDING",
    "suspended": lambda state, core: state.power[core] == "ON" and state.activity[core] in WAITING,
}
"""What the outside's words for a core mean; a source that cannot see ON_PENDING says `on` for it."""

NODE_STATES = ("run", "standby", "retention", "powerdown")
"""The outside's words for a power-domain node."""


class SeenEvent(NamedTuple):
    """An event, and what of the events before it its core needs to be judged."""

    number: int
    event: Event
    core: int | None = None
    call: Pending | None = None
    """The call that begins with a `call`, or that ends with a `return`."""
    unjudged: bool = False
    """The first entry of a core that something other than PSCI started."""
    made: CallEvent | None = None
    """The line of the call that ends with a `return`."""
    woken: bool = False
    """A wakeup event is pending for a core that the host stops."""


def _system_kinds(event: SystemEvent) -> tuple[str, ...]:
    """The kinds of system call that can have caused what the outside saw; none where no system call does."""
    match event.event:
        case "off" if event.flags is not None:
            # A source that gives flags tells hibernation from power-off (OFF2-13).
            return ("HIBERNATE",) if event.flags & 1 else ("OFF", "VENDOR_RESET")
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


def _boots(cause: str, kind: str, rule: Rule) -> bool:
    """Whether a boot that the outside saw can be one by this rule after a system that went down in this way.

    After power-off, hibernation and a cold reset the next start is a cold boot (SYS-3). What a vendor-specific reset is
    like, and what a host does that takes power away or loads an image, is not for DEN0022 to say.
    """
    match cause:
        case "cold":
            return rule.name != "BOOT.warm_boot"
        case "warm":
            return kind in ("WARM_RESET", "VENDOR_RESET", "POWER_LOSS") and rule.name != "BOOT.warm_reset_fell_back"
        case "vendor":
            return kind in ("VENDOR_RESET", "POWER_LOSS")
    return True


_OF_NODES = fields_read(*(rule.guard for rule in LOOK.rules))
"""The fields that it depends on in which state the outside may see a node."""

_MAY_BE_UNUSABLE = (ReturnEvent, SystemEvent, ObserveEvent)


def unusable(seen: SeenEvent) -> str | None:
    """Why an event cannot be judged: the harness lost a line, or saw something that is not of PSCI."""
    if not isinstance(seen.event, _MAY_BE_UNUSABLE):
        return None
    match seen.event:
        case ReturnEvent() if seen.call is None:
            return "a return without a call: its `call` line is missing"
        case SystemEvent(event=event) if event != "suspend" and not _system_kinds(seen.event):
            return f"a system event {event!r}, which no call of PSCI causes"
        case ObserveEvent(cpu=None, power=power) if power not in NODE_STATES:
            return f"a node that is {power!r}: use {', '.join(NODE_STATES)}"
        case ObserveEvent(cpu=int(), power=power) if power not in OBSERVED:
            return f"a core that is {power!r}: use {', '.join(OBSERVED)}"
    return None


UNDONE = Rule(
    "HOST.undone", Modality.MAY_SUCCEED, TRUE, Completion.RETURNS, None, TRUE, NOTHING, ("OFF2-15",), V0_1, V1_3,
    "The host undid the system call and runs the caller again; what the caller then reads is the host's choice.",
)  # fmt: skip
"""What answers a call that the host undid (`host` with the action `resume`)."""


class Explainer:
    """Finds the explanations of one event after another."""

    def __init__(self, ground: Ground, limits: Limits) -> None:
        self.stepper = stepper = ground.stepper
        self.worlds = Worlds(ground)
        self.unseen = Unseen(self.worlds, limits)
        self._cores = range(len(stepper.machine.cores))
        self._by_kind: Mapping[type[Event], Callable[[Any, Explanations], Found]] = {
            CallEvent: self._call, ReturnEvent: self._return, EnterEvent: self._enter, SystemEvent: self._system,
            BootEvent: self._boot,
            WakeEvent: self._signal, UnwakeEvent: self._signal, ObserveEvent: self._observe, HostEvent: self._host,
        }  # fmt: skip
        asked = frozenset(("asked", core) for core in self._cores) | {("system",)}
        stray = {(name, core) for name in ("power", "wake") for core in self._cores if "wake" in self.worlds.live}
        # A stray wakeup resets a system that runs (CPU_OFF-7).
        going = Footprint(asked | ground.survives, {})
        self._down = MoveTarget(Footprint(asked | stray | ground.survives, {}), ends=True, once_going=going)
        self._suspend = looks_at(("system",))
        self._going: set[Configuration] = set()
        """What the last system event was explained from, for a host that undoes it."""
        self.asked: frozenset[Asked] = frozenset()
        """What those may have been who asked for the last entry that was explained."""
        self._entries: dict[int, MoveTarget] = {}
        self._hosted: dict[int, MoveTarget] = {}
        self._places: dict[tuple[bool, int], MoveTarget] = {}

    def explain(self, seen: SeenEvent, configurations: Explanations) -> tuple[Explanations, set[Rule]]:
        """The explanations after an event, none where nothing explains it, and the rules that they rest on."""
        by_kind = self._by_kind.get(type(seen.event))
        if by_kind is None:
            return configurations, set()
        explained, rules = by_kind(seen, configurations)
        return frozenset(explained), rules

    def power_lost(self, configurations: Iterable[Configuration]) -> Explanations:
        """The explanations after a loss of power."""
        reached = self.unseen.reached(configurations, self._down, go_on)
        return frozenset(
            c.without_calls(world) for c in reached for _, _, world in self.worlds.ways(c.world, "LOSE_POWER")
        )

    def in_state(self, configuration: Configuration, state: Any, core: int, call: Pending | None) -> Configuration:
        """The configuration in another state that the environment made, with another call of one core."""
        return configuration.having(self.worlds.of(state), core, call)

    def _call(self, seen: SeenEvent, configurations: Explanations) -> Found:
        core, call = seen.core, seen.call
        assert core is not None
        assert call is not None
        able: set[Configuration] = set()
        absent: set[Configuration] = set()
        for c in configurations:
            runs = c.state.activity[core] == "RUNNING" and c.call_of(core) is None
            (able if runs else absent).add(c)
        if absent:
            # What a tester cannot tell is absent: the core may have been entered without a line that says so.
            able |= self.arrivals(absent, core)
        taken = (call, whole) if (whole := self._whole(call)) is not None else (call,)
        return {c.with_pending(core, as_taken) for c in able for as_taken in taken}, set()

    def _whole(self, call: Pending) -> Pending | None:
        """The same call with all 64 bits of its arguments, where an AArch64 caller of an SMC32 id sets more than 32.

        Nothing is promised then (SMC-5): an implementation may narrow them, or not.
        """
        made = call.call
        function, wide = self.stepper.function(made.fn)
        if wide or function is None or function.fid64 is None or made.isa != "AARCH64":
            return None
        given = (made.x1, made.x2, made.x3)[: len(function.arguments)]
        if self.stepper.machine.ids is not None or not any(register >> 32 for register in given):
            return None
        return call._replace(call=made._replace(fn=made.fn | SMC64_BIT))

    def only_whole(self, seen: SeenEvent, configurations: Explanations) -> bool:
        """Whether an answer is explained only if all 64 bits of an SMC32 call's arguments were taken."""
        if not isinstance(seen.event, ReturnEvent) or seen.core is None or seen.call is None:
            return False
        if self._whole(seen.call) is None:
            return False
        made = seen.call.call.fn
        narrow = {c for c in configurations if (call := c.call_of(seen.core)) is not None and call.call.fn == made}
        return len(narrow) < len(configurations) and not self._return(seen, frozenset(narrow))[0]

    def broken_duties(self, configurations: Explanations, seen: SeenEvent) -> set[Rule]:
        """The caller's duties that a call breaks as it is made, in every explanation."""
        assert seen.call is not None
        return set.intersection(*(set(self.worlds.broken(c.world, seen.call.call)) for c in configurations))

    def arrivals(self, configurations: Iterable[Configuration], core: int) -> set[Configuration]:
        """The configurations after an entry of a core that no line tells of."""
        target = self.of_entry(core)

        def judge(configuration: Configuration) -> bool | None:
            runs = configuration.state.activity[core] == "RUNNING" and configuration.call_of(core) is None
            return False if runs else None

        found = {
            self.unseen.moved(c, self.worlds.of(running(c.state, core)), [("activity", core)]).with_pending(core, None)
            for c in self.unseen.reached(configurations, target, judge)
            if c.state.activity[core] == "ENTERING"
        }
        return self.unseen.first(found, target)

    def of_entry(self, core: int) -> MoveTarget:
        """What the entry of a core depends on."""
        if core not in self._entries:
            entry = [(name, core) for name in ENTRY_FIELDS]
            self._entries[core] = looks_at(("activity", core), *entry, changes=[("activity", core)])
        return self._entries[core]

    def of_place(self, event: ObserveEvent, core: int | None) -> MoveTarget:
        """What an observation depends on."""
        place = self.stepper.machine.tree.names.index(event.node or "") if core is None else core
        key = core is None, place
        if key not in self._places:
            if core is not None:
                self._places[key] = looks_at(("system",), ("power", place), ("activity", place))
            else:
                everything = (location for field in FIELDS for location in self.worlds.ground.locations_of(field))
                self._places[key] = looks_at(*(place for place in everything if place[0] in _OF_NODES))
        return self._places[key]

    @property
    def of_power(self) -> MoveTarget:
        """What it depends on that the system goes down."""
        return self._down

    def _return(self, seen: SeenEvent, configurations: Explanations) -> Found:
        assert seen.core is not None
        assert isinstance(seen.event, ReturnEvent)
        return self.unseen.answering(configurations, seen.core, seen.event.x0)

    def _enter(self, seen: SeenEvent, configurations: Explanations) -> Found:
        core, event = seen.core, seen.event
        assert core is not None
        assert isinstance(event, EnterEvent)
        if seen.unjudged:
            return configurations, set()
        target = self.of_entry(core)
        explained: set[Configuration] = set()
        rules: set[Rule] = set()
        asked: set[Asked] = set()
        for c in self.unseen.reached(configurations, target, go_on):
            for under, rule, world in self._ways(c, "ENTER", core, (event.pc, event.x0)):
                rules.add(rule)
                isa, odd = c.state.entry_isa[core], bool(c.state.entry[core] & 1)
                asked.add(Asked(isa, isa == "AARCH32" and odd and not event.pc & 1))
                explained.add(self.unseen.moved(under, world, [("activity", core)]).with_pending(core, None))
        self.asked = frozenset(asked)
        return self.unseen.first(explained, target), rules

    def _ways(
        self, configuration: Configuration, name: str, index: int = 0, parameters: tuple[Any, ...] = ()
    ) -> Iterable[tuple[Configuration, Rule, World]]:
        """The ways of a move, each with the configuration under what it assumes."""
        for needs, rule, world in self.worlds.ways(configuration.world, name, index, parameters):
            if not needs:
                yield configuration, rule, world
                continue
            under = self.unseen.together(configuration.assumptions, needs)
            if under is not None:
                yield configuration.assuming(under), rule, world

    def _system(self, seen: SeenEvent, configurations: Explanations) -> Found:
        event = seen.event
        assert isinstance(event, SystemEvent)
        if event.event == "suspend":
            reached = self.unseen.reached(configurations, self._suspend, _suspended)
            return self.unseen.first({c for c in reached if _suspended(c)}, self._suspend), set()
        explained: set[Configuration] = set()
        rules: set[Rule] = set()
        self._going = set()
        for c in self.unseen.reached(configurations, self._down, go_on):
            for kind in _system_kinds(event):
                for under, rule, world in self._ways(c, "GO_DOWN", 0, (kind,)):
                    rules.add(rule)
                    explained.add(under.without_calls(world))
                    self._going.add(under)
        return explained, rules

    def _boot(self, seen: SeenEvent, configurations: Explanations) -> Found:
        assert seen.core is not None
        explained: set[Configuration] = set()
        rules: set[Rule] = set()
        assert isinstance(seen.event, BootEvent)
        for c in self._down_unseen(configurations):
            for under, rule, world in self._ways(c, "BOOT", seen.core):
                if _boots(seen.event.cause, c.state.kind, rule):
                    rules.add(rule)
                    explained.add(under.without_calls(world))
        return explained, rules

    def _down_unseen(self, configurations: Explanations) -> Iterable[Configuration]:
        """The configurations in which the system is down, also where no line tells of that."""
        if all(c.state.system == "DOWN" for c in configurations):
            return configurations
        found = {c for c in configurations if c.state.system == "DOWN"}
        for c in self.unseen.reached(configurations, self._down, go_on):
            for kind in {kind for kind in c.state.asked if kind != "NONE"} if c.state.system == "GOING" else ():
                found |= {under.without_calls(world) for under, _, world in self._ways(c, "GO_DOWN", 0, (kind,))}
        return found

    def _signal(self, seen: SeenEvent, configurations: Explanations) -> Found:
        assert seen.core is not None
        if "wake" not in self.worlds.live:
            return configurations, set()
        place: Location = ("wake", seen.core)
        target = looks_at(place, changes=[place])
        pending = isinstance(seen.event, WakeEvent)
        return self.unseen.first({
            self.unseen.moved(c, world, [place])
            for c in self.unseen.reached(configurations, target, go_on)
            for _, _, world in self.worlds.ways(c.world, "SIGNAL", seen.core, (pending,))
        }, target), set()  # fmt: skip

    def _observe(self, seen: SeenEvent, configurations: Explanations) -> Found:
        event = seen.event
        assert isinstance(event, ObserveEvent)
        if seen.core is not None:
            test, place = OBSERVED[event.power], seen.core
        else:
            place = self.stepper.machine.tree.names.index(event.node or "")
            local = (event.power.upper(),)
            test = lambda state, node: bool(self.worlds.ways(self.worlds.of(state), "LOOK", node, local))  # noqa: E731  # one of two tests

        def judge(configuration: Configuration) -> bool | None:
            # Nothing is said of the cores and power domains of a machine that is off.
            down = configuration.state.system == "DOWN"
            return True if down or test(configuration.state, place) else None

        target = self.of_place(event, seen.core)
        reached = self.unseen.reached(configurations, target, judge)
        return self.unseen.first({c for c in reached if judge(c)}, target), set()

    def _host(self, seen: SeenEvent, configurations: Explanations) -> Found:
        event = seen.event
        assert isinstance(event, HostEvent)
        match event.action, seen.core:
            case "restart", _:
                return self.power_lost(configurations), set()
            case "resume", int(core) if seen.call is not None:
                return self._resumed(configurations, core, seen.call) or configurations, set()
            case ("start_cpu" | "stop_cpu") as action, int(core):
                move = HOST_START.name if action == "start_cpu" else HOST_STOP.name
                target = self._of_host(core)
                ways = (
                    (under, self.worlds.of(woken(world.state, core)) if seen.woken else world)
                    for c in self.unseen.reached(configurations, target, go_on)
                    for under, _, world in self._ways(c, move, core)
                )
                found = {
                    self.unseen.moved(under, world, target.footprint.writes).with_pending(core, None)
                    for under, world in ways
                }
                return self.unseen.first(found, target) or configurations, set()
        return configurations, set()

    def _of_host(self, core: int) -> MoveTarget:
        """What it depends on that the host starts or stops a core: all that the nodes above it follow from."""
        if core not in self._hosted:
            nodes = (
                [
                    place
                    for name in ("node", "dozed", "vote")
                    for place in self.worlds.ground.locations_of(FIELD_BY_NAME[name])
                ]
                if self.worlds.ground.detail.nodes
                else []
            )
            others = [(name, c) for name in ("power", "activity") for c in self._cores]
            own = [("power", core), ("activity", core), ("wake", core), ("system",)]
            self._hosted[core] = looks_at(*own, *(others if nodes else ()), *nodes, changes=[*own, *nodes])
        return self._hosted[core]

    def _resumed(self, configurations: Explanations, core: int, call: Pending) -> set[Configuration]:
        """The configurations after the host undid the system call of a core; what the core then reads is the host's."""
        if all(c.state.system == "DOWN" for c in configurations):
            before: Iterable[Configuration] = self._going
        else:
            before = self.unseen.reached(configurations, self._down, go_on)
        answer = call._replace(outcome=Outcome(UNDONE, UNDONE.completion, None, None), early=frozenset())
        found = set()
        for c in before:
            state = c.state
            if state.asked[core] == "NONE":
                continue
            asked = (*state.asked[:core], "NONE", *state.asked[core + 1 :])
            goes_down = any(kind != "NONE" for kind in asked)
            activity = tuple(
                "RUNNING" if power == "ON" and (k == core or (was == "STOPPED" and asked[k] == "NONE")) else was
                for k, (power, was) in enumerate(zip(state.power, state.activity, strict=True))
            )
            undone = state._replace(
                system="GOING" if goes_down else "RUNNING", kind="NONE", asked=asked, activity=activity
            )
            found.add(c.having(self.worlds.of(undone), core, answer))
        return found

    def silent(self, configurations: Explanations, core: int, woken: bool) -> bool:
        """Whether some explanation lets a core be silent for as long as it likes.

        Args:
            configurations: the explanations.
            core: the core.
            woken: a wakeup event is pending for it.
        """
        found: list[Configuration] = []

        def judge(configuration: Configuration) -> bool | None:
            if _may_be_silent(configuration, core, woken):
                found.append(configuration)
                return True
            return None if not found else False

        for c in configurations:
            call = c.call_of(core)
            target = looks_at(("activity", core), ("power", core), ("system",))
            if call is not None and call.outcome is None:
                footprint = self.unseen.footprints.of_call(call.call, c.world.context)
                target = MoveTarget(footprint._replace(reads=footprint.reads | target.footprint.reads))
            self.unseen.reached([c], target, judge)
            if found:
                return True
        return False


def go_on(_configuration: Configuration) -> None:
    """Look at everything that the steps lead to."""


def _suspended(configuration: Configuration) -> bool | None:
    return True if configuration.state.system == "SUSPENDED" else None


def _may_be_silent(configuration: Configuration, core: int, woken: bool) -> bool:
    state, pending = configuration.state, configuration.call_of(core)
    activity = state.activity[core]
    if activity in WAITING:
        return not woken
    if activity == "RUNNING":
        return pending is None
    return bool(activity != "ENTERING" and state.power[core] != "ON_PENDING")


__all__ = ["Explainer", "Explanations", "SeenEvent", "go_on", "unusable"]
