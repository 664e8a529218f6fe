"""Which QEMU a program is."""

from __future__ import annotations

import subprocess
from pathlib import Path

from psci.host.requirements import Missing

_SECONDS = 20


def qemu_version(program: Path) -> str:
    """The first line of `--version`.

    Raises:
        Missing: it is not a program that prints a version of QEMU.
    """
    try:
        done = subprocess.run(
            [str(program), "--version"], capture_output=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{program} --version: {error}") from error
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    if done.returncode != 0 or not lines or not lines[0].startswith("QEMU"):
        raise Missing(f"{program} --version did not answer like QEMU (status {done.returncode})")
    return lines[0].strip()
