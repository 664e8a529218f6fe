"""A small implementation of PSCI made from the rules, with faults to order: what the campaign's own tests run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from psci.model.events import (
    BootEvent,
    CallEvent,
    EndEvent,
    EnterEvent,
    Event,
    HostEvent,
    MachineEvent,
    ReturnEvent,
    SystemEvent,
    TimeoutEvent,
    UnwakeEvent,
    WakeEvent,
)
from psci.model.language.rules import Completion, Modality
from psci.model.machine import Machine as Described
from psci.model.machine import Undeclared
from psci.model.step import Invocation, Outcome, Stepper, accepts
from psci.model.tables.versions import version
from psci.oracle.peers.peer import PeerDied
from psci.oracle.peers.program import CallStep, EntrySlot, Program, ProgramStep, WakeStep

ENTRY = 0x4000_0000
SLOT = 4
SYSTEM_EVENTS = {"OFF": "off", "HIBERNATE": "hibernate", "RESET": "reset", "WARM_RESET": "reset", "VENDOR_RESET": "off"}

Fault = Callable[[Any, Invocation, Outcome], int | None]
"""Looks at the state, a call and its right outcome; returns what it answers instead, or None."""
SILENCE = -1
"""What a fault returns for no answer at all."""


def no_fault(state: Any, call: Invocation, right: Outcome) -> int | None:
    return None


@dataclass
class FakePeer:
    """Runs a program core by core, in the order of its turns; every call is decided at once."""

    psci: str = "1.3"
    fault: Fault = no_fault
    rate: float = 1.0
    """How often the fault strikes."""
    deaths: int = 0
    """So many programs kill it..."""
    dies_at: int = 1
    """...after so many that do not."""
    interrupt_at: int | None = None
    name: str = "fake"
    version: str = "fake 1"
    programs: int = 0
    closed: bool = False
    random: Random = field(default_factory=lambda: Random(1))
    ran: list[Program] = field(default_factory=list)
    steppers: dict[int, Stepper] = field(default_factory=dict)

    def run(self, programs: Sequence[Program]) -> Iterator[tuple[Event, ...]]:
        for program in programs:
            self.programs += 1
            self.ran.append(program)
            if self.interrupt_at == self.programs:
                raise KeyboardInterrupt
            if self.deaths and self.programs > self.dies_at:
                self.deaths -= 1
                raise PeerDied("it fell over")
            stepper = self.steppers.get(program.cpus) or self._stepper(program.cpus)
            yield tuple(_Run(self, stepper, program).events())

    def close(self) -> None:
        self.closed = True

    def _stepper(self, cpus: int) -> Stepper:
        declared: dict[Any, Any] = {"checks_upper_halves": False, "policy": "ALLOWS", "disabled": False}
        machine = Described(version(self.psci), tuple(range(cpus)), declared=declared, unusable=())
        self.steppers[cpus] = Stepper(machine)
        return self.steppers[cpus]

    def strikes(self, state: Any, call: Invocation, right: Outcome) -> int | None:
        wrong = self.fault(state, call, right)
        return wrong if wrong is not None and self.random.random() < self.rate else None


def _is_late(step: ProgramStep) -> bool:
    return isinstance(step, WakeStep) and step.late


@dataclass
class _Run:
    peer: FakePeer
    stepper: Stepper
    program: Program
    state: Any = None
    trace: list[Event] = field(default_factory=list)
    waiting: dict[int, Invocation] = field(default_factory=dict)

    def events(self) -> list[Event]:
        self.trace = [MachineEvent(psci=self.peer.psci, cpus=tuple(range(self.program.cpus)), boot_cpu=0)]
        for number, life in enumerate(self.program.lives):
            if number:
                if self.state.system in ("RUNNING", "SUSPENDED"):
                    self.trace.append(HostEvent(action="restart"))
                self.trace.append(BootEvent(cpu=0, cause="cold"))
            self._live(life)
        return [*self.trace, EndEvent(why="done")]

    def _live(self, life: Sequence[ProgramStep]) -> None:
        self.state, self.waiting = self.stepper.initial(), {}
        queues = [[step for step in life if step.cpu == core] for core in range(self.program.cpus)]
        while self.state.system in ("RUNNING", "SUSPENDED"):
            for core, queue in enumerate(queues):
                while queue and _is_late(queue[0]) and core not in self.waiting:
                    queue.pop(0)
            ready = [core for core, queue in enumerate(queues) if queue and self._runs(core)]
            late = [core for core, queue in enumerate(queues) if queue and _is_late(queue[0])]
            if not ready and late:
                self._step(queues[late[0]].pop(0))
                continue
            if not ready:
                break
            core = min(ready, key=lambda c: (queues[c][0].turn, c))
            self._step(queues[core].pop(0))
        if self.state.system == "RUNNING":
            self.trace += [TimeoutEvent(cpu=core) for core in sorted(self.waiting)]

    def _runs(self, core: int) -> bool:
        return self.state.activity[core] == "RUNNING" and core not in self.waiting

    def _step(self, step: ProgramStep) -> None:
        if isinstance(step, WakeStep):
            self.trace.append(WakeEvent(cpu=step.target, cause="irq"))
            if step.target in self.waiting and self.state.activity[step.target] != "STOPPED":
                self._wakeup(step.target)
            self.trace.append(UnwakeEvent(cpu=step.target, cause="irq"))
        elif isinstance(step, CallStep):
            self._call(step)

    def _wakeup(self, core: int) -> None:
        for _, after in self.stepper.move("WAKEUP", self.state, core):
            self.state = after
            del self.waiting[core]
            if after.activity[core] == "ENTERING":
                self._enter(core)
            else:
                self.trace.append(ReturnEvent(cpu=core, x0=0))
            return

    def _call(self, step: CallStep) -> None:
        args = tuple(ENTRY + SLOT * a.slot + a.offset if isinstance(a, EntrySlot) else a for a in step.args)
        self.trace.append(CallEvent(cpu=step.cpu, fn=step.fn, args=args))
        x1, x2, x3 = (*args, 0, 0, 0)[:3]
        call = Invocation(step.cpu, step.fn, x1, x2, x3)
        right = self._right(call)
        wrong = self.peer.strikes(self.state, call, right)
        if wrong == SILENCE:
            self.waiting[step.cpu] = call
        elif wrong is not None:
            self.trace.append(ReturnEvent(cpu=step.cpu, x0=wrong))
        else:
            self._decide(call, right)

    def _decide(self, call: Invocation, right: Outcome) -> None:
        self.state = right.state
        if right.completion is Completion.RETURNS:
            assert right.value is not None
            self.trace.append(ReturnEvent(cpu=call.caller, x0=right.value))
        elif right.completion is Completion.WAITS:
            self.waiting[call.caller] = call
            if self.state.system == "SUSPENDED":
                self.trace.append(SystemEvent(event="suspend"))
        elif self.state.system == "GOING":
            self.trace.append(SystemEvent(event=SYSTEM_EVENTS[self.state.asked[call.caller]]))
        for core in range(self.program.cpus):
            for _, after in self.stepper.move("START", self.state, core):
                self.state = after
                if ENTRY <= after.entry[core] < ENTRY + (1 << 16) and after.entry[core] % SLOT == 0:
                    self._enter(core)

    def _enter(self, core: int) -> None:
        pc, x0 = self.state.entry[core], self.state.context[core]
        (_, self.state), *_ = self.stepper.move("ENTER", self.state, core, (pc, x0))
        self.trace.append(EnterEvent(cpu=core, pc=pc, x0=x0))

    def _right(self, call: Invocation) -> Outcome:
        """The plainest outcome: permissions are not used."""
        choices: dict[Any, Any] = {}
        while True:
            try:
                allowed = self.stepper.allowed(self.state, call, choices)
            except Undeclared as missing:
                choices[missing.key] = self.stepper.possible(missing.key, choices)[0]
                continue
            may = (Modality.MAY_REFUSE, Modality.MAY_SUCCEED)
            plain = [o for o in allowed.outcomes if o.rule.modality not in may]
            outcome = (plain or list(allowed.outcomes))[0]
            if outcome.completion is Completion.RETURNS and outcome.value is None:
                free = (0, (1 << 64) - 2)
                return outcome._replace(value=next(x0 for x0 in free if accepts(outcome, x0, True)))
            return outcome
