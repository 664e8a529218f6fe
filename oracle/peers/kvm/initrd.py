"""Build the file system of the emulated host: Python, the few libraries it needs, and the driver as its first program.

The archive is not compressed: unpacking is what would cost time on an emulated machine, and QEMU
copies it into memory for nothing.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from psci.host.files import cache_folder, write_whole
from psci.host.requirements import Missing

_LEFT_OUT = frozenset({
    "__pycache__", "_pyrepl", "asyncio", "config", "curses", "dbm", "distutils", "email", "ensurepip", "html", "http",
    "idlelib", "lib-dynload", "lib2to3", "multiprocessing", "pydoc_data", "sqlite3", "test", "tests", "tkinter",
    "turtledemo", "unittest", "urllib", "venv", "wsgiref", "xml", "xmlrpc", "zoneinfo",
})  # fmt: skip
"""Folders of the standard library that neither the driver nor a handler of forwarded calls imports."""
_EXTENSIONS = ("_ctypes.", "mmap.", "_struct.", "fcntl.", "zlib.", "binascii.", "math.", "_json.", "_random.", "time.")
"""Compiled modules to take along where they are not part of the interpreter."""

_KEPT = 8
"""Archives that are kept; another is made when the driver, Python or the kernel's modules change."""

_DIRECTORY = 0o040755
_PROGRAM = 0o100755
_TEXT = 0o100644
_CHARACTER_DEVICE = 0o020600


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """A file, folder or device of the archive."""

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def archive(nodes: Iterable[ArchiveEntry]) -> bytes:
    """A cpio archive in the format `newc`, with every folder before what is in it."""
    parts: list[bytes] = []
    folders: set[str] = set()
    for node in nodes:
        for folder in reversed(PurePosixPath(node.path).parents):
            if str(folder) not in (".", *folders):
                folders.add(str(folder))
                parts.append(_member(len(parts) + 1, ArchiveEntry(str(folder), _DIRECTORY)))
        parts.append(_member(len(parts) + 1, node))
    parts.append(_member(0, ArchiveEntry("TRAILER!!!", 0)))
    return b"".join(parts)


def _member(number: int, node: ArchiveEntry) -> bytes:
    name = node.path.encode() + b"\0"
    fields = (number, node.mode, 0, 0, 1, 0, len(node.data), 0, 0, *node.device, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return head + bytes(-len(head) % 4) + node.data + bytes(-len(node.data) % 4)


def build(python: Path, driver: Path, modules: Mapping[str, bytes] | None = None, cache: Path | None = None) -> Path:
    """The path of the archive, written now if this content was never written.

    Args:
        python: a folder that holds usr/bin/python3.N and its libraries, for arm64.
        driver: the first program, a Python file.
        modules: kernel modules to load, in the order of their names.
        cache: the folder to keep it in; default: in the user's cache folder.

    Raises:
        Missing: Python is incomplete, or the archive cannot be written.
    """
    folder = cache if cache is not None else cache_folder() / "initrd"
    key = hashlib.sha256(f"{python.name}\0{_fingerprint(python)}\0".encode())
    for data in (Path(__file__).read_bytes(), driver.read_bytes(), *_flat(modules or {})):
        key.update(struct.pack("<Q", len(data)) + data)
    target = folder / f"initrd-{key.hexdigest()[:16]}.cpio"
    if not target.is_file():
        _write(target, archive(_nodes(python, driver, modules or {})))
        _forget_old(folder)
    return target


def _flat(modules: Mapping[str, bytes]) -> Iterator[bytes]:
    for name, data in sorted(modules.items()):
        yield name.encode()
        yield data


def _fingerprint(python: Path) -> str:
    """Names and sizes of the interpreter and its libraries; a tree of packages is never changed once it is there."""
    files = [_interpreter(python), *sorted(python.glob("usr/lib/*-linux-gnu/*.so*"))]
    return " ".join(f"{path.name}:{path.stat().st_size}" for path in files if path.is_file())


def _write(target: Path, data: bytes) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, data)
    except OSError as error:
        raise Missing(f"{target.parent} cannot be written ({error.strerror}): set XDG_CACHE_HOME") from error


