"""The lines that psci and a program under test exchange (docs/exec-protocol.md).

Every line is one JSON object. What the program says are events of the trace format, read as strictly as a trace file,
and two replies of the protocol's own: `machine` to `start`, and `settled` to `settle`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from psci.model.events import EnterEvent, Event, MachineEvent, ObserveEvent, ReturnEvent, SystemEvent
from psci.oracle.traces.file import event_from
from psci.oracle.traces.format import Wrong

PROTOCOL = 1
"""The version of the protocol; within it, kinds and fields are neither added nor changed."""
LONGEST_LINE = 1 << 16
"""Bytes."""
SAYS = (ReturnEvent, EnterEvent, SystemEvent, ObserveEvent)
"""The events that a program says."""
EITHER = "x-either"
"""The field of an `off` by which a program says that it cannot tell a power-off from a hibernation."""


class Settled:
    """The program has nothing left to do by itself."""


def start(cpus: int, psci: str | None) -> bytes:
    """A new machine; the program answers with its `machine` line, and the boot core runs."""
    return _line(k="start", protocol=PROTOCOL, cpus=cpus, **({} if psci is None else {"psci": psci}))


def boot() -> bytes:
    """The machine starts again, whatever it was doing."""
    return _line(k="boot")


def call(cpu: int, fn: int, args: Sequence[int]) -> bytes:
    """A core makes a call."""
    return _line(k="call", cpu=hex(cpu), fn=f"{fn:#010x}", args=[hex(word) for word in args])


def wake(cpu: int) -> bytes:
    """A wakeup event is pending for a core."""
    return _line(k="wake", cpu=hex(cpu))


def observe(cpu: int) -> bytes:
    """What does the outside see of a core?"""
    return _line(k="observe", cpu=hex(cpu))


def settle() -> bytes:
    """Do all that happens without a call, and say `settled`."""
    return _line(k="settle")


def machine_from(line: bytes) -> MachineEvent:
    """The answer to `start`.

    Raises:
        Wrong: it is none; the message says what is wrong.
    """
    value = _object(line)
    if value.pop("protocol", None) != PROTOCOL:
        raise Wrong(f'its `machine` line has no "protocol": {PROTOCOL}, the version that this psci speaks')
    event = event_from({"format": 1, **value})
    if not isinstance(event, MachineEvent):
        raise Wrong(f"its answer to `start` is a `{event.k}` line, and should be its `machine` line")
    return event


def said(line: bytes) -> Event | Settled:
    """What a line of the program says.

    Raises:
        Wrong: nothing that the protocol knows; the message says what is wrong.
    """
    value = _object(line)
    if value.get("k") == "settled":
        return Settled()
    event = event_from(value)
    if isinstance(event, SystemEvent) and event.event == "off" and event.flags is None and not event.extra.get(EITHER):
        # Its own word for hibernation is another one.
        event = replace(event, flags=0)
    if not isinstance(event, SAYS):
        raise Wrong(f"a program does not say `{event.k}`: it says {', '.join(kind.k for kind in SAYS)} and settled")
    return event


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Wrong(f"not a line of JSON ({error})") from None
    if not isinstance(value, dict):
        raise Wrong("not a JSON object")
    return value


def _line(**fields: Any) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


__all__ = [
    "LONGEST_LINE", "PROTOCOL", "Settled", "boot", "call", "machine_from", "observe", "said", "settle", "start", "wake",
]  # fmt: skip
