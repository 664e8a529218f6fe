"""What an event costs the oracle, in calls of the stepper: one after another, and calls of four cores that overlap.

`python benchmarks/oracle.py [--json FILE] [--calls N] [--stream N]`. The ratio is that of the time of an event to the
time of an accepted CPU_ON of the stepper, measured in the same run, so that it holds on any machine. With --stream a
trace of that many events is judged as it is made, and the memory that was needed is printed.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
import timeit
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

from psci.model.calls.affinity_info import AFFINITY_INFO
from psci.model.calls.cpu_off import CPU_OFF
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.psci_features import PSCI_FEATURES
from psci.model.calls.psci_version import PSCI_VERSION
from psci.model.events import CallEvent, EnterEvent, Event, MachineEvent, ReturnEvent
from psci.model.step import Invocation
from psci.oracle.checker.checker import Checker
from psci.oracle.checker.worlds import LEAST
from psci.oracle.peers.program import CallStep, EntrySlot, Program, ProgramStep
from psci.oracle.reference.peer import ModelPeer
from psci.oracle.traces.order import groups

CORES = 4
GOALS = {"sequential": 1.2, "overlapping": 5.0}
"""How many accepted calls of the stepper an event may cost."""
ACCEPTED_CALLS = 20_000
ENTRY = 0x4000_0000


def program(calls: int, together: bool) -> Program:
    """Queries, refusals, and cores that are turned off and on again; in the same turns, or one after another."""
    random = Random(1)
    on, off, info = CPU_ON.fid64 or 0, CPU_OFF.fid32 or 0, AFFINITY_INFO.fid64 or 0
    queries = (
        lambda: (info, (random.randrange(CORES), 0)),
        lambda: (PSCI_VERSION.fid32 or 0, ()),
        lambda: (PSCI_FEATURES.fid32 or 0, (on,)),
        lambda: (on, (random.randrange(CORES + 1), EntrySlot(0), random.getrandbits(64))),
    )
    steps: list[ProgramStep] = [CallStep(turn=0, cpu=0, fn=on, args=(n, EntrySlot(n), n)) for n in range(1, CORES)]
    for turn in range(1, calls // CORES):
        for core in range(CORES):
            # The last core goes off now and then, and any other one's CPU_ON brings it back.
            stops = core == CORES - 1 and turn % 8 == 0
            fn, args = (off, ()) if stops else random.choice(queries)()
            steps.append(CallStep(turn=turn if together else turn * CORES + core, cpu=core, fn=fn, args=args))
    return Program(cpus=CORES, lives=(tuple(steps),))


def trace(calls: int, together: bool) -> tuple[Event, ...]:
    """What the reference implementation does with it."""
    peer = ModelPeer(seed=1 if together else None, profile={"unusable": [], "policy_denies": [], "disabled": []})
    (events,) = peer.run([program(calls, together)])
    return events


def seconds_of_an_event(events: tuple[Event, ...], repeat: int = 3) -> tuple[float, int]:
    """The best of some runs, in seconds of processor time, and the largest number of explanations."""
    machine, *rest = events
    assert isinstance(machine, MachineEvent)
    best, widest, checker = float("inf"), 0, None
    for _ in range(repeat):
        checker = Checker(machine, like=checker, detail=LEAST)
        start = time.process_time()
        for group in groups(rest):
            checker.feed_together(group)
        best = min(best, (time.process_time() - start) / len(rest))
        widest = checker.report.widest
        assert not checker.report.findings
    return best, widest


def seconds_of_an_accepted_call(machine: MachineEvent) -> float:
    """The time of a CPU_ON that the stepper accepts, on the same machine."""
    stepper = Checker(machine).stepper
    state = stepper.initial()
    call = Invocation(0, CPU_ON.fid64 or 0, CORES - 1, ENTRY, 42)
    assert any(outcome.value == 0 for outcome in stepper.allowed(state, call).outcomes)
    runs = timeit.repeat(lambda: stepper.allowed(state, call), number=ACCEPTED_CALLS, repeat=5, timer=time.process_time)
    return min(runs) / ACCEPTED_CALLS


def endless() -> Iterator[Event]:
    """Cores that are turned on and off again, each time with another context, and looked at."""
    on, off, info = CPU_ON.fid64 or 0, CPU_OFF.fid32 or 0, AFFINITY_INFO.fid64 or 0
    context = 0
    while True:
        for core in range(1, CORES):
            context += 1
            yield CallEvent(cpu=0, fn=on, args=(core, ENTRY, context))
            yield ReturnEvent(cpu=0, x0=0)
            yield EnterEvent(cpu=core, pc=ENTRY, x0=context)
            yield CallEvent(cpu=core, fn=off)
            yield CallEvent(cpu=0, fn=info, args=(core, 0))
            yield ReturnEvent(cpu=0, x0=1)


def stream(count: int) -> None:
    """Judge a long trace as it is made."""
    checker = Checker(MachineEvent(psci="1.3", cpus=tuple(range(CORES))), detail=LEAST)
    for place, event in enumerate(islice(endless(), count)):
        checker.feed(event)
        if place == count // 10:
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    late = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(
        f"a stream of {count:,} events: {checker.report.verdict.value}; {early} MB after a tenth of it, "
        f"{late} MB at the end"
    )


def main() -> None:
    """Measure both kinds of trace and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    parser.add_argument("--calls", type=int, default=8_000)
    parser.add_argument("--stream", type=int, help="judge a stream of so many events")
    arguments = parser.parse_args()
    found = {}
    for name, goal in GOALS.items():
        events = trace(arguments.calls, together=name == "overlapping")
        machine = events[0]
        assert isinstance(machine, MachineEvent)
        event, widest = seconds_of_an_event(events)
        call = seconds_of_an_accepted_call(machine)
        found[name] = {
            "events": len(events), "events_per_second": round(1 / event), "stepper_calls_per_second": round(1 / call),
            "ratio": round(event / call, 2), "goal": goal, "widest": widest,
        }  # fmt: skip
        print(
            f"{name}: {1 / event:,.0f} events/s; the stepper {1 / call:,.0f} accepted calls/s; an event costs "
            f"{event / call:.2f} of them (goal {goal}); {widest} explanations at most"
        )
    if arguments.stream:
        stream(arguments.stream)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
