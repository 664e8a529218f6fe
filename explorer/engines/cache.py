"""What is kept from one run to the next."""

from __future__ import annotations

import contextlib
import os
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from psci.host.files import write_whole


def cache_folder() -> Path:
    """Where programs and interrupted searches are kept."""
    root = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(root) if root else Path.home() / ".cache") / "psci" / "explorer"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep_diagram(manager: Any, diagram: Any, path: Path) -> None:
    """Write a decision diagram to a file, with the digest of what is in it.

    dd works in a folder of the working directory, which may be read-only, or hold what a killed run has left there.
    """
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        manager.dump("diagram.json", [diagram])
        content = Path("diagram.json").read_bytes()
    write_whole(path, _digest(content) + b"\n" + content)


def kept_diagram(manager: Any, path: Path) -> Any:
    """The decision diagram in a file, which is taken away; None where there is none, or a damaged one."""
    if not path.is_file():
        return None
    digest, _, content = path.read_bytes().partition(b"\n")
    path.unlink()
    if digest != _digest(content):
        return None
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        Path("diagram.json").write_bytes(content)
        (diagram,) = manager.load("diagram.json")
    return diagram


def _digest(content: bytes) -> bytes:
    return sha256(content).hexdigest().encode()