def _forget_old(folder: Path) -> None:
    """Remove all but the newest archives; QEMU has read its own by the time it could be missed."""
    for old in sorted(folder.glob("initrd-*.cpio"), key=lambda path: path.stat().st_mtime)[:-_KEPT]:
        old.unlink(missing_ok=True)


def _interpreter(python: Path) -> Path:
    found = sorted(python.glob("usr/bin/python3.[0-9]*"))
    if not found:
        raise Missing(f"{python} holds no usr/bin/python3.N: remove that folder and try again")
    return found[0]


def _nodes(python: Path, driver: Path, modules: Mapping[str, bytes]) -> Iterator[ArchiveEntry]:
    interpreter = _interpreter(python)
    library = python / "usr/lib" / interpreter.name
    extensions = [path for path in sorted(library.glob("lib-dynload/*.so")) if path.name.startswith(_EXTENSIONS)]
    yield ArchiveEntry("dev/console", _CHARACTER_DEVICE, device=(5, 1))
    yield ArchiveEntry("init", _PROGRAM, driver.read_bytes())
    yield ArchiveEntry("bin/python", _PROGRAM, interpreter.read_bytes())
    for name, data in _libraries(python, [interpreter, *extensions]).items():
        yield ArchiveEntry(f"lib/{name}", _PROGRAM, data)
    for path in [*_sources(library), *extensions]:
        yield ArchiveEntry(str(path.relative_to(python)), _TEXT, path.read_bytes())
    for name, data in sorted(modules.items()):
        yield ArchiveEntry(f"modules/{name}", _TEXT, data)


def _sources(library: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(library):
        folders[:] = sorted(name for name in folders if name.split("-")[0] not in _LEFT_OUT and name not in _LEFT_OUT)
        # Debian leaves links to files of /etc in the standard library.
        paths = (Path(folder, name) for name in sorted(names) if name.endswith(".py"))
        yield from (path for path in paths if path.is_file())


def _libraries(python: Path, programs: Sequence[Path]) -> dict[str, bytes]:
    """The shared libraries that `programs` need, and those that these need."""
    patterns = ("usr/lib/*-linux-gnu", "lib/*-linux-gnu", "usr/lib", "lib")
    folders = [path for pattern in patterns for path in python.glob(pattern)]
    found: dict[str, bytes] = {}
    wanted = [(name, path) for path in programs for name in needed(path.read_bytes())]
    wanted.append(("ld-linux-aarch64.so.1", programs[0]))
    while wanted:
        name, by = wanted.pop()
        if name in found:
            continue
        path = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if path is None:
            raise Missing(f"{by.name} needs {name}, which none of the packages in {python} holds")
        found[name] = path.read_bytes()
        wanted += [(other, path) for other in needed(found[name])]
    return dict(sorted(found.items()))


_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NEEDED, _DT_STRTAB = 1, 5


def needed(elf: bytes) -> list[str]:
    """The names of the shared libraries that a 64-bit little-endian ELF file says it needs.

    Raises:
        Missing: it is not such a file.
    """
    if elf[:6] != b"\x7fELF\x02\x01":
        raise Missing("a file of the arm64 Python is not a 64-bit ELF file: remove it from the cache")
    (offset,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    heads = [struct.unpack_from("<IIQQQQ", elf, offset + size * index) for index in range(count)]
    dynamic = next(((head[2], head[5]) for head in heads if head[0] == _PT_DYNAMIC), None)
    if dynamic is None:
        return []
    start, length = dynamic
    entries = [struct.unpack_from("<QQ", elf, start + 16 * index) for index in range(length // 16)]
    table = next(value for tag, value in entries if tag == _DT_STRTAB)
    # The string table's address is one in memory; a loaded segment tells where that is in the file.
    base = next(table - head[3] + head[2] for head in heads if head[0] == _PT_LOAD and 0 <= table - head[3] < head[5])
    strings = [base + value for tag, value in entries if tag == _DT_NEEDED]
    return [elf[at : elf.index(b"\0", at)].decode() for at in strings]
