"""What an implementation says of itself when it is asked: the functions it has, and the format of its power states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psci.model.calls import CALLS
from psci.model.events import Call, Event, Return
from psci.oracle.program import CallStep, Program

PSCI_FEATURES = 0x8400_000A
CPU_SUSPEND = 0x8400_0001
SMCCC_VERSION = 0x8000_0000
EXTENDED_FORMAT = 0b10
OS_INITIATED = 0b01


def questions(cpus: int, psci: str | None = None, options: Mapping[str, str] | None = None) -> Program:
    """A program that asks PSCI_FEATURES about every function (RET-5, FEAT-2)."""
    asked = [SMCCC_VERSION, *(fid for call in CALLS for fid in call.ids())]
    steps = [CallStep(turn=turn, cpu=0, fn=PSCI_FEATURES, args=(fid,)) for turn, fid in enumerate(asked)]
    return Program(cpus=cpus, lives=(tuple(steps),), psci=psci, options=dict(options or {}))


def inferred(trace: Sequence[Event]) -> dict[str, Any]:
    """The fields of a profile that the answers to `questions` tell; none before 1.0, which has no PSCI_FEATURES."""
    answers: dict[int, int] = {}
    asked = None
    for event in trace:
        match event:
            case Call(fn=fn, args=args):
                asked = args[0] if fn == PSCI_FEATURES and args else None
            case Return(x0=x0) if asked is not None:
                answers[asked] = x0 & 0xFFFF_FFFF
    if answers.get(PSCI_FEATURES, 1 << 31) >> 31:
        return {}
    names = {fid: call.name for call in CALLS if call.optional for fid in call.ids()[:1]}
    names[SMCCC_VERSION] = "SMCCC_VERSION"
    functions = {name: not answers[fid] >> 31 for fid, name in names.items() if fid in answers}
    flags = answers.get(CPU_SUSPEND, 0)
    return {
        "functions": functions,
        "power_state_format": "extended" if flags & EXTENDED_FORMAT else "original",
        "os_initiated": bool(flags & OS_INITIATED),
    }
