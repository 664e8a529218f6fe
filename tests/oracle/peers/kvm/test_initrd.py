"""The archive of the emulated host holds what it must, and is made once for each content."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from psci.host.requirements import Missing
from psci.oracle.peers.kvm import initrd
from psci.oracle.peers.kvm.initrd import ArchiveEntry, archive, build, needed


def unpack(data: bytes) -> dict[str, tuple[int, bytes, tuple[int, int]]]:
    """Read a newc archive: mode, content and device by path, in order."""
    found: dict[str, tuple[int, bytes, tuple[int, int]]] = {}
    at = 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        name = data[at + 110 : at + 110 + fields[11] - 1].decode()
        start = at + -(-(110 + fields[11]) // 4) * 4
        if name == "TRAILER!!!":
            assert len(data) == start
            return found
        found[name] = (fields[1], data[start : start + fields[6]], (fields[9], fields[10]))
        at = start + -(-fields[6] // 4) * 4


def test_every_folder_comes_before_what_is_in_it() -> None:
    data = archive([
        ArchiveEntry("dev/console", 0o020600, device=(5, 1)),
        ArchiveEntry("a/b/c", 0o100644, b"hello"),
        ArchiveEntry("a/b/d", 0o100755, b""),
        ArchiveEntry("init", 0o100755, b"#!"),
    ])  # fmt: skip
    assert list(unpack(data).items()) == [
        ("dev", (0o040755, b"", (0, 0))),
        ("dev/console", (0o020600, b"", (5, 1))),
        ("a", (0o040755, b"", (0, 0))),
        ("a/b", (0o040755, b"", (0, 0))),
        ("a/b/c", (0o100644, b"hello", (0, 0))),
        ("a/b/d", (0o100755, b"", (0, 0))),
        ("init", (0o100755, b"#!", (0, 0))),
    ]


def test_an_elf_file_tells_the_libraries_it_needs() -> None:
    program = Path("/bin/ls").read_bytes()
    if program[:6] != b"\x7fELF\x02\x01":
        pytest.skip("this machine's programs are not 64-bit little-endian ELF files")
    assert "libc.so.6" in needed(program)


def test_what_is_no_elf_file_is_refused() -> None:
    with pytest.raises(Missing, match="not a 64-bit ELF file"):
        needed(b"#!/bin/sh\n")


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the shape of unpacked packages; every program in it needs libc."""
    root = tmp_path / "python-arm64"
    library = root / "usr/lib/python3.99"
    files = (
        "usr/bin/python3.99", "usr/lib/aarch64-linux-gnu/libc.so.6", "usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1",
        "usr/lib/python3.99/struct.py", "usr/lib/python3.99/json/decoder.py", "usr/lib/python3.99/test/test_x.py",
        "usr/lib/python3.99/lib-dynload/_ctypes.cpython-399.so", "usr/lib/python3.99/lib-dynload/_ssl.cpython-399.so",
        "usr/share/doc/python3.99/README.py",
    )  # fmt: skip
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    (library / "sitecustomize.py").symlink_to("/nowhere/at/all.py")
    monkeypatch.setattr(initrd, "needed", lambda elf: ["libc.so.6"] if b"bin" in elf else [])
    return root


def test_only_what_the_driver_can_import_is_packed(python: Path, tmp_path: Path) -> None:
    driver = tmp_path / "driver.py"
    driver.write_text("pass")
    packed = unpack(build(python, driver, {"0-virtio.ko": b"module"}, cache=tmp_path / "cache").read_bytes())
    assert sorted(name for name, (mode, _, _) in packed.items() if mode >> 12 != 0o04) == [
        "bin/python",
        "dev/console",
        "init",
        "lib/ld-linux-aarch64.so.1",
        "lib/libc.so.6",
        "modules/0-virtio.ko",
        "usr/lib/python3.99/json/decoder.py",
        "usr/lib/python3.99/lib-dynload/_ctypes.cpython-399.so",
        "usr/lib/python3.99/struct.py",
    ]
    assert packed["init"][:2] == (0o100755, b"pass")


def test_the_same_content_is_packed_once(python: Path, tmp_path: Path) -> None:
    driver = tmp_path / "driver.py"
    driver.write_text("pass")
    first = build(python, driver, cache=tmp_path / "cache")
    written = first.stat().st_mtime_ns
    assert build(python, driver, cache=tmp_path / "cache") == first
    assert first.stat().st_mtime_ns == written
    driver.write_text("pass  # changed")
    assert build(python, driver, cache=tmp_path / "cache") != first


def test_old_archives_are_forgotten(python: Path, tmp_path: Path) -> None:
    driver = tmp_path / "driver.py"
    for number in range(12):
        driver.write_text(f"pass  # {number}")
        newest = build(python, driver, cache=tmp_path / "cache")
        os.utime(newest, (number, number))
    assert len(list((tmp_path / "cache").iterdir())) == initrd._KEPT
    assert newest.exists()


def test_a_library_that_is_missing_is_named(python: Path, tmp_path: Path) -> None:
    (python / "usr/lib/aarch64-linux-gnu/libc.so.6").unlink()
    with pytest.raises(Missing, match=r"python3\.99 needs libc\.so\.6, which none of the packages in .* holds"):
        build(python, Path(sys.executable), cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_folder_without_python_is_named(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"holds no usr/bin/python3\.N"):
        build(tmp_path, Path(sys.executable), cache=tmp_path / "cache")
