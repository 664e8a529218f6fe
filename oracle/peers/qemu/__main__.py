"""A demonstration for developers: run a small program on QEMU and print its trace."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from psci.host.requirements import CannotRun
from psci.model.events import Event
from psci.oracle.peers.program import CallStep, EntrySlot, Program, WakeStep
from psci.oracle.peers.qemu.adapter import QemuPeer

DEMO = Program(
    cpus=4,
    lives=(
        (
            CallStep(turn=0, cpu=0, fn=0x8400_0000),
            CallStep(turn=1, cpu=0, fn=0xC400_0003, args=(1, EntrySlot(1), 0x2A)),
            CallStep(turn=2, cpu=0, fn=0xC400_0003, args=(2, EntrySlot(2), 0x2B)),
            CallStep(turn=2, cpu=1, fn=0xC400_0003, args=(2, EntrySlot(3), 0x2C)),
            CallStep(turn=3, cpu=1, fn=0xC400_0001, args=(0, 0, 0), returns=False),
            WakeStep(turn=4, cpu=0, target=1),
            CallStep(turn=5, cpu=2, fn=0x8400_0002, returns=False),
            CallStep(turn=6, cpu=0, fn=0xC400_0004, args=(2, 0)),
            CallStep(turn=7, cpu=0, fn=0x8400_0009, returns=False),
        ),
        (CallStep(turn=0, cpu=0, fn=0x8400_0008, returns=False),),
    ),
)


def line(event: Event) -> str:
    """One event, for a person: its kind, then what is known of it."""
    known = {field.name: getattr(event, field.name) for field in fields(event)}
    shown = {name: value for name, value in known.items() if value is not None and name not in ("t0", "t1")}
    return f"{event.k:8}" + " ".join(f"{name}={_text(value)}" for name, value in shown.items() if value != {})


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, tuple, Mapping)):
        return str(value)
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, tuple):
        return "(" + ", ".join(_text(item) for item in value) + ")"
    return "{" + ", ".join(f"{_text(name)}: {_text(item)}" for name, item in value.items()) + "}"


def main(arguments: list[str]) -> int:
    """Run the demonstration; `smc` as the only argument selects the SMC conduit."""
    began = time.monotonic()
    try:
        with QemuPeer(conduit="smc" if arguments == ["smc"] else "hvc") as peer:
            for trace in peer.run([DEMO]):
                sys.stdout.writelines(line(event) + "\n" for event in trace)
            sys.stdout.write(f"{peer.version}: {time.monotonic() - began:.2f} s\n")
    except CannotRun as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
