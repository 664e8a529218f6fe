"""The oracle: is a trace explained by the rules?

The checker keeps the set of configurations that explain what it has seen. A call is invoked when
its event arrives, decided at any time until it completes, and other cores may move in between. An
event that no configuration explains is a deviation; the checker then goes on with what the rules
allowed and with what the implementation claims.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from psci.model.calls.set_suspend_mode import PSCI_SET_SUSPEND_MODE
from psci.model.events import (
    BootEvent,
    CallEvent,
    EndEvent,
    EnterEvent,
    Event,
    HostEvent,
    MachineEvent,
    MoveEvent,
    ObserveEvent,
    ReturnEvent,
    SystemEvent,
    TimeoutEvent,
    UnwakeEvent,
    WakeEvent,
)
from psci.model.language.rules import Modality, Rule
from psci.model.machine import Machine, ProfileError
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation, Stepper
from psci.oracle.checker.configuration import Configuration, Pending, acting, merged, running, settled
from psci.oracle.checker.entry import RegisterFault, changed_registers, entry_faults, entry_level
from psci.oracle.checker.explain import Explainer, Explanations, SeenEvent, go_on, unusable
from psci.oracle.checker.limits import LimitReached, Limits
from psci.oracle.checker.report import Assumption, Duty, EventInWords, Finding, Report, Stopped, Verdict
from psci.oracle.checker.silent_moves import PERMISSIONS
from psci.oracle.checker.statistics import Statistics
from psci.oracle.checker.text import TraceWords
from psci.oracle.checker.worlds import LEAST, Detail, Ground
from psci.oracle.profiles.declaration import initial_state, judged_machine
from psci.oracle.traces.order import Numbered, TooManyOrders, before, choices, groups, search

BEFORE = 4
"""How many events of the explained prefix a finding shows."""

LIMIT_OF_LEARNED = 100_000
"""Above this many things learned about an implementation, consistency is no longer judged, and the report says so."""

FUNCTION_ID = 0xFFFF_FFFF
"""The bits of x0 that are the function id (SMCCC)."""

_LIMIT_OF_SITUATIONS = 4_000

USUAL = {"isa": "aarch64", "world": "normal"}
"""What a core is that the machine event does not describe."""

_JUDGED = (ReturnEvent, EnterEvent, SystemEvent, BootEvent, ObserveEvent)
"""The events that the implementation answers for; the others are what the tester did."""


class TraceError(ProfileError):
    """The events are not a trace: one of them names a core that is not there, or stands where it cannot."""


class DetailMatters(Exception):
    """The trace asks for something that was not followed; judge it again with the `detail` that this names."""

    def __init__(self, detail: Detail) -> None:
        super().__init__(f"the trace asks for more than was followed: {detail}")
        self.detail = detail


class Checker:
    """Judges one trace, event by event."""

    def __init__(
        self,
        machine: MachineEvent,
        specification: Specification = SPECIFICATION,
        *,
        like: Checker | None = None,
        detail: Detail = Detail(),  # noqa: B008  # a value, never changed
        limits: Limits | None = None,
    ) -> None:
        """Begin a trace.

        Args:
            machine: its first event.
            specification: the rules.
            like: a checker of an equal machine by these rules, whose preparations are used again.
            detail: what is followed beside the cores and the system; a trace that asks for more raises
                `DetailMatters`, and one that does not is judged faster.
            limits: what the judgement may cost.

        Raises:
            ProfileError: the machine's declarations contradict each other.
        """
        self.limits = limits or Limits()
        self.detail = detail
        ground: Ground | None = None if like is None else like.ground
        if ground is None or ground.detail != detail:
            stepper = Stepper(judged_machine(machine), specification) if ground is None else ground.stepper
            ground = Ground(stepper, detail)
        self.ground: Ground = ground
        self.stepper = ground.stepper
        self.machine: Machine = self.stepper.machine
        self.report = Report(machine.psci, machine.peer)
        self._explainer = Explainer(ground, self.limits)
        self._words = TraceWords(self._explainer)
        self._declared = machine.cores or {}
        self._callers = [
            tuple(str(self._declared.get(mpidr, {}).get(name, usual)).upper() for name, usual in USUAL.items())
            for mpidr in self.machine.cores
        ]
        start = initial_state(self.stepper, machine.initial)
        self.configurations: Explanations = frozenset({Configuration(self._explainer.worlds.of(start))})
        self._check_mode()
        self._index = 0
        self._last: deque[SeenEvent] = deque(maxlen=BEFORE)
        self._open: dict[int, Pending] = {}
        self._fresh: set[int] = {self.machine.boot}
        """Cores that something other than PSCI started, and that were not heard of since."""
        self._after: dict[tuple[Explanations, Any], tuple[Explanations, _Account, Pending | None]] = {}
        """What explains an event, by what explained those before it; with the call, which the key names by its id."""
        self._invocations: dict[Any, Pending] = {}
        self._foreign: dict[int, bool] = {}
        # What one trace let us learn is not held against the next.
        self.stepper.learned.clear()
        self._learned = False
        """Something was learned, or states were forgotten, since the last situation was remembered."""
        self._levels: dict[int, int] = {}
        """The Exception level that each core was entered at."""
        self._smccc = machine.smccc
        self._made: dict[int, CallEvent] = {}
        self._statistics = Statistics(self.stepper, machine.clock, known_from_boot=machine.initial is None)
        self._woken: set[int] = set()
        """Cores for which a wakeup event was made pending, and that were not heard of since."""
        self._signalled = {core for core, pending in enumerate(start.wake) if pending}
        """Cores for which a wakeup event was made pending in this life of the system, and not withdrawn."""

    @property
    def explainer(self) -> Explainer:
        """What finds the explanations of an event, for whoever asks what may have happened besides."""
        return self._explainer

    def feed(self, event: Event) -> None:
        """Judge the next event and add it to the report; nothing is judged any more after a limit was hit.

        Raises:
            TraceError: the event cannot be part of this trace.
            DetailMatters: the event asks for something that is not followed.
        """
        self._index += 1
        self._feed(self._index, event)

    def feed_together(self, group: Sequence[Numbered]) -> None:
        """Judge events that are unordered, but for what their intervals say; see `psci.oracle.order.groups`.

        Raises:
            TraceError: an event cannot be part of this trace.
            DetailMatters: an event asks for something that is not followed.
        """
        if len(group) == 1:
            self._index = group[0][0]
            self._feed(*group[0])
            return
        self._index = max(self._index, *(number for number, _ in group))
        if self.report.stopped is not None:
            self.report.events += sum(not isinstance(event, EndEvent) for _, event in group)
            return
        try:
            rest = [self._prepared(number, event, alone=False) for number, event in group]
            while len(rest) > 1:
                rest = self._some(rest)
            for seen in rest:
                self._one(seen)
        except (LimitReached, TooManyOrders) as limit:
            self._stop(group[0][0], str(limit))

    def _feed(self, number: int, event: Event) -> None:
        if self.report.stopped is not None:
            self.report.events += not isinstance(event, EndEvent)
            return
        try:
            self._one(self._prepared(number, event))
        except LimitReached as limit:
            self._stop(number, str(limit))

    def _stop(self, number: int, why: str) -> None:
        """Judge nothing more: say where a limit was hit, and what to declare to get further."""
        self.report.verdicts[Verdict.UNKNOWN] += 1
        open_keys = Counter(key[0] for c in self.configurations for key in c.assumptions)
        advice = [f"declare {', '.join(str(name) for name, _ in open_keys.most_common(3))}"] if open_keys else []
        if len(self._open) > 1:
            advice.append(f"overlap fewer calls (here {len(self._open)} are under way)")
        advice.append("raise the limit")
        self.report.stopped = Stopped(number, why, "; ".join(advice))

    # ---- one event, or several

    def _one(self, seen: SeenEvent) -> None:
        self.limits.spend()
        memo = _memo_key(seen)
        key = (self.configurations, memo)
        known = self._after.get(key) if memo is not None else None
        if known is not None:
            self.configurations, account, _ = known
            self._explained(seen, account)
        elif isinstance(seen.event, TimeoutEvent):
            self._timeout(seen)
        elif problem := unusable(seen):
            self._harness_error(seen, problem)
            if isinstance(seen.event, SystemEvent):
                self._keep(self._explainer.power_lost(self.configurations))
        else:
            explained, rules = self._explainer.explain(seen, self.configurations)
            if explained:
                if isinstance(seen.event, CallEvent):
                    rules = self._explainer.broken_duties(explained, seen)
                account = _account(rules, explained, self._explainer.only_whole(seen, self.configurations))
                self._explained(seen, account)
                self._keep(explained)
                if memo is not None:
                    self._remember(key, account, seen.call)
            else:
                self._unexplained(seen)
        self._last.append(seen)

    def _remember(self, key: tuple[Explanations, Any], account: _Account, call: Pending | None) -> None:
        """The same event in the same situation needs no work; what was learned meanwhile makes another situation."""
        if self._learned or len(self._after) >= _LIMIT_OF_SITUATIONS:
            self._after.clear()
            self._learned = False
            return
        self._after[key] = self.configurations, account, call

    def _some(self, group: list[SeenEvent]) -> list[SeenEvent]:
        """Judge events of a group in every admissible order, up to one that nothing explains; returns what is left."""
        rules: dict[int, set[Rule]] = {}

        def explain(place: int, configurations: Explanations) -> Explanations:
            seen = group[place]
            if unusable(seen):
                return configurations
            explained, used = self._explainer.explain(seen, configurations)
            rules.setdefault(place, set()).update(used)
            return explained

        events = [seen.event for seen in group]
        masks = before(events)
        order, explained, stuck = search(masks, self.configurations, explain, lambda done: choices(events, masks, done))
        for place in order:
            if problem := unusable(group[place]):
                self._harness_error(group[place], problem)
            else:
                self._explained(group[place], _account(rules.get(place, set()), explained))
            self._last.append(group[place])
        self._keep(explained)
        if stuck is None:
            return []
        self._one(group[stuck])
        return [seen for place, seen in enumerate(group) if place != stuck and place not in order]

    def _prepared(self, number: int, event: Event, alone: bool = True) -> SeenEvent:
        """The event with what it needs of its core's events before it."""
        if isinstance(event, ReturnEvent):
            core = self._core(number, event.cpu)
            self.report.events += 1
            self._woken.discard(core)
            return SeenEvent(number, event, core, self._open.pop(core, None), False, self._made.pop(core, None))
        if isinstance(event, CallEvent):
            core = self._core(number, event.cpu)
            self.report.events += 1
            self.report.calls += 1
            self._fresh.discard(core)
            pending = self._open[core] = self._invoked(core, event)
            self.report.not_psci += self._is_foreign(pending)
            self._made[core] = event
            self._statistics.called(pending.call, event.t)
            return SeenEvent(number, event, core, pending)
        if isinstance(event, MachineEvent):
            raise TraceError(f"event {number}: a machine event stands only at the beginning")
        self.report.events += not isinstance(event, EndEvent)
        if isinstance(event, ObserveEvent) and event.node is not None and not self.detail.nodes:
            raise DetailMatters(self.detail._replace(nodes=True))
        if isinstance(event, MoveEvent):
            self._statistics.interfered()
        mpidr = getattr(event, "cpu", None)
        if mpidr is None:
            if isinstance(event, ObserveEvent):
                self._check_place(number, event)
            elif isinstance(event, SystemEvent):
                self._check_strays(event, alone)
            return SeenEvent(number, event)
        core = self._core(number, mpidr)
        fresh = core in self._fresh
        if isinstance(event, WakeEvent):
            self._woken.add(core)
            self._signalled.add(core)
        elif isinstance(event, UnwakeEvent):
            self._woken.discard(core)
            self._signalled.discard(core)
        if isinstance(event, EnterEvent):
            self._woken.discard(core)
            self._open.pop(core, None)
            self._fresh.discard(core)
            return SeenEvent(number, event, core, unjudged=fresh)
        if isinstance(event, BootEvent):
            self._woken.clear()
            self._signalled.clear()
            self._open.clear()
            self._fresh = {core}
        elif isinstance(event, HostEvent) and event.action == "start_cpu":
            self._fresh.add(core)
            self._statistics.interfered()
        elif isinstance(event, HostEvent) and event.action == "resume":
            return SeenEvent(number, event, core, self._open.get(core))
        elif isinstance(event, HostEvent) and event.action == "stop_cpu":
            return SeenEvent(number, event, core, woken=core in self._woken)
        return SeenEvent(number, event, core)

    def _invoked(self, core: int, event: CallEvent) -> Pending:
        """The call of an event; the same object for the same call, so that it is known without being compared."""
        key = core, event.fn, event.args, event.isa
        known = self._invocations.get(key)
        if known is None:
            if len(self._invocations) >= _LIMIT_OF_SITUATIONS:
                self._invocations.clear()
                self._after.clear()
            known = self._invocations[key] = self._new(core, event)
        return known

    def _is_foreign(self, pending: Pending) -> bool:
        """Whether a call is none of PSCI's."""
        fn = pending.call.fn
        known = self._foreign.get(fn)
        if known is None:
            known = self._foreign[fn] = self.stepper.is_not_psci(fn)
        return known

    def _new(self, core: int, event: CallEvent) -> Pending:
        isa, world = self._callers[core]
        if event.isa is not None:
            isa = event.isa.upper()
        fn = event.fn & FUNCTION_ID
        x1, x2, x3 = (*event.args, 0, 0, 0)[:3]
        call = Invocation(core, fn, x1, x2, x3, isa, world)
        return Pending(call, self.stepper.result_is_wide(call))

    # ---- what nothing explains

    def _unexplained(self, seen: SeenEvent) -> None:
        match seen.event:
            case ReturnEvent():
                self._refuse_return(seen)
            case CallEvent():
                self._refuse_call(seen)
            case EnterEvent():
                assert seen.core is not None
                target = self._explainer.of_entry(seen.core)
                reached = self._explainer.unseen.reached(self.configurations, target, go_on)
                after = {self._explainer.in_state(c, running(c.state, seen.core), seen.core, None) for c in reached}
                self._deviates(seen, frozenset(self._explainer.unseen.first(after, target)))
            case SystemEvent():
                self._deviates(seen, self._explainer.power_lost(self.configurations))
            case BootEvent():
                lost = self._explainer.power_lost(self.configurations)
                self._deviates(seen, self._explainer.explain(seen, lost)[0])
            case _:
                self._deviates(seen, self.configurations)

    def _refuse_return(self, seen: SeenEvent) -> None:
        core, event, call = seen.core, seen.event, seen.call
        assert core is not None
        assert call is not None
        assert isinstance(event, ReturnEvent)
        explainer = self._explainer
        reached = self._words.could_end(self.configurations, core)
        undecided = [c for c in reached if (pending := c.call_of(core)) is not None and pending.outcome is None]
        gap, free = self._promises(undecided, call)
        after = frozenset(explainer.in_state(c, running(c.state, core), core, None) for c in undecided)
        if gap or free:
            self.report.verdicts[Verdict.IMPLEMENTATION_DEFINED if gap else Verdict.UNPREDICTABLE] += 1
            others = frozenset() if gap else frozenset(c.with_pending(core, None) for c in reached)
            self._keep(after | others)
            return
        # What the answer claims to have done: the effect of the rules that give it, whatever they require.
        believed = {
            explainer.in_state(c, state, core, None)
            for c in self.configurations
            for state in self.stepper.claimed(running(c.state, core), call.call, event.x0)
        }
        doubted = {
            explainer.in_state(c, acting(c.state, core), core, None).doubting()
            for c in reached
            if (pending := c.call_of(core)) is None or pending.outcome is not None
        }
        self._deviates(seen, frozenset(believed | doubted))

    def _refuse_call(self, seen: SeenEvent) -> None:
        core = seen.core
        assert core is not None
        if all(c.call_of(core) is not None and c.state.activity[core] == "RUNNING" for c in self.configurations):
            self._harness_error(seen, "a call inside a call: the `return` line of the one before is missing")
            self._keep(c.with_pending(core, seen.call) for c in self.configurations)
            return
        explainer = self._explainer
        self._deviates(
            seen,
            frozenset(explainer.in_state(c, running(c.state, core), core, seen.call) for c in self.configurations),
        )

    def _promises(self, undecided: Iterable[Configuration], call: Pending) -> tuple[bool, bool]:
        """Whether no rule answers a call, and whether a broken duty frees the implementation, in some explanation."""
        gap = free = False
        for c in undecided:
            for allowed in self.stepper.under_all_answers(c.state, call.call, c.assumptions):
                gap |= allowed.gap
                free |= allowed.free
        return gap, free

    def _timeout(self, seen: SeenEvent) -> None:
        assert seen.core is not None
        if self._explainer.silent(self.configurations, seen.core, seen.core in self._woken):
            self.report.verdicts[Verdict.CONFORMS] += 1
            return
        self.report.verdicts[Verdict.UNKNOWN] += 1
        promise = self._words.allowed(self.configurations, seen.core, seen.event).text
        mpidr = self.machine.cores[seen.core]
        self.report.problems.append(f"event {seen.number}: core {mpidr:#x} gave no answer, but was to give {promise}")

    # ---- the report

    def _explained(self, seen: SeenEvent, account: _Account) -> None:
        """Count an explained event; if only explanations that do not believe an earlier answer are left, say so."""
        event = seen.event
        if isinstance(event, CallEvent):
            if account.rules:
                self.report.duties += [Duty(seen.number, r.name, r.text, r.cites) for r in account.rules]
            return
        if not isinstance(event, _JUDGED):
            return
        faults = self._faults(seen, account.rules)
        if seen.call is not None and self._is_foreign(seen.call):
            return
        if not faults:
            self.report.verdicts[Verdict.UNPREDICTABLE if account.free else Verdict.CONFORMS] += 1
        for fault in faults:
            self._found(seen, Finding(seen.number, fault.observed, fault.allowed, (), fault.cites, None))
        counts = self.report.rules
        for rule in account.rules:
            counts[rule.name] += 1
        if account.permission is not None:
            self.report.permissions[account.permission] += 1
        if not account.claimed:
            text = "explained only if an earlier answer was wrong"
            self.report.findings.append(Finding(seen.number, text, "", (), (), None, consequential=True))

    def _faults(self, seen: SeenEvent, rules: Iterable[Rule]) -> list[RegisterFault]:
        """What is wrong with an event beside what the rules say of the state."""
        event, core = seen.event, seen.core
        if isinstance(event, EnterEvent) and core is not None:
            asked = frozenset() if seen.unjudged else self._explainer.asked
            declared = self._declared.get(event.cpu, {})
            faults = list(entry_faults(event, declared, self._levels.get(core), asked))
            level = entry_level(event, declared)
            if level is not None and not faults:
                self._levels[core] = level
            self._statistics.entered(core)
            return faults
        if isinstance(event, ReturnEvent) and seen.call is not None and core is not None:
            faults = []
            if event.t0 is None:
                faults = self._statistics.faults(seen.call.call, seen.call.wide, event.x0, rules, event.t)
            if seen.made is not None and event.regs is not None:
                faults += changed_registers(seen.made, event, self._smccc)
            self._statistics.returned(core, event.x0)
            return faults
        if isinstance(event, BootEvent):
            self._statistics.booted()
        return []

    def _deviates(self, seen: SeenEvent, go_on: Explanations) -> None:
        words = self._words
        allowed = words.allowed(self.configurations, seen.core, seen.event)
        near = words.nearest(self.configurations, seen.core, seen.event)
        finding = Finding(
            seen.number, words.observed(seen), allowed.text, allowed.rules, allowed.cites, near,
            state=words.state(self.configurations, seen), decisive=allowed.decisive,
        )  # fmt: skip
        self._found(seen, finding)
        self._keep(go_on)

    def _found(self, seen: SeenEvent, finding: Finding) -> None:
        self.report.verdicts[Verdict.DEVIATES] += 1
        before = [EventInWords(earlier.number, self._words.told(earlier), earlier.event) for earlier in self._last]
        self.report.findings.append(finding.after(before))

    def _harness_error(self, seen: SeenEvent, why: str) -> None:
        self.report.verdicts[Verdict.HARNESS_ERROR] += 1
        self.report.problems.append(f"event {seen.number}: {why}")

    # ---- shared steps

    def _core(self, number: int, mpidr: int) -> int:
        core = self.machine.core_of.get(mpidr)
        if core is None:
            raise TraceError(f"event {number}: the machine has no core {mpidr:#x}; see its `cpus`")
        return core

    def _check_place(self, number: int, event: ObserveEvent) -> None:
        if event.node is not None and event.node not in self.machine.tree.names:
            names = ", ".join(self.machine.tree.names)
            raise TraceError(f"event {number}: the machine has no node {event.node!r}; its nodes are {names}")
        if event.cpu is None and event.node is None:
            raise TraceError(f"event {number}: an observation names a `cpu` or a `node`")

    def _keep(self, configurations: Iterable[Configuration]) -> None:
        pool = frozenset(configurations)
        if any(c.assumptions for c in pool):
            pool, learned = settled(merged(pool, {key for c in pool for key in c.assumptions}))
            if learned and len(self.stepper.learned) < LIMIT_OF_LEARNED:
                self.stepper.learned.update(learned)
                self._learned = True
                self._explainer.worlds.generation += 1
                for key, value in learned.items():
                    text, unusual = self._words.assumed(key, value)
                    self.report.assumptions.append(Assumption(self._index, key, value, text, unusual))
            elif learned:
                self.report.assumptions_dropped = True
        if not any(c.claimed for c in pool):
            # The answer that was doubted is now known to be wrong: what is left is what is believed.
            pool = frozenset(c._replace(claimed=True) for c in pool)
        self.configurations = pool
        self.report.widest = max(self.report.widest, self._explainer.unseen.widest)
        self._check_mode()
        self._learned |= self._explainer.worlds.forget(c.world for c in pool)

    def _check_mode(self) -> None:
        if not self.detail.mode and any(c.world.context.mode != "PLATFORM_COORDINATED" for c in self.configurations):
            raise DetailMatters(self.detail._replace(mode=True))

    def _check_strays(self, event: SystemEvent, alone: bool) -> None:
        """A reset may come from a wakeup event of a core that is OFF, or may be so by now."""
        if event.event != "reset" or self.detail.strays or self.machine.value("stray_wakeup", ()) == "IGNORED":
            return
        if not alone or any(
            c.state.power[core] != "ON" or self._explainer.unseen.may_write(c, core, ("power", core))
            for core in self._signalled
            for c in self.configurations
        ):
            raise DetailMatters(self.detail._replace(strays=True))


