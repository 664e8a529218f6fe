"""Files and folders that appear under their name whole or not at all, and a lock among processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from psci.host.requirements import Missing

_LOCK_SECONDS = 300
_NAME_BYTES = 40
"""How much of a file's name its temporary neighbour carries, so that a long name does not become too long."""


def write_whole(path: Path, content: bytes | str | Iterable[str]) -> None:
    """Write a file so that it appears under its name only when it is complete.

    A device or a pipe is written to as it is: it cannot be replaced.

    Args:
        path: the file; its folder must exist.
        content: bytes, a text, or the parts of a text; texts are written as UTF-8.

    Raises:
        OSError: it cannot be written; nothing is left.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            file.writelines(_encoded(content))
        return
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:_NAME_BYTES]}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(_encoded(content))
        # mkstemp makes files that only their owner can read
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _encoded(content: bytes | str | Iterable[str]) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
    elif isinstance(content, str):
        yield content.encode(errors="replace")  # half a character of a foreign text has no bytes of its own
    else:
        yield from (part.encode(errors="replace") for part in content)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def fill_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder at once, with what `fill` puts in it; if that fails, nothing is left. The caller holds a lock.

    Raises:
        Missing: it cannot be written.
    """
    if folder.exists():
        return  # another process was faster
    scratch = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
        fill(scratch)
        scratch.chmod(0o755)
        scratch.rename(folder)
    except OSError as error:
        raise Missing(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock among all processes that use a cache.

    Raises:
        Missing: the cache cannot be written, or another process holds the lock for too long.
    """
    deadline = time.monotonic() + _LOCK_SECONDS
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        what = f"the cache {path.parent} cannot be written ({error.strerror})"
        raise Missing(f"{what}: set XDG_CACHE_HOME") from error
    with file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Missing(f"another process holds {path}: wait for it, or end it") from None
                time.sleep(0.1)
        yield


def cache_folder() -> Path:
    """The folder in the user's cache that everything fetched or built is kept in."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "psci"


def age(path: Path) -> float:
    """Seconds since a file was changed; infinite where there is none."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")
