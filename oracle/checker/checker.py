"""The oracle: is a trace explained by the rules?

The checker keeps the set of configurations that explain what it has seen. A call is invoked when
its event arrives, decided at any time until it completes, and other cores may move in between. An
event that no configuration explains is a deviation; the checker then goes on with what the rules
allowed and with what the implementation claims.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from psci.model.events import Boot, Call, End, Enter, Event, Host, Observe, Return, System, Timeout
from psci.model.events import Machine as MachineEvent
from psci.model.language.rules import Modality, Rule
from psci.model.machine import Machine, ProfileError
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation, Stepper
from psci.oracle.checker.configuration import Configuration, Pending, acting, merged, running, settled
from psci.oracle.checker.entry import entry_faults
from psci.oracle.checker.explain import Explainer, Explanations, Seen, unusable
from psci.oracle.checker.report import Finding, Report, Verdict
from psci.oracle.checker.silent_moves import PERMISSIONS
from psci.oracle.checker.text import Words
from psci.oracle.profiles.declaration import initial_state, machine_from
from psci.oracle.traces.order import Numbered, before, groups, search

BEFORE = 4
"""How many events of the explained prefix a finding shows."""

LIMIT_OF_LEARNED = 100_000
"""Above this many things learned about an implementation, consistency is no longer judged, and the report says so."""

FUNCTION_ID = 0xFFFF_FFFF
"""The bits of x0 that are the function id (SMCCC)."""

USUAL = {"isa": "aarch64", "world": "normal"}
"""What a core is that the machine event does not describe."""

_JUDGED = (Return, Enter, System, Boot, Observe)
"""The events that the implementation answers for; the others are what the tester did."""


class TraceError(ProfileError):
    """The events are no trace: one names a core that the machine has not, or comes where it cannot."""


class Checker:
    """Judges one trace, event by event."""

    def __init__(
        self, machine: MachineEvent, specification: Specification = SPECIFICATION, stepper: Stepper | None = None
    ) -> None:
        """Begin a trace.

        Args:
            machine: its first event.
            specification: the rules.
            stepper: one that was made for an equal machine and these rules, to be used again.

        Raises:
            ProfileError: the machine's declarations contradict each other.
        """
        self.stepper = Stepper(machine_from(machine), specification) if stepper is None else stepper
        self.machine: Machine = self.stepper.machine
        self.report = Report(machine.psci, machine.peer)
        self._explainer = Explainer(self.stepper)
        self._words = Words(self._explainer.unseen)
        self._declared = machine.cores or {}
        self._callers = [
            tuple(str(self._declared.get(mpidr, {}).get(name, usual)).upper() for name, usual in USUAL.items())
            for mpidr in self.machine.cores
        ]
        nobody: tuple[None, ...] = (None,) * len(self.machine.cores)
        start = initial_state(self.stepper, machine.initial)
        self.configurations: Explanations = frozenset({Configuration(start, nobody)})
        self._index = 0
        self._last: deque[tuple[int, Event]] = deque(((0, machine),), maxlen=BEFORE)
        self._open: dict[int, Pending] = {}
        self._fresh: set[int] = {self.machine.boot}
        """Cores that something other than PSCI started, and that were not heard of since."""

    def feed(self, event: Event) -> None:
        """Judge the next event and add it to the report.

        Raises:
            TraceError: the event cannot be part of this trace.
        """
        self._index += 1
        self._one(self._prepared(self._index, event))

    def feed_together(self, group: Sequence[Numbered]) -> None:
        """Judge events that are unordered, but for what their intervals say; see `psci.oracle.traces.order.groups`.

        Raises:
            TraceError: an event cannot be part of this trace.
            OrderError: the events can be ordered in too many ways.
        """
        if len(group) == 1:
            self._index = group[0][0]
            self._one(self._prepared(*group[0]))
            return
        self._index = max(self._index, *(number for number, _ in group))
        rest = [self._prepared(number, event) for number, event in group]
        while len(rest) > 1:
            rest = self._some(rest)
        for seen in rest:
            self._one(seen)

    # ---- one event, or several

    def _one(self, seen: Seen) -> None:
        if isinstance(seen.event, Timeout):
            self._timeout(seen)
        elif problem := unusable(seen):
            self._harness_error(seen, problem)
            if isinstance(seen.event, System):
                self._keep(self._explainer.power_lost(self.configurations))
        else:
            explained, rules = self._explainer.explain(seen, self.configurations)
            if explained:
                self._explained(seen, explained, rules)
                self._keep(explained)
            else:
                self._unexplained(seen)
        self._last.append((seen.number, seen.event))

    def _some(self, group: list[Seen]) -> list[Seen]:
        """Judge events of a group in every admissible order, up to one that nothing explains; returns what is left."""
        rules: dict[int, set[Rule]] = {}

        def explain(place: int, configurations: Explanations) -> Explanations:
            seen = group[place]
            if unusable(seen):
                return configurations
            explained, used = self._explainer.explain(seen, configurations)
            rules.setdefault(place, set()).update(used)
            return explained

        order, explained, stuck = search(before([seen.event for seen in group]), self.configurations, explain)
        for place in order:
            if problem := unusable(group[place]):
                self._harness_error(group[place], problem)
            else:
                self._explained(group[place], explained, rules.get(place, set()))
            self._last.append((group[place].number, group[place].event))
        self._keep(explained)
        if stuck is None:
            return []
        self._one(group[stuck])
        return [seen for place, seen in enumerate(group) if place != stuck and place not in order]

    def _prepared(self, number: int, event: Event) -> Seen:
        """The event with what it needs of its core's events before it."""
        if isinstance(event, MachineEvent):
            raise TraceError(f"event {number}: a machine event stands only at the beginning")
        self.report.events += not isinstance(event, End)
        if isinstance(event, Return):
            core = self._core(number, event.cpu)
            return Seen(number, event, core, self._open.pop(core, None))
        if isinstance(event, Call):
            core = self._core(number, event.cpu)
            self.report.calls += 1
            self.report.not_psci += self.stepper.is_not_psci(event.fn & FUNCTION_ID)
            self._fresh.discard(core)
            pending = self._open[core] = self._invoked(core, event)
            return Seen(number, event, core, pending)
        mpidr = getattr(event, "cpu", None)
        if mpidr is None:
            if isinstance(event, Observe):
                self._check_place(number, event)
            return Seen(number, event)
        core = self._core(number, mpidr)
        fresh = core in self._fresh
        if isinstance(event, Enter):
            self._open.pop(core, None)
            self._fresh.discard(core)
            return Seen(number, event, core, unjudged=fresh)
        if isinstance(event, Boot):
            self._open.clear()
            self._fresh = {core}
        elif isinstance(event, Host) and event.action == "start_cpu":
            self._fresh.add(core)
        return Seen(number, event, core)

    def _invoked(self, core: int, event: Call) -> Pending:
        isa, world = self._callers[core]
        if event.isa is not None:
            isa = event.isa.upper()
        fn = event.fn & FUNCTION_ID
        x1, x2, x3 = (*event.args, 0, 0, 0)[:3]
        call = Invocation(core, fn, x1, x2, x3, isa, world)
        return Pending(call, self.stepper.result_is_wide(call))

    # ---- what nothing explains

    def _unexplained(self, seen: Seen) -> None:
        match seen.event:
            case Return():
                self._refuse_return(seen)
            case Call():
                self._refuse_call(seen)
            case Enter():
                assert seen.core is not None
                reached = self._explainer.unseen.reached(self.configurations)
                go_on = frozenset(c.having(running(c.state, seen.core), seen.core, None) for c in reached)
                self._deviates(seen, go_on)
            case System():
                self._deviates(seen, self._explainer.power_lost(self.configurations))
            case Boot():
                lost = self._explainer.power_lost(self.configurations)
                self._deviates(seen, self._explainer.explain(seen, lost)[0])
            case _:
                self._deviates(seen, self.configurations)

    def _refuse_return(self, seen: Seen) -> None:
        core, event, call = seen.core, seen.event, seen.call
        assert core is not None
        assert call is not None
        assert isinstance(event, Return)
        reached = self._explainer.unseen.reached(self.configurations)
        undecided = [c for c in reached if (pending := c.pending[core]) is not None and pending.outcome is None]
        gap, free = self._promises(undecided, call)
        after = frozenset(c.having(running(c.state, core), core, None) for c in undecided)
        if gap or free:
            self.report.verdicts[Verdict.IMPLEMENTATION_DEFINED if gap else Verdict.UNPREDICTABLE] += 1
            others = frozenset() if gap else frozenset(c.with_pending(core, None) for c in reached)
            self._keep(after | others)
            return
        # What the answer claims to have done: the effect of the rules that give it, whatever they require.
        believed = {
            c.having(state, core, None)
            for c in self.configurations
            for state in self.stepper.claimed(running(c.state, core), call.call, event.x0)
        }
        doubted = {
            c.having(acting(c.state, core), core, None).doubting()
            for c in reached
            if c.pending[core] is None or c.pending[core].outcome is not None  # type: ignore[union-attr]  # not None
        }
        self._deviates(seen, frozenset(believed | doubted))

    def _refuse_call(self, seen: Seen) -> None:
        core = seen.core
        assert core is not None
        reached = self._explainer.unseen.reached(self.configurations)
        if all(c.pending[core] is not None and c.state.activity[core] == "RUNNING" for c in reached):
            self._harness_error(seen, "a call inside a call: the `return` line of the one before is missing")
            self._keep(c.with_pending(core, seen.call) for c in reached)
            return
        self._deviates(seen, frozenset(c.having(running(c.state, core), core, seen.call) for c in self.configurations))

    def _promises(self, undecided: Iterable[Configuration], call: Pending) -> tuple[bool, bool]:
        """Whether no rule answers a call, and whether a broken duty frees the implementation, in some explanation."""
        gap = free = False
        for c in undecided:
            for allowed in self.stepper.under_all_answers(c.state, call.call, c.assumptions):
                gap |= allowed.gap
                free |= allowed.free
        return gap, free

    def _timeout(self, seen: Seen) -> None:
        assert seen.core is not None
        if self._explainer.silent(self.configurations, seen.core):
            self.report.verdicts[Verdict.CONFORMS] += 1
            return
        self.report.verdicts[Verdict.UNKNOWN] += 1
        promise = self._words.allowed(self.configurations, seen.core, seen.event).text
        mpidr = self.machine.cores[seen.core]
        self.report.problems.append(f"event {seen.number}: core {mpidr:#x} gave no answer, but was to give {promise}")

    # ---- the report

    def _explained(self, seen: Seen, explained: Explanations, rules: set[Rule]) -> None:
        """Count an explained event; if only explanations that do not believe an earlier answer are left, say so."""
        event = seen.event
        if not isinstance(event, _JUDGED):
            return
        if seen.call is not None and self.stepper.is_not_psci(seen.call.call.fn):
            return
        faults = entry_faults(event, self._declared.get(event.cpu, {})) if isinstance(event, Enter) else ()
        if not faults:
            self.report.verdicts[Verdict.CONFORMS] += 1
        for fault in faults:
            self._found(seen, Finding(seen.number, fault.observed, fault.allowed, (), fault.cites, None))
        if rules:
            for rule in rules:
                self.report.rules[rule.name] += 1
            if all(rule.modality in PERMISSIONS for rule in rules):
                rule = min(rules, key=lambda r: (r.modality is Modality.AMENDS, r.name))
                self.report.permissions[rule.name] += 1
        if not any(c.claimed for c in explained):
            text = "explained only if an earlier answer was wrong"
            self.report.findings.append(Finding(seen.number, text, "", (), (), None, consequential=True))

    def _deviates(self, seen: Seen, go_on: Explanations) -> None:
        words = self._words
        allowed = words.allowed(self.configurations, seen.core, seen.event)
        near = words.nearest(self.configurations, seen.core, seen.event)
        observed = words.observed(seen.event)
        self._found(seen, Finding(seen.number, observed, allowed.text, allowed.rules, allowed.cites, near))
        self._keep(go_on)

    def _found(self, seen: Seen, finding: Finding) -> None:
        self.report.verdicts[Verdict.DEVIATES] += 1
        self.report.findings.append(finding.after(tuple(self._last)))

    def _harness_error(self, seen: Seen, why: str) -> None:
        self.report.verdicts[Verdict.HARNESS_ERROR] += 1
        self.report.problems.append(f"event {seen.number}: {why}")

    # ---- shared steps

    def _core(self, number: int, mpidr: int) -> int:
        core = self.machine.core_of.get(mpidr)
        if core is None:
            raise TraceError(f"event {number}: the machine has no core {mpidr:#x}; see its `cpus`")
        return core

    def _check_place(self, number: int, event: Observe) -> None:
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
                self._explainer.unseen.forget()
            elif learned:
                self.report.assumptions_dropped = True
        if not any(c.claimed for c in pool):
            # The answer that was doubted is now known to be wrong: what is left is what is believed.
            pool = frozenset(Configuration(c.state, c.pending, c.assumptions) for c in pool)
        self.configurations = pool
        self.report.widest = max(self.report.widest, self._explainer.unseen.widest)


def check(events: Iterable[Event], specification: Specification = SPECIFICATION) -> Report:
    """Judge a whole trace.

    Raises:
        TraceError: the events are no trace.
        ProfileError: the machine that it begins with contradicts itself.
        OrderError: its intervals leave too many orders.
    """
    stream = iter(events)
    first = next(stream, None)
    if not isinstance(first, MachineEvent):
        raise TraceError("event 0: a trace begins with a machine event")
    checker = Checker(first, specification)
    for group in groups(_until_end(stream)):
        checker.feed_together(group)
    return checker.report


def _until_end(events: Iterable[Event]) -> Iterator[Event]:
    for event in events:
        if isinstance(event, End):
            return
        yield event


__all__ = ["Checker", "TraceError", "check"]