class _Account(NamedTuple):
    """What explained an event."""

    rules: tuple[Rule, ...]
    permission: str | None
    """The rule that is counted as a permission, where nothing but permissions explain it."""
    claimed: bool
    """Some explanation believes all answers so far."""
    free: bool = False
    """Nothing was promised, because the caller broke a duty."""


def _account(rules: set[Rule], explained: Explanations, free: bool = False) -> _Account:
    permission = None
    if rules and all(rule.modality in PERMISSIONS for rule in rules):
        permission = min(rules, key=lambda r: (r.modality is Modality.AMENDS, r.name)).name
    return _Account(tuple(rules), permission, any(c.claimed for c in explained), free)


def detail_of(events: Iterable[Event]) -> Detail:
    """What a trace may ask for."""
    modes = PSCI_SET_SUSPEND_MODE.ids()
    nodes = mode = wakes = resets = False
    for event in events:
        match event:
            case ObserveEvent(node=str()):
                nodes = True
            case CallEvent(fn=fn):
                mode |= fn & FUNCTION_ID in modes
            case MachineEvent(initial=initial):
                mode |= "mode" in (initial or {})
                wakes |= "wake" in (initial or {})
            case WakeEvent():
                wakes = True
            case SystemEvent(event="reset"):
                resets = True
    return Detail(nodes, mode, wakes and resets)


