"""A machine at work: calls are open, cores start, sleep, wake and stop, in an order that somebody else chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from psci.model.calls.psci_version import PSCI_VERSION
from psci.model.events import CallEvent, EnterEvent, Event, MachineEvent, ObserveEvent, ReturnEvent, SystemEvent
from psci.model.language.rules import Completion
from psci.model.step import Invocation, Outcome
from psci.oracle.reference.choices import Choose
from psci.oracle.reference.implementation import STUCK, Deciding, Implementation

SYSTEM_EVENTS: Mapping[str, tuple[str, int | None]] = {
    "OFF": ("off", 0), "HIBERNATE": ("hibernate", 0),
    "RESET": ("reset", 0), "WARM_RESET": ("reset", 1), "VENDOR_RESET": ("reset", 1),
}  # fmt: skip
"""What the outside sees of each kind of system call: the event and its flags."""

_OBSERVED: Mapping[str, str] = {"OFF": "off", "ON_PENDING": "on_pending", "ON": "on"}


class Happening(NamedTuple):
    """Something that can happen next."""

    make: Callable[[], Iterator[Event]]
    lazy: bool
    """It may as well happen much later: a core starts, a wakeup arrives, the system goes down."""


class Running:
    """The cores of one machine, and what each of them is in the middle of."""

    def __init__(self, machine: MachineEvent, implementation: Implementation, choose: Choose) -> None:
        self.machine = machine
        self.implementation = implementation
        self._choose = choose
        self._cores = range(len(machine.cpus))
        self._forget()

    def _forget(self) -> None:
        self.called: list[Invocation | None] = [None for _ in self._cores]
        self._deciding: list[Iterator[Deciding] | None] = [None for _ in self._cores]
        self._outcome: list[Outcome | None] = [None for _ in self._cores]
        self._stuck = [False for _ in self._cores]

    @property
    def down(self) -> bool:
        """Whether this life is over."""
        return bool(self.implementation.state.system == "DOWN")

    def boot(self) -> None:
        """Begin a new life; one that is not over loses its power."""
        if not self.down:
            self.implementation.move("LOSE_POWER")
        self.implementation.boot()
        self._forget()

    def idle(self, core: int) -> bool:
        """Whether a core runs caller code and can make a call."""
        return self.called[core] is None and self.implementation.state.activity[core] == "RUNNING"

    def stuck(self, core: int) -> bool:
        """Whether a core owes an answer or an entry when nothing happens any more."""
        return self.called[core] is not None or self.implementation.state.activity[core] == "ENTERING"

    def call(self, core: int, fn: int, args: Sequence[int]) -> None:
        """A core makes a call."""
        x1, x2, x3 = (*args, 0, 0, 0)[:3]
        self.called[core] = Invocation(core, fn & 0xFFFF_FFFF, x1, x2, x3)

    def wake(self, core: int) -> None:
        """A wakeup event is pending for a core."""
        self.implementation.move("SIGNAL", core, (True,))

    def observed(self, core: int) -> Event:
        """What the outside sees of a core."""
        power = _OBSERVED[self.implementation.state.power[core]]
        return ObserveEvent(cpu=self.machine.cpus[core], power="off" if power == "off" else "on", source="model")

    def happenings(self) -> Iterator[Happening]:
        """What can happen next, the most urgent first."""
        implementation, state = self.implementation, self.implementation.state
        for core in self._cores:
            running = self.called[core] is not None and state.activity[core] == "RUNNING"
            if running and self._outcome[core] is not None:
                yield Happening(lambda core=core: self._return(core), False)  # type: ignore[misc]  # mypy does not infer a default
            elif running and not self._stuck[core]:
                yield Happening(lambda core=core: self._decide(core), False)  # type: ignore[misc]  # as above
        for core in self._cores:
            if implementation.entry(core) is not None:
                yield Happening(lambda core=core: self._enter(core), True)  # type: ignore[misc]  # as above
            elif implementation.starts(core):
                yield Happening(lambda core=core: self._silent("START", core), True)  # type: ignore[misc]  # as above
            elif implementation.wakes(core):
                yield Happening(lambda core=core: self._silent("WAKEUP", core), True)  # type: ignore[misc]  # as above

    def ending(self) -> Iterator[Happening]:
        """How a system that is on its way down comes nearer to that."""
        if self.implementation.state.system == "GOING":
            yield Happening(self._go_down, True)
            for core in self._cores:
                if self.implementation.stops(core):
                    yield Happening(lambda core=core: self._silent("STOP", core), True)  # type: ignore[misc]  # as above

    def _decide(self, core: int) -> Iterator[Event]:
        invocation = self.called[core]
        assert invocation is not None
        deciding = self._deciding[core] or self.implementation.deciding(invocation)
        self._deciding[core] = deciding
        outcome = next(deciding)
        self._stuck[core] = outcome is STUCK
        if isinstance(outcome, Outcome):
            self._deciding[core] = None
            if outcome.completion is not Completion.NEVER:
                self._outcome[core] = outcome
        return iter(())

    def _return(self, core: int) -> Iterator[Event]:
        invocation, outcome = self.called[core], self._outcome[core]
        assert invocation is not None
        assert outcome is not None
        self.called[core] = self._outcome[core] = None
        _, wide = self.implementation.stepper.function(invocation.fn)
        waited = outcome.completion is Completion.WAITS
        value = self.implementation.waited() if waited else outcome.value or 0
        yield ReturnEvent(cpu=self.machine.cpus[core], x0=self.implementation.result(value, wide))

    def _enter(self, core: int) -> Iterator[Event]:
        entry = self.implementation.entry(core)
        assert entry is not None
        self.implementation.entered(core)
        self.called[core] = self._outcome[core] = self._deciding[core] = None
        yield EnterEvent(cpu=self.machine.cpus[core], pc=entry[0], x0=entry[1])

    def _silent(self, name: str, core: int) -> Iterator[Event]:
        self.implementation.move(name, core)
        return iter(())

    def _go_down(self) -> Iterator[Event]:
        kinds = [kind for kind in self.implementation.state.asked if kind != "NONE"]
        kind = self._choose(kinds)
        running = [core for core in self._cores if self.implementation.state.activity[core] == "RUNNING"]
        self.implementation.move("GO_DOWN", parameters=(kind,))
        event, flags = SYSTEM_EVENTS[kind]
        yield SystemEvent(event=event, source="model", flags=flags)
        for core in self.implementation.survivors(running):
            yield CallEvent(cpu=self.machine.cpus[core], fn=PSCI_VERSION.fid32 or 0)


__all__ = ["SYSTEM_EVENTS", "Happening", "Running"]
