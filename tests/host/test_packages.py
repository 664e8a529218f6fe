"""Packages are found, fetched and unpacked; a fake apt stands in for the network."""

from __future__ import annotations

import lzma
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from psci.host import files
from psci.host.files import locked
from psci.host.kernels import KernelPackage, kernels
from psci.host.launchers import write_launchers
from psci.host.packages import HOST_PROGRAMS, Packages
from psci.host.requirements import Missing

SID = (
    "linux-image-7.2.13+deb14-cloud-arm64",
    "linux-image-7.2.13+deb14-cloud-arm64-dbg",
    "linux-headers-7.2.13+deb14-cloud-arm64",
    "linux-binary-7.2.13+deb14-cloud-arm64",
    "linux-binary-unsigned-7.2.13+deb14-cloud-arm64",
    "linux-image-cloud-arm64",
    "linux-binary-7.2.13+deb14-arm64",
    "linux-modules-7.2.13+deb14-cloud-arm64",
)
TRIXIE = (
    "linux-image-6.12.94+deb13-cloud-arm64",
    "linux-image-6.12.107+deb13-cloud-arm64",
    "linux-image-6.12.107+deb13-cloud-arm64-dbg",
    "linux-image-6.12.107+deb13-cloud-arm64-unsigned",
    "linux-image-6.9.1-cloud-arm64",
    "linux-image-cloud-arm64-dbg",
)


def test_the_binary_package_is_preferred_to_the_image_package_that_depends_on_it() -> None:
    assert kernels(SID, "sid") == (KernelPackage("7.2", "linux-binary-7.2.13+deb14-cloud-arm64", "sid"),)


def test_the_newest_kernel_of_each_series_is_taken_by_number_and_not_by_letter() -> None:
    assert kernels(TRIXIE, "trixie") == (
        KernelPackage("6.12", "linux-image-6.12.107+deb13-cloud-arm64", "trixie"),
        KernelPackage("6.9", "linux-image-6.9.1-cloud-arm64", "trixie"),
    )


def test_a_suite_without_kernels_holds_none() -> None:
    assert kernels(["linux-libc-dev", "linux-image-cloud-arm64"], "sid") == ()