def _memo_key(seen: SeenEvent) -> Any:
    """What of an event decides what explains it; None where that is not worth remembering."""
    event = seen.event
    if isinstance(event, ReturnEvent):
        return None if seen.call is None else (seen.core, event.x0)
    if isinstance(event, CallEvent):
        return seen.core, id(seen.call), "call"
    if isinstance(event, EnterEvent) and event.isa is None and event.regs is None:
        return seen.core, event.pc, event.x0, seen.unjudged
    return None


def check(
    events: Iterable[Event], specification: Specification = SPECIFICATION, limits: Limits | None = None
) -> Report:
    """Judge a whole trace.

    Args:
        events: the trace; one that can be iterated again (a list, a `psci.oracle.trace.TraceFile`) is never held in
            memory as a whole.
        specification: the rules.
        limits: what the judgement may cost.

    Raises:
        TraceError: the events are not a trace.
        ProfileError: the machine that it begins with contradicts itself.
        OrderError: its intervals contradict the order of its lines.
    """
    again = tuple(events) if isinstance(events, Iterator) else events
    detail = LEAST
    while True:
        try:
            return _judged(iter(again), specification, limits, detail)
        except DetailMatters as more:
            detail = more.detail


def _judged(stream: Iterator[Event], specification: Specification, limits: Limits | None, detail: Detail) -> Report:
    first = next(stream, None)
    if not isinstance(first, MachineEvent):
        raise TraceError("event 0: a trace begins with a machine event")
    checker = Checker(first, specification, detail=detail, limits=None if limits is None else replace(limits))
    for group in groups(_until_end(stream)):
        checker.feed_together(group)
    return checker.report


def _until_end(events: Iterable[Event]) -> Iterator[Event]:
    for event in events:
        if isinstance(event, EndEvent):
            return
        yield event


__all__ = ["Checker", "DetailMatters", "TraceError", "check", "detail_of"]
