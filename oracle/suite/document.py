"""A suite as the JSON document of docs/how-to/use-the-suite.md (schema: psci/cli/schemas/suite.json)."""

from __future__ import annotations

from typing import Any

from psci.oracle.peers.program import EntrySlot
from psci.oracle.suite.sequences import (
    CoreName,
    Suite,
    SuiteArgument,
    SuiteAwait,
    SuiteBoot,
    SuiteCall,
    SuiteStep,
    SuiteSystem,
    SuiteWake,
)
from psci.oracle.traces.file import as_json

FORMAT = 1


def document(suite: Suite) -> dict[str, Any]:
    """The JSON document of a suite: words are in hex, cores are indices."""
    return {
        "kind": "psci suite",
        "format": FORMAT,
        "psci": suite.machine.version.name,
        "machine": as_json(suite.event),
        "sequences": [
            {
                "name": sequence.name,
                "covers": sorted(sequence.covers),
                "steps": [step_document(step) for step in sequence.steps],
            }
            for sequence in suite.sequences
        ],
        "covered": {goal: list(names) for goal, names in suite.covered.items()},
        "unreached": list(suite.unreached),
    }


def step_document(step: SuiteStep) -> dict[str, Any]:
    """One step."""
    match step:
        case SuiteCall():
            return {
                "do": "call",
                "cpu": step.cpu,
                "function": step.function,
                "fn": f"{step.fn:#010x}",
                "args": [_argument(argument) for argument in step.args],
                "bits": 64 if step.wide else 32,
                "answers": [
                    {
                        "how": answer.how,
                        "value": None if answer.value is None else hex(answer.value),
                        "text": answer.text,
                        "rules": list(answer.rules),
                    }
                    for answer in step.answers
                ],
                "goes_on": step.goes_on,
            }
        case SuiteWake(cpu=cpu, by=by):
            return {"do": "wake", "cpu": cpu, "by": by}
        case SuiteAwait(cpu=cpu, returns=returns, entries=entries):
            return {
                "do": "await",
                "cpu": cpu,
                "returns": None if returns is None else hex(returns),
                "entries": [{"entry": slot.slot, "context": hex(context)} for slot, context in entries],
            }
        case SuiteSystem(events=events):
            return {"do": "system", "events": list(events)}
        case SuiteBoot(cause=cause):
            return {"do": "boot", "cause": cause}


def _argument(argument: SuiteArgument) -> Any:
    match argument:
        case CoreName(index=index):
            return {"core": index}
        case EntrySlot(slot=slot):
            return {"entry": slot}
    return hex(argument)


__all__ = ["FORMAT", "document", "step_document"]
