"""A QEMU that logs what it is asked to run: a program in front of the real one, which the peer `qemu` is given."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from psci.host.packages import Packages
from psci.host.qemu import qemu_version
from psci.host.requirements import Missing
from psci.model.events import Event
from psci.oracle.peers.emulated.board import BoardLimits
from psci.oracle.peers.emulated.family import QEMU
from psci.oracle.peers.program import Program
from psci.oracle.peers.qemu.__main__ import DEMO
from psci.oracle.peers.qemu.adapter import RAM_BASE, QemuPeer
from psci.oracle.peers.stub import build, layout

HVC = bytes.fromhex("020000d4")
IMAGE = RAM_BASE + layout.TEXT_OFFSET
PATIENCE = 20
"""A QEMU that logs each instruction is slow."""


def run_logged(program: Program, log: Path, folder: Path) -> tuple[Event, ...]:
    """The trace of a program as the peer saw it, while QEMU wrote `log`.

    Raises:
        Missing: QEMU, or what builds the stub, is not on this machine.
    """
    packages = Packages()
    real = packages.find(QEMU)
    if real is None:
        raise Missing(f"{QEMU} is not on this machine: run `psci peers install`")
    image = build.image(packages.find)
    conduit = IMAGE + image.read_bytes().index(HVC)
    wanted = f"{conduit:#x}+8,{IMAGE + layout.SLOTS_OFFSET:#x}+0x100"
    logging = ["-d", "int,exec,cpu,nochain,cpu_reset", "-dfilter", wanted, "-D", str(log)]
    major, minor = (int(part) for part in qemu_version(real).split()[3].split(".")[:2])
    if (major, minor) < (8, 1):
        arguments, change = ["-singlestep", *logging], ""
    else:
        arguments, change = logging, "s/^tcg\\b/tcg,one-insn-per-tb=on/"
    front = folder / "qemu"
    front.write_text(
        "#!/bin/bash\n"
        f'a=()\nfor w in "$@"; do a+=("$(sed {shlex.quote(change)} <<<"$w")"); done\n'
        f'exec {shlex.quote(str(real))} "${{a[@]}}" {shlex.join(arguments)}\n',
        encoding="utf-8",
    )
    front.chmod(0o755)
    with QemuPeer(qemu=front, image=image, psci="1.1", limits=BoardLimits().times(PATIENCE)) as peer:
        return next(iter(peer.run([program])))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    run_logged(DEMO, target, Path(sys.argv[1]).resolve().parent)
