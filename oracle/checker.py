"""The oracle: is a trace explained by the rules?

The checker keeps the set of configurations that explain what it has seen. A call is invoked when
its event arrives, decided at any time until it completes, and other cores may move in between. An
event that no configuration explains is a deviation; the checker then goes on with what the rules
allowed and with what the implementation claims.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from psci.model.events import (
    Boot, Call, End, Enter, Event, Host, Machine as MachineEvent, Observe, Return, System, Timeout, Unwake, Wake,
)  # fmt: skip
from psci.model.language.rules import Modality, Rule
from psci.model.profile import Machine, ProfileError
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation, Stepper
from psci.oracle.configuration import (
    LIMIT_OF_LEARNED,
    PERMISSIONS,
    Configuration,
    Pending,
    closure,
    merged,
    settled,
)
from psci.oracle.declaration import machine_from
from psci.oracle.report import Finding, Report, Verdict, allowed_text, nearest_rule, observed_text

KINDS_OF: Mapping[str, tuple[str, ...]] = {
    "off": ("OFF", "HIBERNATE", "VENDOR_RESET"),
    "hibernate": ("HIBERNATE",),
    "reset": ("RESET", "WARM_RESET", "VENDOR_RESET"),
}
"""The system calls that explain what the outside saw; a source that gives `flags` tells off from hibernate."""

LIMIT_OF_EXPLANATIONS = 20_000
"""Above this many explanations at once the trace is not judged further."""


BEFORE = 4
"""How many events of the explained prefix a finding shows."""


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
        """
        self.stepper = Stepper(machine_from(machine), specification) if stepper is None else stepper
        self.machine: Machine = self.stepper.machine
        self._isa = {mpidr: str(core.get("isa", "aarch64")).upper() for mpidr, core in (machine.cores or {}).items()}
        self._world = {mpidr: str(core.get("world", "normal")).upper() for mpidr, core in (machine.cores or {}).items()}
        nobody: tuple[None, ...] = (None,) * len(self.machine.cores)
        self.configurations: frozenset[Configuration] = frozenset({Configuration(self.stepper.initial(), nobody)})
        self.report = Report(machine.psci, machine.peer)
        self._index = 0
        self._last: deque[Event] = deque((machine,), maxlen=BEFORE + 1)
        self._open: dict[int, Pending] = {}
        self._booted: int | None = self.machine.boot
        self._handlers: Mapping[type[Event], Callable[[Event], None]] = {
            Call: self._call, Return: self._return, Enter: self._enter, System: self._system, Boot: self._boot,
            Wake: self._wake, Unwake: self._wake, Observe: self._observe, Timeout: self._timeout, Host: self._host,
        }  # type: ignore[dict-item]  # each handler takes the events it is listed for  # fmt: skip

    def feed(self, event: Event) -> None:
        """Judge the next event and add it to the report.

        Raises:
            TraceError: the event cannot be part of this trace.
        """
        self._index += 1
        self._last.append(event)
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)
            self.report.events += 1
        elif isinstance(event, MachineEvent):
            raise TraceError(f"event {self._index}: a machine event stands only at the beginning")

    # ---- one handler for each kind of event

    def _call(self, event: Call) -> None:
        core = self._core(event.cpu)
        self.report.calls += 1
        self._booted = None if self._booted == core else self._booted
        x1, x2, x3 = (*event.args, 0, 0, 0)[:3]
        isa = (event.isa or self._isa.get(event.cpu, "AARCH64")).upper()
        call = Invocation(core, event.fn, x1, x2, x3, isa, self._world.get(event.cpu, "NORMAL"))
        _, wide = self.stepper.function(event.fn)
        pending = self._open[core] = Pending(call, wide)
        able = frozenset(
            c.with_pending(core, pending)
            for c in self.configurations
            if c.state.activity[core] == "RUNNING" and c.pending[core] is None
        )
        if able:
            self.configurations = able
            return
        if any(c.pending[core] is not None for c in self.configurations):
            # the harness lost the end of the core's last call, or the core was entered unseen
            self._deviates(
                event, core, frozenset(c.with_pending(core, pending) for c in self.configurations), ("SM-16",)
            )
            return
        claimed = frozenset(c.with_pending(core, pending, self._running(c.state, core)) for c in self.configurations)
        self._deviates(event, core, claimed, ("SM-16", "SYS-4"))

    def _return(self, event: Return) -> None:
        core = self._core(event.cpu)
        call = self._open.pop(core, None)
        if call is None:
            self._harness_error("a return without a call")
            return
        reached = self._closure()
        explained = frozenset(
            c
            for c in reached
            if (pending := c.pending[core]) is not None and pending.explains(event.x0, c.state.activity[core])
        )
        if explained:
            self._conforms(core, explained)
            self._keep(c.with_pending(core, None) for c in explained)
            return
        self._refuse_return(event, core, call, reached)

    def _refuse_return(self, event: Return, core: int, call: Pending, reached: set[Configuration]) -> None:
        broken, gap, obliged = self._duties(core)
        after = frozenset(c.with_pending(core, None, self._running(c.state, core)) for c in self.configurations)
        if gap:
            self.report.verdicts[Verdict.IMPLEMENTATION_DEFINED] += 1
            self._keep(after)
            return
        if broken and not obliged:
            self.report.verdicts[Verdict.UNPREDICTABLE] += 1
            self._keep(after | {c.with_pending(core, None) for c in reached})
            return
        believed = frozenset(self._as_claimed(event, core, call))
        doubted = frozenset(
            c.with_pending(core, None, self._running(c.state, core))._replace(claimed=False)
            for c in reached
            if c.pending[core] is not None and c.pending[core].outcome is not None  # type: ignore[union-attr]  # checked
        )
        self._deviates(event, core, believed | doubted, ())

    def _as_claimed(self, event: Return, core: int, pending: Pending) -> Iterable[Configuration]:
        """What the answer claims to have done: the effect of the rules that give this answer, whatever they require."""
        for configuration in self.configurations:
            running = self._running(configuration.state, core)
            for state in self.stepper.claimed(running, pending.call, event.x0):
                yield configuration.with_pending(core, None, state)

    def _enter(self, event: Enter) -> None:
        core = self._core(event.cpu)
        if self._booted == core:
            self._booted = None
            return
        self._open.pop(core, None)
        reached = self._closure()
        explained: set[Configuration] = set()
        rules: set[Rule] = set()
        for c in reached:
            for rule, state in self.stepper.move("ENTER", c.state, core, (event.pc, event.x0)):
                explained.add(c.with_pending(core, None, state))
                rules.add(rule)
        if explained:
            self._note(frozenset(explained), rules)
            self._keep(explained)
            return
        claimed = frozenset(c.with_pending(core, None, self._running(c.state, core)) for c in reached)
        self._deviates(event, core, claimed, ("CPU_ON-17", "CPU_OFF-2", "SM-8"))

    def _system(self, event: System) -> None:
        self._booted = None
        reached = self._closure()
        if event.event == "suspend":
            explained = {c for c in reached if c.state.system == "SUSPENDED"}
        else:
            kinds = KINDS_OF.get(event.event, ())
            if event.event == "off" and event.flags is not None:
                kinds = ("OFF", "VENDOR_RESET")
            explained = {
                c._replace(state=state, pending=(None,) * len(c.pending))
                for c in reached
                for kind in kinds
                for _, state in self.stepper.move("GO_DOWN", c.state, parameters=(kind,))
            }
        if explained:
            self._conforms(None, frozenset(explained))
            self._keep(explained)
            return
        self._deviates(event, None, self._power_lost(), ("SYS-2", "SYS-4"))

    def _boot(self, event: Boot) -> None:
        core = self._core(event.cpu)
        booted = {
            c._replace(state=state, pending=(None,) * len(c.pending))
            for c in self.configurations
            for _, state in self.stepper.move("BOOT", c.state, core)
        }
        if not booted:
            self._deviates(event, core, self._power_lost(), ("SYS-3", "SM-6"))
            self._boot_again(core)
            return
        self._booted = core
        self._conforms(core, frozenset(booted))
        self._keep(booted)

    def _boot_again(self, core: int) -> None:
        self._booted = core
        self._keep(
            c._replace(state=state)
            for c in self.configurations
            for _, state in self.stepper.move("BOOT", c.state, core)
        )

    def _wake(self, event: Wake | Unwake) -> None:
        core = self._core(event.cpu)
        pending = isinstance(event, Wake)
        self._keep(
            c._replace(state=state)
            for c in self.configurations
            for _, state in self.stepper.move("SIGNAL", c.state, core, (pending,))
        )

    def _observe(self, event: Observe) -> None:
        if event.cpu is None:
            return
        core = self._core(event.cpu)
        test = _OBSERVED.get(event.power)
        if test is None:
            raise TraceError(f"event {self._index}: unknown power {event.power!r}: use {', '.join(_OBSERVED)}")
        explained = frozenset(c for c in self._closure() if test(c.state.power[core], c.state.activity[core]))
        if explained:
            self._conforms(None, explained)
            self._keep(explained)
            return
        self._deviates(event, core, self.configurations, ("SM-1", "AFF-11"))

    def _timeout(self, event: Timeout) -> None:
        core = self._core(event.cpu)
        silent = any(
            c.pending[core] is None or (c.pending[core].outcome and not c.state.wake[core])  # type: ignore[union-attr]  # checked
            for c in self._closure()
            if c.state.activity[core] != "RUNNING"
        )
        self.report.verdicts[Verdict.CONFORMS if silent else Verdict.UNKNOWN] += 1

    def _host(self, event: Host) -> None:
        if event.action == "restart":
            self._keep(self._power_lost())

    # ---- shared steps

    def _core(self, mpidr: int) -> int:
        core = self.machine.core_of.get(mpidr)
        if core is None:
            raise TraceError(f"event {self._index}: the machine has no core {mpidr:#x}; see its `cpus`")
        return core

    def _closure(self) -> set[Configuration]:
        reached = closure(self.stepper, self.configurations)
        if len(reached) > LIMIT_OF_EXPLANATIONS:
            raise TraceError(f"event {self._index}: more than {LIMIT_OF_EXPLANATIONS} explanations: split the trace")
        self.report.widest = max(self.report.widest, len(reached))
        return reached

    def _keep(self, configurations: Iterable[Configuration]) -> None:
        pool = frozenset(configurations)
        keys = {key for configuration in pool for key in configuration.assumptions}
        if keys:
            pool, learned = settled(merged(pool, keys))
            if len(self.stepper.learned) < LIMIT_OF_LEARNED:
                self.stepper.learned.update(learned)
            else:
                self.report.assumptions_dropped = True
        self.configurations = pool

    @staticmethod
    def _running(state: object, core: int) -> object:
        """The state in which a core runs caller code all the same."""
        power, activity = state.power, state.activity  # type: ignore[attr-defined]  # State is made from the rules
        return state._replace(  # type: ignore[attr-defined]  # as above
            power=(*power[:core], "ON", *power[core + 1 :]),
            activity=(*activity[:core], "RUNNING", *activity[core + 1 :]),
        )

    def _power_lost(self) -> frozenset[Configuration]:
        return frozenset(
            c._replace(state=state, pending=(None,) * len(c.pending))
            for c in self.configurations
            for _, state in self.stepper.move("LOSE_POWER", c.state)
        )

    def _duties(self, core: int) -> tuple[bool, bool, bool]:
        """Whether the core's call breaks a duty, meets a gap, and is bound by an obligatory rule, in some explanation."""
        broken = gap = obliged = False
        for configuration in self.configurations:
            pending = configuration.pending[core]
            if pending is None or pending.outcome is not None:
                continue
            for allowed in self.stepper.under_all_answers(configuration.state, pending.call, configuration.assumptions):
                broken |= bool(allowed.broken)
                gap |= allowed.gap
                obliged |= allowed.obliged
        return broken, gap, obliged

    def _conforms(self, core: int | None, explained: frozenset[Configuration]) -> None:
        rules = set()
        if core is not None:
            rules = {p.outcome.rule for c in explained if (p := c.pending[core]) is not None and p.outcome is not None}
        self._note(explained, rules)

    def _note(self, explained: frozenset[Configuration], rules: set[Rule]) -> None:
        """Count the event as explained; an explanation that no longer believes an earlier answer makes a finding."""
        self.report.verdicts[Verdict.CONFORMS] += 1
        self.report.rules.update(rule.name for rule in rules)
        plain = any(rule.modality not in PERMISSIONS for rule in rules)
        if rules and not plain:
            rule = min(rules, key=lambda r: (r.modality is Modality.AMENDS, r.name))
            self.report.permissions[rule.name] += 1
        if not any(c.claimed for c in explained):
            self.report.findings.append(
                Finding(
                    self._index, "explained only if an earlier answer was wrong", "", (), (), None, consequential=True
                )
            )

    def _deviates(
        self, event: Event, core: int | None, go_on: frozenset[Configuration], cites: tuple[str, ...]
    ) -> None:
        self.report.verdicts[Verdict.DEVIATES] += 1
        allowed, near = allowed_text(self.stepper, self.configurations, core, event), None
        if isinstance(event, Return) and core is not None:
            near = nearest_rule(self.stepper, self.configurations, core, event)
        rules = tuple(dict.fromkeys((*cites, *allowed.cites)))
        self.report.findings.append(
            Finding(
                self._index,
                observed_text(self.machine, event),
                allowed.text,
                allowed.rules,
                rules,
                near,
                before=tuple(self._last)[:-1],
            )
        )
        self._keep(go_on)

    def _harness_error(self, why: str) -> None:
        self.report.verdicts[Verdict.HARNESS_ERROR] += 1
        self.report.problems.append(f"event {self._index}: {why}")


_OBSERVED: Mapping[str, Callable[[str, str], bool]] = {
    "on": lambda power, activity: power != "OFF",
    "off": lambda power, activity: power == "OFF" or activity == "STOPPED",
    "on_pending": lambda power, activity: power == "ON_PENDING",
    "suspended": lambda power, activity: power == "ON" and activity in ("STANDBY", "POWERDOWN"),
}
"""What the outside's words mean; a source that cannot see ON_PENDING says `on` for it."""


def check(events: Iterable[Event], specification: Specification = SPECIFICATION) -> Report:
    """Judge a whole trace.

    Raises:
        TraceError: the events are no trace.
        ProfileError: the machine that it begins with contradicts itself.
    """
    stream = iter(events)
    first = next(stream, None)
    if not isinstance(first, MachineEvent):
        raise TraceError("event 1: a trace begins with a machine event")
    checker = Checker(first, specification)
    for event in stream:
        if isinstance(event, End):
            break
        checker.feed(event)
    return checker.report


__all__ = ["Checker", "TraceError", "check"]
