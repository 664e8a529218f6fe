"""Some files of a Debian package, without the rest of it."""

from __future__ import annotations

import lzma
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from psci.host.requirements import Missing

Keep = Callable[[str], str | None]
"""Tells where a file is kept, given its path in the package (`boot/vmlinuz-6.1`); None: not at all."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of one package."""

    package: str
    version: str
    folder: Path

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


def take(deb: Path, target: Path, keep: Keep, needed: str) -> None:
    """Unpack the files of a package that `keep` names; what is packed with xz by itself is unpacked too.

    Args:
        deb: the package.
        target: an empty folder.
        keep: which files, and where.
        needed: the one that must be there.

    Raises:
        Missing: the package is damaged, or does not hold what is needed.
    """
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                place = keep(member.name.removeprefix("./")) if member.isfile() else None
                content = archive.extractfile(member) if place else None
                if place and content is not None:
                    (target / place).parent.mkdir(parents=True, exist_ok=True)
                    data = content.read()
                    (target / place).write_bytes(lzma.decompress(data) if member.name.endswith(".xz") else data)
    if process.returncode != 0:
        raise Missing(f"{deb.name} cannot be unpacked (dpkg-deb ended with {process.returncode}): try again")
    if not (target / needed).is_file():
        raise Missing(f"{deb.name} holds no {needed}: give the file by hand (--kernel, --firmware)")
