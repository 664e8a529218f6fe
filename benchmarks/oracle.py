"""How many events a second the oracle judges: calls one after another, and calls of four cores that overlap.

`python benchmarks/oracle.py [--json FILE] [--calls N]`; run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from random import Random

from psci.model.calls.affinity_info import AFFINITY_INFO
from psci.model.calls.cpu_off import CPU_OFF
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.psci_features import PSCI_FEATURES
from psci.model.calls.psci_version import PSCI_VERSION
from psci.model.events import Event, Machine
from psci.oracle.checker.checker import Checker
from psci.oracle.peers.program import CallStep, Entry, Program, Step
from psci.oracle.reference.peer import ModelPeer
from psci.oracle.traces.order import groups

CORES = 4
TARGETS = {"sequential": 50_000, "overlapping": 20_000}
"""Events a second that one quiet core should reach."""


def program(calls: int, together: bool) -> Program:
    """Queries, refusals, and cores that are turned off and on again; in the same turns, or one after another."""
    random = Random(1)
    on, off, info = CPU_ON.fid64 or 0, CPU_OFF.fid32 or 0, AFFINITY_INFO.fid64 or 0
    queries = (
        lambda: (info, (random.randrange(CORES), 0)),
        lambda: (PSCI_VERSION.fid32 or 0, ()),
        lambda: (PSCI_FEATURES.fid32 or 0, (on,)),
        lambda: (on, (random.randrange(CORES + 1), Entry(0), random.getrandbits(64))),
    )
    steps: list[Step] = [CallStep(turn=0, cpu=0, fn=on, args=(n, Entry(n), n)) for n in range(1, CORES)]
    for turn in range(1, calls // CORES):
        for core in range(CORES):
            # The last core goes off now and then, and any other one's CPU_ON brings it back.
            stops = core == CORES - 1 and turn % 8 == 0
            fn, args = (off, ()) if stops else random.choice(queries)()
            steps.append(CallStep(turn=turn if together else turn * CORES + core, cpu=core, fn=fn, args=args))
    return Program(cpus=CORES, lives=(tuple(steps),))


def trace(calls: int, together: bool) -> tuple[Event, ...]:
    """What the reference implementation does with it."""
    peer = ModelPeer(seed=1 if together else None, profile={"unusable": [], "policy_denies": []})
    (events,) = peer.run([program(calls, together)])
    return events


def rate(events: tuple[Event, ...], repeat: int = 3) -> tuple[float, int]:
    """The best of some runs in events a second of processor time, and the largest number of explanations."""
    machine, *rest = events
    assert isinstance(machine, Machine)
    best, widest, stepper = 0.0, 0, None
    for _ in range(repeat):
        checker = Checker(machine, stepper=stepper)
        stepper = checker.stepper
        stepper.learned.clear()
        start = time.process_time()
        for group in groups(rest):
            checker.feed_together(group)
        best = max(best, len(rest) / (time.process_time() - start))
        widest = checker.report.widest
        assert not checker.report.findings
    return best, widest


def main() -> None:
    """Measure both kinds of trace and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    parser.add_argument("--calls", type=int, default=8_000)
    arguments = parser.parse_args()
    found = {}
    for name, target in TARGETS.items():
        events = trace(arguments.calls, together=name == "overlapping")
        reached, widest = rate(events)
        found[name] = {
            "events": len(events), "events_per_second": round(reached), "target": target,
            "ratio": round(reached / target, 2), "widest": widest,
        }  # fmt: skip
        print(f"{name}: {reached:,.0f} events/s, {reached / target:.2f} of the target, {widest} explanations at most")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
