"""Assemble the stub into a flat arm64 image, once per content of its sources."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from psci.host.files import cache_folder
from psci.host.packages import HOST_PROGRAMS, PICTURES, Packages
from psci.host.requirements import Missing, Requirement
from psci.oracle.peers.peer import PeerError
from psci.oracle.peers.stub import layout

PREFIX = "aarch64-linux-gnu-"
TOOLS = ("as", "ld", "objcopy")
REMEDY = "run `psci peers install`, or install binutils-aarch64-linux-gnu"
SOURCE = Path(__file__).with_name("stub.S")
_TIME_LIMIT_SECONDS = 60

Finder = Callable[[str], Path | None]
"""Tells where a program is that is not on PATH, given its full name (`aarch64-linux-gnu-as`)."""


def nowhere(name: str) -> Path | None:
    """A finder that knows no program."""
    return None


def image(find: Finder = nowhere, cache: Path | None = None) -> Path:
    """The path of the stub's flat image, built now if this content was never built.

    Args:
        find: asked for a tool that is not on PATH.
        cache: the folder to keep the image in; default: the user's cache folder.

    Raises:
        Missing: the assembler or linker is not on this machine.
        PeerError: the image cannot be built or written.
    """
    include = _include()
    folder = cache if cache is not None else cache_folder() / "stub"
    target = folder / f"stub-{_digest(include)}.bin"
    if target.is_file():
        return target
    tools = {tool: _tool(tool, find) for tool in TOOLS}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".stub-", dir=folder) as scratch:
            _build(tools, include, Path(scratch)).replace(target)
    except OSError as error:
        raise PeerError(f"the stub cannot be built in {folder}: {error.strerror or error}") from error
    return target


def install(packages: Packages) -> None:
    """Fetch the emulator and what assembles the stub, and build it.

    Raises:
        Missing: one of them cannot be had.
        PeerError: the image cannot be built or written.
    """
    packages.install([program for program in HOST_PROGRAMS if program not in PICTURES])
    image(packages.find_or_fetch)


def configured(image: bytes, config: layout.Config) -> bytes:
    """The image with the switches of `config` set, for a loader that needs them."""
    end = layout.CONFIG_OFFSET + 4
    return image[: layout.CONFIG_OFFSET] + config.to_bytes(4, "little") + image[end:]


def requirement(find: Finder = nowhere, cache: Path | None = None) -> Requirement:
    """Whether an image is there or can be built."""
    target = (cache if cache is not None else cache_folder() / "stub") / f"stub-{_digest(_include())}.bin"
    if target.is_file():
        return Requirement(what="stub image", found=str(target), remedy=REMEDY)
    found = [_find(tool, find) for tool in TOOLS]
    there = str(found[0]) if all(found) else None
    return Requirement(what="binutils for aarch64", found=there, remedy=REMEDY)


def _include() -> str:
    return "".join(f".equ {name}, {value:#x}\n" for name, value in sorted(layout.symbols().items()))


def _digest(include: str) -> str:
    return hashlib.sha256(SOURCE.read_bytes() + b"\0" + include.encode()).hexdigest()[:16]


def _find(tool: str, find: Finder) -> Path | None:
    name = PREFIX + tool
    on_path = shutil.which(name)
    return Path(on_path) if on_path else find(name)


def _tool(tool: str, find: Finder) -> Path:
    path = _find(tool, find)
    if path is None:
        raise Missing(f"{PREFIX}{tool} is not on this machine: {REMEDY}")
    return path


def _build(tools: dict[str, Path], include: str, scratch: Path) -> Path:
    (scratch / "layout.inc").write_text(include, encoding="ascii")
    _run(tools["as"], "-I", str(scratch), "-o", str(scratch / "stub.o"), str(SOURCE))
    # Linked at 0 and never relocated: the text is position independent, ld only proves that nothing is undefined.
    _run(tools["ld"], "-Ttext=0", "-e", "_start", "-o", str(scratch / "stub.elf"), str(scratch / "stub.o"))
    _run(tools["objcopy"], "-O", "binary", "-j", ".text", str(scratch / "stub.elf"), str(scratch / "stub.bin"))
    return scratch / "stub.bin"


def _run(tool: Path, *arguments: str) -> None:
    try:
        done = subprocess.run(
            [str(tool), *arguments], capture_output=True, text=True, timeout=_TIME_LIMIT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"{tool.name} did not end within {_TIME_LIMIT_SECONDS} s") from error
    if done.returncode != 0:
        reason = (done.stderr.strip() or "no message").splitlines()
        raise PeerError(f"{tool.name} failed with status {done.returncode}: {'; '.join(reason[:3])}")
