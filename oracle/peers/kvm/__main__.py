"""A demonstration for developers: run a small program on a KVM and print its trace."""

from __future__ import annotations

import argparse
import sys
import time

from psci.host.requirements import CannotRun
from psci.oracle.peers.kvm.adapter import peer
from psci.oracle.peers.program import CallStep, EntrySlot, ObserveStep, PauseStep, Program, WakeStep
from psci.oracle.peers.qemu.__main__ import line

DEMO = Program(
    cpus=3,
    lives=(
        (
            CallStep(turn=0, cpu=0, fn=0x8400_0000),
            CallStep(turn=1, cpu=0, fn=0xC400_0003, args=(1, EntrySlot(1), 0x2A)),
            CallStep(turn=2, cpu=0, fn=0xC400_0003, args=(2, EntrySlot(2), 0x2B)),
            CallStep(turn=2, cpu=1, fn=0xC400_0003, args=(2, EntrySlot(3), 0x2C)),
            CallStep(turn=3, cpu=1, fn=0xC400_0001, args=(0, 0, 0)),
            PauseStep(turn=3, cpu=0, microseconds=1000),
            WakeStep(turn=3, cpu=0, target=1),
            CallStep(turn=5, cpu=2, fn=0x8400_0002, returns=False),
            ObserveStep(turn=6, cpu=0, target=2),
            CallStep(turn=6, cpu=0, fn=0xC400_0004, args=(2, 0)),
            CallStep(turn=7, cpu=0, fn=0xC400_0015, args=(1, 0), returns=False),
        ),
        (CallStep(turn=0, cpu=0, fn=0xC400_0012, args=(0, 0), returns=False),),
        (CallStep(turn=0, cpu=0, fn=0x8400_0008, returns=False),),
    ),
)


def main() -> int:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(prog="python -m psci.oracle.peers.kvm", description=__doc__)
    parser.add_argument("peer", nargs="?", default="kvm:latest", help="kvm, kvm:latest or kvm:SERIES")
    parser.add_argument("--kernel", help="an arm64 Image of your own")
    parser.add_argument("--qemu", help="a QEMU of your own")
    chosen = parser.parse_args()
    began = time.monotonic()
    try:
        with peer(chosen.peer, kernel=chosen.kernel, qemu=chosen.qemu) as kvm:
            for trace in kvm.run([DEMO]):
                sys.stdout.writelines(line(event) + "\n" for event in trace)
            sys.stdout.write(f"{kvm.version}: {time.monotonic() - began:.2f} s\n")
    except CannotRun as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
