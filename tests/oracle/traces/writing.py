"""How the shipped traces are written: a small language, and the list of all of them.

A trace is a function whose docstring says what is true. It tells what a tester did and saw, and
marks each event that blames the implementation. Its verdict is what the function's decorator says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from psci.model.events import (
    BootEvent,
    CallEvent,
    EndEvent,
    EnterEvent,
    Event,
    HostEvent,
    MachineEvent,
    ObserveEvent,
    ReturnEvent,
    SystemEvent,
    TimeoutEvent,
    UnwakeEvent,
    WakeEvent,
)
from psci.model.specification import SPECIFICATION
from psci.model.tables.codes import CODES

IDS = {call.name: (call.fid32, call.fid64) for call in SPECIFICATION.calls}
NUMBERS = {code.name: code.number for code in CODES}
ALL_64 = (1 << 64) - 1
ALL_32 = (1 << 32) - 1

ENTRY, OTHER_ENTRY = 0x4000_0000, 0x4000_1000
"""Addresses of code."""
CONTEXT, OTHER_CONTEXT = 0x2A, 0x2B
ON, OFF, PENDING = 0, 1, 2
"""What AFFINITY_INFO answers."""
PLAIN: dict[str, Any] = {"unusable": []}
"""A profile in which no address is unusable."""


class Trace:
    """A trace as it is being written."""

    def __init__(self) -> None:
        self.machine: dict[str, Any] = {"psci": "1.3", "cpus": (0, 1)}
        self.events: list[Event] = []
        self.findings: list[dict[str, Any]] = []
        self._wide: dict[int, bool] = {}

    # ---- the machine

    def on(self, psci: str | None = None, cpus: int | tuple[int, ...] | None = None, **more: Any) -> None:
        """Say what is special about the machine: its version, its cores, and any field of the machine event."""
        if psci is not None:
            self.machine["psci"] = psci
        if cpus is not None:
            self.machine["cpus"] = tuple(range(cpus)) if isinstance(cpus, int) else cpus
        self.machine |= more

    # ---- what the tester does and sees

    def call(self, cpu: int, name: str | int, *args: int, wide: bool | None = None, isa: str | None = None) -> None:
        """A call; by its SMC64 id where it has one, unless `wide` says otherwise."""
        if isinstance(name, int):
            fn = name
        else:
            fid32, fid64 = IDS[name]
            chosen = fid64 if fid64 is not None and wide is not False else fid32
            assert chosen is not None
            fn = chosen
        self._wide[cpu] = bool(fn & 0x4000_0000)
        self.events.append(CallEvent(cpu=cpu, fn=fn, args=args, isa=isa))

    def returns(self, cpu: int, answer: str | int, **more: Any) -> None:
        """The return of the last call of a core: a code by its name, as wide as the call's id, or all of x0."""
        x0 = NUMBERS[answer] & (ALL_64 if self._wide[cpu] else ALL_32) if isinstance(answer, str) else answer
        self.events.append(ReturnEvent(cpu=cpu, x0=x0, **more))

    def asks(
        self, cpu: int, name: str | int, *args: int, gives: str | int, wide: bool | None = None, isa: str | None = None
    ) -> None:
        """A call and its return."""
        self.call(cpu, name, *args, wide=wide, isa=isa)
        self.returns(cpu, gives)

    def starts(self, cpu: int, target: int, entry: int = ENTRY, context: int = CONTEXT) -> None:
        """A CPU_ON that succeeds, and the entry of its target."""
        self.asks(cpu, "CPU_ON", target, entry, context, gives="SUCCESS")
        self.enters(target, entry, context)

    def enters(self, cpu: int, pc: int = ENTRY, x0: int = CONTEXT, **more: Any) -> None:
        """A core begins to run."""
        self.events.append(EnterEvent(cpu=cpu, pc=pc, x0=x0, **more))

    def wakes(self, cpu: int) -> None:
        """The tester makes an interrupt pending."""
        self.events.append(WakeEvent(cpu=cpu, cause="irq"))

    def unwakes(self, cpu: int) -> None:
        """The tester withdraws it."""
        self.events.append(UnwakeEvent(cpu=cpu, cause="irq"))

    def system(self, event: str, **more: Any) -> None:
        """The outside sees a system event."""
        self.events.append(SystemEvent(event=event, source="monitor", **more))

    def boots(self, cpu: int = 0, cause: str = "cold") -> None:
        """The machine starts again."""
        self.events.append(BootEvent(cpu=cpu, cause=cause))

    def observes(self, cpu: int, power: str) -> None:
        """The outside looks at a core."""
        self.events.append(ObserveEvent(cpu=cpu, power=power, source="monitor"))

    def looks_at(self, node: str, power: str) -> None:
        """The outside looks at a power domain."""
        self.events.append(ObserveEvent(node=node, power=power, source="power controller"))

    def silent(self, cpu: int) -> None:
        """The tester waited in vain for a core."""
        self.events.append(TimeoutEvent(cpu=cpu))

    def host(self, action: str, cpu: int | None = None) -> None:
        """The host acts."""
        self.events.append(HostEvent(action=action, cpu=cpu))

    def between(self, t0: int, t1: int) -> None:
        """The last event happened at some moment between two."""
        last = self.events[-1]
        self.events[-1] = replace(last, t0=t0, t1=t1)

    # ---- what is expected

    def blames(self, *facts: str) -> None:
        """The last event deviates, and the finding names these facts."""
        self.findings.append({"event": len(self.events), "facts": list(facts)})

    def follows(self) -> None:
        """The last event shows that an earlier answer, already blamed, was wrong."""
        self.findings.append({"event": len(self.events), "consequential": True})


@dataclass(frozen=True)
class Shipped:
    """A trace with a known verdict."""

    name: str
    verdict: str
    events: tuple[Event, ...]


Author = Callable[[Trace], None]
SHIPPED: dict[str, Shipped] = {}


def _told(author: Author, verdict: str, extra: Mapping[str, Any]) -> Author:
    trace = Trace()
    author(trace)
    expected: dict[str, Any] = {"verdict": verdict}
    if trace.findings:
        expected["findings"] = trace.findings
    assert author.__doc__
    says = " ".join(author.__doc__.split())
    machine = MachineEvent(**trace.machine, extra={"x-says": says, "x-expect": expected | dict(extra)})
    name = author.__name__.replace("_", "-")
    assert name not in SHIPPED, name
    SHIPPED[name] = Shipped(name, verdict, (machine, *trace.events, EndEvent(why="done")))
    return author


def conforms(author: Author) -> Author:
    """The trace is what the rules allow."""
    return _told(author, "conforms", {})


def by_permission(rule: str) -> Callable[[Author], Author]:
    """The trace is what the rules allow, but only this one, which is counted, allows it."""
    return lambda author: _told(author, "conforms", {"permission": rule})


def deviates(author: Author) -> Author:
    """The trace is not what the rules allow."""
    return _told(author, "deviates", {})


def unpredictable(author: Author) -> Author:
    """The caller broke a duty, and nothing is promised."""
    return _told(author, "unpredictable", {})


def unknown(author: Author) -> Author:
    """The trace does not tell."""
    return _told(author, "unknown", {})


def harness_error(author: Author) -> Author:
    """The tester's side is at fault."""
    return _told(author, "harness-error", {})


def implementation_defined(author: Author) -> Author:
    """No rule says what happens."""
    return _told(author, "implementation-defined", {})
