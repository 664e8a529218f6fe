"""What the stepper costs: the allowed outcomes of one CPU_ON on two clusters of four cores, and the size of a state.

`python benchmarks/stepper.py [FILE.json]` prints the figures and writes them to the file.
"""

from __future__ import annotations

import json
import platform
import sys
import timeit
from pathlib import Path
from typing import Any

from psci.model.language.terms import Value
from psci.model.machine import Key, Machine
from psci.model.power.topology import Topology
from psci.model.step import Invocation, Stepper
from psci.model.tables.versions import V1_3

CLUSTERS = (4, 4)
CPU_ON_64 = 0xC400_0003
ENTRY = 0x4000_0000
CALLS = 20_000
REPEATS = 7
BUDGET_MICROSECONDS = 10.0


def machine() -> Machine:
    """Two clusters of four cores, with everything declared that a CPU_ON asks for."""
    cores = tuple(cluster << 8 | core for cluster, size in enumerate(CLUSTERS) for core in range(size))
    declared: dict[str | Key, Value] = {"policy": "ALLOWS", "checks_upper_halves": False, "disabled": False}
    return Machine(V1_3, cores, topology=Topology.clusters(CLUSTERS), declared=declared, unusable=())


def microseconds(stepper: Stepper, state: Any, call: Invocation) -> float:
    """The time of one `allowed`: the best of several rounds, because whatever else runs here only adds to it."""
    stepper.allowed(state, call)
    return min(timeit.repeat(lambda: stepper.allowed(state, call), number=CALLS, repeat=REPEATS)) / CALLS * 1e6


def bytes_of(state: Any) -> int:
    """The memory of a state by itself: its tuples, and the integers in them that Python does not share."""
    inner = [value for value in state if isinstance(value, tuple)]
    values = [value for row in (state, *inner) for value in row]
    numbers = [value for value in values if type(value) is int and value > 256]
    return sum(map(sys.getsizeof, (state, *inner, *numbers)))


def figures() -> dict[str, Any]:
    """The figures of this machine."""
    stepper = Stepper(machine())
    state = stepper.initial()
    target = stepper.machine.cores[-1]
    accepted = Invocation(0, CPU_ON_64, target, ENTRY, 42)
    refused = Invocation(0, CPU_ON_64, 0xFF, ENTRY, 42)
    after = stepper.allowed(state, accepted).outcomes[-1].state
    return {
        "benchmark": "stepper",
        "topology": list(CLUSTERS),
        "cpu_on_accepted_microseconds": round(microseconds(stepper, state, accepted), 3),
        "cpu_on_refused_microseconds": round(microseconds(stepper, state, refused), 3),
        "budget_microseconds": BUDGET_MICROSECONDS,
        "bytes_of_a_state": bytes_of(after),
        "python": platform.python_version(),
    }


def main() -> None:
    """Print the figures, and write them where the command line says."""
    text = json.dumps(figures(), indent=2)
    print(text)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
