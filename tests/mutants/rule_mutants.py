"""Mutants of the rules of a call, and the shipped trace whose judgement each of them changes.

`python tests/mutants/rule_mutants.py` finds a trace for every mutant and writes the table.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from psci.model.events import CallEvent, Event, MachineEvent
from psci.model.language.effects import NOTHING
from psci.model.language.rules import Completion
from psci.model.language.terms import U64, Const
from psci.model.specification import SPECIFICATION, Specification
from psci.oracle import check
from psci.oracle.traces.file import read_trace
from psci.proofs.mutation.mutants import Mutant
from psci.proofs.mutation.mutants import mutants as every_mutant

HERE = Path(__file__).parent
TRACES = HERE.parent / "oracle" / "traces"
TABLE = HERE / "killers.json"
CALLS = ("CPU_ON", "AFFINITY_INFO", "SYSTEM_OFF2")
OPERATORS = frozenset({"drop rule", "negate guard", "change code"})

MANDATORY = "CPU_ON is mandatory in every version, so no machine lacks it"
EQUIVALENT: Mapping[str, str] = {
    "CPU_ON.absent: drop rule": MANDATORY,
    "CPU_ON.absent: change code to INVALID_PARAMETERS": MANDATORY,
}
"""Mutants of rules that every call shares, which change nothing where they stand, and why."""


def mutants(calls: tuple[str, ...] = CALLS) -> Iterator[Mutant]:
    """Every rule of the calls: dropped, with its guard negated, with another code, without its effect, returning."""
    yield from (mutant for mutant in every_mutant() if mutant.owner in calls and mutant.operator in OPERATORS)
    for rule in (rule for call in calls for rule in SPECIFICATION.rules[call]):
        if rule.effect.updates:
            idle = replace(rule, effect=NOTHING)
            yield Mutant(f"{rule.name}: drop effect", "drop effect", rule, idle)
        if rule.completion is not Completion.RETURNS:
            back = replace(rule, completion=Completion.RETURNS, value=Const(0, U64), effect=NOTHING)
            yield Mutant(f"{rule.name}: return", "return", rule, back)


def judgement(events: tuple[Event, ...], specification: Specification = SPECIFICATION) -> list[object]:
    """What the oracle says of a trace: its verdict, and what it blames."""
    report = check(events, specification)
    return [report.verdict.value, *((finding.event, finding.consequential) for finding in report.findings)]


def shipped() -> dict[str, tuple[Event, ...]]:
    """The shipped traces by name."""
    return {path.stem: tuple(read_trace(path)) for path in sorted(TRACES.glob("*.ndjson"))}


def killer(mutant: Mutant, traces: Mapping[str, tuple[Event, ...]], right: Mapping[str, list[object]]) -> str | None:
    """The first trace that is judged otherwise under the wrong rule."""
    words = mutant.owner.lower().replace("_", "-")
    (function,) = (call for call in SPECIFICATION.calls if call.name == mutant.owner)
    # a trace that never makes the call cannot be judged otherwise; 0.1 has ids of its own
    asks = [name for name, events in traces.items() if any(_asks(event, function.ids()) for event in events)]
    for name in sorted(asks, key=lambda trace: (words not in trace, trace)):
        if judgement(traces[name], mutant.specification()) != right[name]:
            return name
    return None


def _asks(event: Event, ids: tuple[int, ...]) -> bool:
    own_ids = isinstance(event, MachineEvent) and event.ids is not None
    return own_ids or (isinstance(event, CallEvent) and event.fn & 0xFFFE_FFFF in ids)


def main() -> int:
    """Find a killer for each mutant and write the table."""
    traces = shipped()
    right = {name: judgement(events) for name, events in traces.items()}
    known = json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.exists() else {}
    table: dict[str, str | None] = {}
    for mutant in mutants():
        name = known.get(mutant.name)
        if name not in traces or judgement(traces[name], mutant.specification()) == right[name]:
            name = killer(mutant, traces, right)
        table[mutant.name] = name
        if name is None and mutant.name not in EQUIVALENT:
            sys.stdout.write(f"{mutant.name}: survives\n")
    TABLE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    killed = sum(name is not None for name in table.values())
    sys.stdout.write(f"{killed} of {len(table)} mutants are killed\n")
    return 0 if {name for name, trace in table.items() if trace is None} == set(EQUIVALENT) else 1


if __name__ == "__main__":
    sys.exit(main())
