from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psci.model.events import (
    BootEvent,
    CallEvent,
    EndEvent,
    EnterEvent,
    Event,
    HostEvent,
    MachineEvent,
    ReturnEvent,
    TimeoutEvent,
)
from psci.model.tables.versions import VERSIONS
from psci.oracle.checker.checker import Checker, check
from psci.oracle.checker.report import Verdict
from psci.oracle.generating.generator import Generator, ProgramShape
from psci.oracle.peers.program import CallStep, EntrySlot, Program
from psci.oracle.profiles.declaration import machine_from
from psci.oracle.reference.implementation import Implementation
from psci.oracle.reference.peer import ModelPeer

CORES = (0, 1, 2)
SHAPE = ProgramShape(overlap=0.6, turns=(4, 16), lives=(1, 3))
GENERATORS = {
    v.name: Generator(machine_from(MachineEvent(psci=v.name, cpus=CORES)), psci=v.name, shape=SHAPE)
    for v in VERSIONS
    if v.name != "0.1"
}
CHECKERS: dict[str, Checker] = {}
BLAMELESS = {Verdict.CONFORMS, Verdict.IMPLEMENTATION_DEFINED, Verdict.UNPREDICTABLE}


def judged(psci: str, trace: tuple[object, ...]) -> Checker:
    machine, *events = trace
    assert isinstance(machine, MachineEvent)
    checker = CHECKERS[psci] = Checker(machine, like=CHECKERS.get(psci))
    for event in events:
        checker.feed(event)  # type: ignore[arg-type]  # a trace holds events
    return checker


@pytest.mark.parametrize("psci", sorted(GENERATORS))
@settings(max_examples=25)
@given(program=st.integers(0, 1 << 30), choices=st.none() | st.integers(0, 1 << 30))
def test_the_reference_implementation_is_never_blamed(psci: str, program: int, choices: int | None) -> None:
    (trace,) = ModelPeer(psci, seed=choices).run([GENERATORS[psci].program(Random(program))])
    report = judged(psci, trace).report
    assert report.verdict in BLAMELESS, "\n".join(report.lines())


def jittered(trace: tuple[Event, ...], random: Random) -> list[Event]:
    """The trace as clocks would tell it that are not exact: each event some time around its true one."""
    blurred: list[Event] = [trace[0]]
    group: list[Event] = []
    latest: dict[int, int] = {}
    for moment, event in enumerate(trace[1:]):
        if isinstance(event, BootEvent | HostEvent | TimeoutEvent | EndEvent):
            random.shuffle(group)
            blurred += [*group, event]
            group = []
            continue
        cpu = getattr(event, "cpu", -1)
        t0 = latest[cpu] = max(latest.get(cpu, 0), 10 * moment - random.randrange(25))
        group.append(replace(event, t=moment, t0=t0, t1=10 * moment + random.randrange(25)))
    return sorted_by_core(blurred)


def sorted_by_core(events: list[Event]) -> list[Event]:
    """The same events, those of each core in the order of its log."""
    logs: dict[tuple[int, int], list[Event]] = {}
    life = 0
    slots: list[tuple[int, int] | Event] = []
    for event in events:
        if isinstance(event, CallEvent | ReturnEvent | EnterEvent):
            logs.setdefault((life, event.cpu), []).append(event)
            slots.append((life, event.cpu))
        else:
            life += event.t0 is None
            slots.append(event)
    for log in logs.values():
        log.sort(key=lambda event: event.t or 0, reverse=True)
    return [logs[slot].pop() if isinstance(slot, tuple) else slot for slot in slots]


@settings(max_examples=40)
@given(seed=st.integers(0, 1 << 30))
def test_the_reference_implementation_is_not_blamed_by_clocks_that_are_not_exact(seed: int) -> None:
    program = GENERATORS["1.3"].program(Random(seed))
    (trace,) = ModelPeer(seed=seed).run([program])
    report = check(jittered(trace, Random(seed)))
    assert report.verdict in BLAMELESS, "\n".join(report.lines())


def test_the_deterministic_choice_is_an_obligation_or_the_first_success() -> None:
    steps = (
        CallStep(turn=0, cpu=0, fn=0x8400_0000),
        CallStep(turn=1, cpu=0, fn=0xC400_0003, args=(1, EntrySlot(0), 7)),
        CallStep(turn=2, cpu=0, fn=0xC400_0003, args=(1, EntrySlot(1), 8)),
        CallStep(turn=3, cpu=0, fn=0xC400_0003, args=(9, EntrySlot(1), 8)),
        CallStep(turn=4, cpu=1, fn=0x8400_0002),
        CallStep(turn=5, cpu=0, fn=0xC400_0004, args=(1, 0)),
    )
    (trace,) = ModelPeer().run([Program(cpus=2, lives=(steps,))])
    returned = [event.x0 for event in trace if isinstance(event, ReturnEvent)]
    assert returned == [0x1_0003, 0, (1 << 64) - 4, (1 << 64) - 2, 1]


def test_the_same_seed_gives_the_same_trace() -> None:
    program = GENERATORS["1.3"].program(Random(5))
    assert list(ModelPeer(seed=3).run([program])) == list(ModelPeer(seed=3).run([program]))


def test_an_implementation_can_be_asked_call_by_call() -> None:
    from psci.model.step import Invocation

    machine = Implementation(MachineEvent(psci="1.3", cpus=(0, 1)))
    assert machine.call(Invocation(0, 0xC400_0003, 1, 0x4000_0000, 5)).value == 0
    assert machine.state.power == ("ON", "ON_PENDING")
    assert machine.move("START", 1)
    assert machine.entry(1) == (0x4000_0000, 5)