FAKE_APT_GET = """#!/bin/sh
case "$*" in
  *indextargets*) cat "$FAKE/targets" ;;
  *update*)
    echo update >> "$FAKE/calls"
    test ! -e "$FAKE/offline" || { echo "W: odd" >&2; echo "E: no route" >&2; exit 100; } ;;
  *download*) echo download >> "$FAKE/calls"; cp "$FAKE"/*.deb . ;;
esac
"""
FAKE_APT_CACHE = """#!/bin/sh
echo "$@" >> "$FAKE/calls"
case "$*" in
  *pkgnames*) cat "$FAKE/names" ;;
  *show*) echo "Package: x"; echo "Version: 1:7.2.13-1" ;;
esac
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose apt answers from files."""
    folder = tmp_path / "fake"
    folder.mkdir()
    for name, text in (("apt-get", FAKE_APT_GET), ("apt-cache", FAKE_APT_CACHE)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "targets").write_text("http://mirror.example/debian bookworm main\n")
    (folder / "names").write_text("\n".join(SID))
    (folder / "calls").write_text("")
    monkeypatch.setenv("FAKE", str(folder))
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def deb(fake: Path, files: dict[str, bytes]) -> None:
    """Make the package that the fake apt has."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("no dpkg-deb")
    root = fake / "content"
    for name, data in {"DEBIAN/control": CONTROL, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    subprocess.run(["dpkg-deb", "--build", str(root), str(fake / "kernel.deb")], check=True, capture_output=True)


CONTROL = (
    b"Package: kernel\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: none\n"
)
MODULE = "usr/lib/modules/7/kernel/drivers"


def test_a_kernel_is_unpacked_with_the_modules_of_its_port_and_nothing_else(fake: Path, tmp_path: Path) -> None:
    deb(fake, {
        "boot/vmlinuz-7.2.13": b"kernel",
        f"{MODULE}/virtio_console.ko.xz": lzma.compress(b"console"),
        f"{MODULE}/virtio.ko": b"virtio",
        f"{MODULE}/ext4.ko": b"ext4",
    })  # fmt: skip
    kernel = Packages(tmp_path / "cache").kernel()
    assert str(kernel) == "linux-binary-7.2.13+deb14-cloud-arm64 1:7.2.13-1"
    assert kernel.series == "7.2"
    assert kernel.image.read_bytes() == b"kernel"
    assert kernel.modules == {"0-virtio.ko": b"virtio", "5-virtio_console.ko": b"console"}
    assert not [path for path in kernel.image.parent.parent.iterdir() if path.name.startswith(".")]


def test_what_is_in_the_cache_is_neither_asked_for_nor_fetched_again(fake: Path, tmp_path: Path) -> None:
    deb(fake, {"boot/vmlinuz-7": b"kernel"})
    first = Packages(tmp_path / "cache").kernel()
    (fake / "calls").write_text("")
    assert Packages(tmp_path / "cache").kernel("7.2") == first
    assert (fake / "calls").read_text() == ""


def test_a_package_without_a_kernel_leaves_nothing_behind(fake: Path, tmp_path: Path) -> None:
    deb(fake, {"boot/readme": b"no kernel"})
    with pytest.raises(Missing, match="holds no vmlinuz: give the file by hand"):
        Packages(tmp_path / "cache").kernel()
    assert list((tmp_path / "cache" / "kernels").iterdir()) == []


@pytest.mark.usefixtures("fake")
def test_a_series_that_no_suite_holds_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"no suite holds a kernel 5\.10 for arm64 \(there are: 7\.2\)"):
        Packages(tmp_path / "cache").kernel("5.10")


def test_without_a_network_and_without_an_index_the_first_error_of_apt_is_told(fake: Path, tmp_path: Path) -> None:
    (fake / "offline").touch()
    with pytest.raises(Missing, match=r"^apt-get update for sid arm64 failed: no route$"):
        Packages(tmp_path / "cache").kernel()


def test_without_a_network_an_old_index_serves(fake: Path, tmp_path: Path) -> None:
    deb(fake, {"boot/vmlinuz-7": b"kernel"})
    cache = Packages(tmp_path / "cache")
    cache.kernel()
    (fake / "offline").touch()
    stamp = tmp_path / "cache" / "apt" / "sid-arm64" / "stamp"
    os.utime(stamp, (1, 1))
    assert cache.kernel().series == "7.2"
    assert (fake / "calls").read_text().split().count("update") == 2


def test_the_mirror_is_the_one_of_this_machine(fake: Path, tmp_path: Path) -> None:
    (fake / "targets").write_text(
        "http://other.example/node nodistro main\n"
        "http://mirror.example/debian-security bookworm-security main\n"
        "http://mirror.example/debian bookworm contrib\n"
        "http://mirror.example/debian bookworm main\n"
    )
    with pytest.raises(Missing):
        Packages(tmp_path / "cache").kernel("1.0")
    source = (tmp_path / "cache" / "apt" / "trixie-arm64" / "sources.list").read_text()
    assert source.startswith("deb [arch=arm64")
    assert source.endswith(" http://mirror.example/debian trixie main\n")


def test_a_machine_without_a_mirror_is_told_what_to_do(fake: Path, tmp_path: Path) -> None:
    (fake / "targets").write_text("")
    with pytest.raises(Missing, match=r"no Debian mirror: give the files by hand"):
        Packages(tmp_path / "cache").kernel()


def test_a_machine_without_apt_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match=r"this machine has no apt-get: give the files by hand"):
        Packages(tmp_path / "cache").kernel()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Missing, match="set XDG_CACHE_HOME"):
        Packages(tmp_path / "file" / "cache").kernel()


def test_two_at_a_time_fetch_once(fake: Path, tmp_path: Path) -> None:
    deb(fake, {"boot/vmlinuz-7": b"kernel"})
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(Packages(tmp_path / "cache").kernel())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert len(set(map(str, results))) == 1
    assert (fake / "calls").read_text().split().count("update") == 1
    assert (fake / "calls").read_text().split().count("download") == 1


def test_a_lock_that_is_never_given_back_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LOCK_SECONDS", 0.2)
    here = tmp_path / "lock"
    with locked(here), pytest.raises(Missing, match="another process holds"), locked(here):
        pass


def test_a_launcher_uses_the_loader_and_libraries_that_came_with_the_program(tmp_path: Path) -> None:
    tree, home = tmp_path / "new", tmp_path / "home"
    for name in ("usr/bin/qemu-system-aarch64", "lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu/libz.so.1"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()
    (tree / "lib64/ld-linux-x86-64.so.2").write_bytes(b"... --argv0 STRING ...")
    (tree / "usr/lib/x86_64-linux-gnu/blas").mkdir()
    (tree / "usr/lib/x86_64-linux-gnu/blas/libblas.so.3").touch()
    write_launchers(tree, home, HOST_PROGRAMS)
    launcher = tree / "launch" / "qemu-system-aarch64"
    assert os.access(launcher, os.X_OK)
    assert launcher.read_text() == (
        "#!/bin/sh\n"
        f'exec "{home}/lib64/ld-linux-x86-64.so.2" --argv0 "qemu-system-aarch64" --library-path'
        f' "{home}/usr/lib:{home}/usr/lib/x86_64-linux-gnu:{home}/usr/lib/x86_64-linux-gnu/blas"'
        f' "{home}/usr/bin/qemu-system-aarch64" -L "{home}/usr/share/qemu" "$@"\n'
    )


@pytest.mark.peer
def test_the_suites_hold_a_kernel_and_a_python_now() -> None:
    try:
        cache = Packages()
        found = cache.kernel_packages()
        python = cache.python()
    except Missing as missing:
        pytest.skip(f"REAL PEER NOT TESTED: {missing}")
    assert found == tuple(sorted(found, key=lambda kernel: tuple(map(int, kernel.series.split("."))), reverse=True))
    assert list(python.glob("usr/bin/python3.*"))
