"""What the judgement of large machines costs, and how that grows with the number of cores.

`python benchmarks/scale.py [--json FILE]`. Each situation is judged as it is, and with one wrong answer that has to be
found. The exponent is that of the time against the number of cores.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from psci.model.calls.affinity_info import AFFINITY_INFO
from psci.model.calls.cpu_off import CPU_OFF
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.cpu_suspend import CPU_SUSPEND
from psci.model.calls.set_suspend_mode import PSCI_SET_SUSPEND_MODE
from psci.model.calls.system_off import SYSTEM_OFF, SYSTEM_RESET
from psci.model.events import (
    CallEvent,
    EnterEvent,
    Event,
    MachineEvent,
    ObserveEvent,
    ReturnEvent,
    SystemEvent,
    WakeEvent,
)
from psci.model.tables.codes import ALREADY_ON, ON_PENDING
from psci.oracle import Verdict, check

ON, INFO, SUSPEND, OFF = CPU_ON.fid64 or 0, AFFINITY_INFO.fid64 or 0, CPU_SUSPEND.fid64 or 0, SYSTEM_OFF.fid32 or 0
CORE_OFF, MODE, RESET = CPU_OFF.fid32 or 0, PSCI_SET_SUSPEND_MODE.fid32 or 0, SYSTEM_RESET.fid32 or 0
ENTRY = 0x4000_0000
Situation = Callable[[int], list[Event]]


def _word(code: int) -> int:
    return code & ((1 << 64) - 1)


def _running(cores: int, clusters: Sequence[int] | None = None) -> MachineEvent:
    mpidrs = tuple(range(cores))
    if clusters:
        mpidrs = tuple(cluster << 8 | core for cluster, size in enumerate(clusters) for core in range(size))
    return MachineEvent(
        psci="1.3", cpus=mpidrs, topology={"clusters": list(clusters)} if clusters else None,
        initial={"power": {hex(m): "ON" for m in mpidrs}, "activity": {hex(m): "RUNNING" for m in mpidrs}},
    )  # fmt: skip


def parallel_start(cores: int) -> list[Event]:
    """One core starts all others, which are entered late and in another order."""
    machine = MachineEvent(psci="1.1", cpus=tuple(range(cores)))
    events: list[Event] = [machine]
    for core in range(1, cores):
        events += [CallEvent(cpu=0, fn=ON, args=(core, ENTRY, core)), ReturnEvent(cpu=0, x0=0)]
    late = list(range(1, cores))
    Random(1).shuffle(late)
    return [*events, *(EnterEvent(cpu=core, pc=ENTRY, x0=core) for core in late)]


def idle(cores: int) -> list[Event]:
    """All cores are in CPU_SUSPEND, and wake up one after another."""
    machine = _running(cores)
    events: list[Event] = [machine, *(CallEvent(cpu=core, fn=SUSPEND, args=(0, 0, 0)) for core in range(cores))]
    for core in range(cores):
        events += [WakeEvent(cpu=core), ReturnEvent(cpu=core, x0=0)]
    return events


def two_clusters_suspend(cores: int) -> list[Event]:
    """The cores of two clusters suspend to powerdown, and are woken one after another."""
    machine = _running(cores, (cores // 2, cores - cores // 2))
    events: list[Event] = [machine]
    events += [CallEvent(cpu=mpidr, fn=SUSPEND, args=(0x0101_0000, ENTRY, mpidr)) for mpidr in machine.cpus]
    for mpidr in machine.cpus:
        events += [WakeEvent(cpu=mpidr), EnterEvent(cpu=mpidr, pc=ENTRY, x0=mpidr)]
    return events


def race(cores: int) -> list[Event]:
    """Half of the cores race to start one target, the others each start one of their own; answers come in any order."""
    callers = cores // 2
    machine = _running(2 * callers + callers + 1)
    on = set(range(2 * callers))
    assert machine.initial is not None
    initial = {name: {hex(core): state for core in on} for name, state in (("power", "ON"), ("activity", "RUNNING"))}
    target = 2 * callers
    events: list[Event] = [replace(machine, initial=initial)]
    events += [CallEvent(cpu=core, fn=ON, args=(target, ENTRY, core)) for core in range(callers)]
    events += [CallEvent(cpu=callers + n, fn=ON, args=(target + 1 + n, ENTRY, n)) for n in range(callers)]
    answers: list[Event] = [
        ReturnEvent(cpu=core, x0=_word(ON_PENDING.number if core % 2 else ALREADY_ON.number))
        for core in range(1, callers)
    ]
    answers += [ReturnEvent(cpu=callers + n, x0=0) for n in range(callers)]
    answers.append(ReturnEvent(cpu=0, x0=0))
    Random(1).shuffle(answers)
    return [*events, *answers, EnterEvent(cpu=target, pc=ENTRY, x0=0)]


def overlapping_intervals(cores: int) -> list[Event]:
    """As many queries as there are cores, of which nobody knows which came first."""
    machine = _running(cores)
    events: list[Event] = [machine]
    for core in range(cores):
        events.append(CallEvent(cpu=core, fn=INFO, args=((core + 1) % cores, 0), t0=0, t1=1000))
        events.append(ReturnEvent(cpu=core, x0=0, t0=0, t1=1000))
    return events


def system_off(cores: int) -> list[Event]:
    """The system goes off while all cores run, each of which may stop at its own time."""
    machine = _running(cores)
    looks = [CallEvent(cpu=core, fn=INFO, args=(0, 0)) for core in range(1, cores, 2)]
    return [
        machine,
        *looks,
        CallEvent(cpu=0, fn=OFF),
        SystemEvent(event="off"),
        ObserveEvent(cpu=0, power="off", source="host"),
    ]


def clusters_polled(cores: int) -> list[Event]:
    """A cluster is asked for while all its cores start."""
    machine = MachineEvent(psci="1.1", cpus=tuple(range(cores)))
    events: list[Event] = [machine]
    for core in range(1, cores):
        events += [CallEvent(cpu=0, fn=ON, args=(core, ENTRY, core)), ReturnEvent(cpu=0, x0=0)]
    return [*events, CallEvent(cpu=0, fn=INFO, args=(0, 1)), ReturnEvent(cpu=0, x0=0)]


def woken_at_once(cores: int) -> list[Event]:
    """All cores are in CPU_SUSPEND, all are woken, and then they return; at the end the system is reset."""
    events: list[Event] = [_running(cores), *(CallEvent(cpu=core, fn=SUSPEND, args=(0, 0, 0)) for core in range(cores))]
    events += [WakeEvent(cpu=core) for core in range(cores)]
    events += [ReturnEvent(cpu=core, x0=0) for core in range(cores)]
    return [*events, CallEvent(cpu=0, fn=RESET), SystemEvent(event="reset")]


def all_turn_the_system_off(cores: int) -> list[Event]:
    """Every core calls SYSTEM_OFF, and the system goes off once."""
    return [_running(cores), *(CallEvent(cpu=core, fn=OFF) for core in range(cores)), SystemEvent(event="off")]


def polled_while_going_off(cores: int) -> list[Event]:
    """Half of the cores ask for the others, which turn themselves off meanwhile."""
    half = cores // 2
    events: list[Event] = [_running(cores)]
    events += [CallEvent(cpu=core, fn=INFO, args=(half + core, 0)) for core in range(half)]
    events += [CallEvent(cpu=half + core, fn=CORE_OFF) for core in range(half)]
    events += [ReturnEvent(cpu=core, x0=core % 2) for core in range(half)]
    for core in range(half):
        events += [CallEvent(cpu=core, fn=INFO, args=(half + core, 0)), ReturnEvent(cpu=core, x0=1)]
    return events


def os_initiated(cores: int) -> list[Event]:
    """The cores of two clusters suspend in OS-initiated mode, in states that nobody declared, and wake up in turn."""
    machine = _running(cores, (cores // 2, cores - cores // 2))
    events: list[Event] = [machine, CallEvent(cpu=0, fn=MODE, args=(1,)), ReturnEvent(cpu=0, x0=0)]
    states = (0x0, 0x1_0000, 0x101_0000, 0x1)
    for place, mpidr in enumerate(machine.cpus):
        events.append(CallEvent(cpu=mpidr, fn=SUSPEND, args=(states[place % 4], ENTRY, place)))
    for place, mpidr in enumerate(machine.cpus):
        woken = EnterEvent(cpu=mpidr, pc=ENTRY, x0=place) if place % 4 in (1, 2) else ReturnEvent(cpu=mpidr, x0=0)
        events += [WakeEvent(cpu=mpidr), woken]
    return events


def plugged_in_turn(cores: int) -> list[Event]:
    """All cores but one are turned on, off, and looked at, twice; nothing is declared."""
    others = range(1, cores)
    events: list[Event] = [MachineEvent(psci="1.1", cpus=tuple(range(cores)))]
    for _ in range(2):
        for core in others:
            events += [CallEvent(cpu=0, fn=ON, args=(core, ENTRY, core)), ReturnEvent(cpu=0, x0=0)]
        events += [EnterEvent(cpu=core, pc=ENTRY, x0=core) for core in others]
        events += [CallEvent(cpu=core, fn=CORE_OFF) for core in others]
        for core in others:
            events += [CallEvent(cpu=0, fn=INFO, args=(core, 0)), ReturnEvent(cpu=0, x0=1)]
    return events


SITUATIONS: dict[Situation, tuple[int, ...]] = {
    parallel_start: (28, 56, 112),
    idle: (16, 32, 64),
    two_clusters_suspend: (8, 16, 32),
    race: (16, 32, 64),
    overlapping_intervals: (4, 8, 16),
    system_off: (16, 32, 64),
    clusters_polled: (16, 32, 64),
    woken_at_once: (16, 32, 64),
    all_turn_the_system_off: (16, 32, 64),
    polled_while_going_off: (12, 24, 48),
    os_initiated: (8, 16, 32),
    plugged_in_turn: (16, 32, 64),
}


def spoiled(events: Sequence[Event]) -> list[Event]:
    """The same with a wrong answer, entry or system event near the end."""
    found = list(events)
    for place in reversed(range(len(found))):
        event = found[place]
        if isinstance(event, EnterEvent):
            found[place] = replace(event, pc=event.pc + 4)
            return found
        if isinstance(event, SystemEvent):
            found[place] = replace(event, event="off" if event.event == "reset" else "reset")
            return found
        if isinstance(event, ReturnEvent):
            found[place] = replace(event, x0=7)
            return found
    raise AssertionError("nothing to spoil")


def judged(events: Sequence[Event]) -> tuple[float, int, Verdict]:
    """The time of a judgement, the explanations that were held, and the verdict."""
    start = time.process_time()
    report = check(list(events))
    return time.process_time() - start, report.widest, report.verdict


def rows() -> Iterator[dict[str, object]]:
    """The figures of each situation."""
    for situation, sizes in SITUATIONS.items():
        times = []
        for cores in sizes:
            events = situation(cores)
            seconds, widest, verdict = judged(events)
            wrong_seconds, _, wrong = judged(spoiled(events))
            times.append(seconds)
            yield {
                "situation": situation.__name__, "cores": cores, "events": len(events), "seconds": round(seconds, 3),
                "explanations": widest, "verdict": verdict.value, "wrong": wrong.value,
                "wrong_seconds": round(wrong_seconds, 3),
                "exponent": round(math.log(times[-1] / times[0]) / math.log(cores / sizes[0]), 2)
                if len(times) == len(sizes) else None,
            }  # fmt: skip


def main() -> None:
    """Judge all situations and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    arguments = parser.parse_args()
    found = []
    for row in rows():
        found.append(row)
        power = "" if row["exponent"] is None else f"; time grows with cores to the power of {row['exponent']}"
        print(
            f"{row['situation']}, {row['cores']} cores: {row['verdict']} in {row['seconds']} s, at most "
            f"{row['explanations']} explanations; with a wrong event {row['wrong']} in {row['wrong_seconds']} s{power}",
            flush=True,
        )
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
