"""What the families of emulated machines have in common: an emulator, something below the stub, and the stub."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from psci.host.requirements import Missing
from psci.oracle.peers.stub import build

if TYPE_CHECKING:
    from psci.host.packages import Packages
    from psci.oracle.peers.family import Request

QEMU = "qemu-system-aarch64"
REMEDY = f"run `psci peers install`, install qemu-system-arm, or name a {QEMU} with --qemu"


def emulator(request: Request, packages: Packages, *, newest: bool = False) -> Path:
    """The QEMU that emulates the machine: the user's, or this machine's, or the newest of the suites.

    Args:
        request: what the user asked for.
        packages: where programs come from.
        newest: whether this machine's own may lack the board.

    Raises:
        Missing: it cannot be had.
    """
    if request.qemu is None and newest:
        return packages.qemu("latest")
    found = find_qemu(request.qemu, packages.find_or_fetch)
    if found is None:
        raise Missing(f"{request.qemu or QEMU} is not on this machine: {REMEDY}")
    return found


def given(path: str) -> Path:
    """A file that the user named.

    Raises:
        Missing: it cannot be read.
    """
    found = Path(path).absolute()
    if not found.is_file():
        raise Missing(f"{path}: no such file: give --firmware FILE")
    return found


def find_qemu(qemu: str | Path | None, find: build.Finder) -> Path | None:
    """The emulator that was named, or the one on PATH, or what `find` knows."""
    on_path = shutil.which(str(qemu or QEMU))
    if on_path:
        return Path(on_path).absolute()
    return find(QEMU) if qemu is None else None
