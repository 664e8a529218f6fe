"""Fetch what the peers need from Debian's suites without installing any of it.

Packages are downloaded through a private apt root (`apt.py`), unpacked beside each other in the user's cache folder and
never configured. No package version is named here: what the suites hold now is asked.

    <cache>/apt/SUITE-ARCH/          lists and configuration of one private root
    <cache>/kernels/NAME_VERSION/    vmlinuz of one kernel, and the modules that its console needs
    <cache>/images/NAME_VERSION/     a hypervisor, or firmware
    <cache>/trees/LABEL-DIGEST/      unpacked packages; host programs have a launcher in launch/
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from psci.host.apt import EVERY_SUITE, SUITES, AptRoot, ask, install_on_host, own_suite, run
from psci.host.archives import Keep, Kept, take
from psci.host.files import cache_folder, fill_folder, locked
from psci.host.kernels import Kernel, KernelPackage, kernel_file, kernels, numbers
from psci.host.launchers import write_launchers
from psci.host.requirements import Missing, Requirement

_HEAVY = ("libc-gconv-modules-extra", "openssl-provider-legacy")
"""Dependencies of Python that the little host never opens."""

HOST_PROGRAMS = {
    "qemu-system-aarch64": "qemu-system-arm",
    "aarch64-linux-gnu-as": "binutils-aarch64-linux-gnu",
    "aarch64-linux-gnu-ld": "binutils-aarch64-linux-gnu",
    "aarch64-linux-gnu-objcopy": "binutils-aarch64-linux-gnu",
    "dot": "graphviz",
}
"""The programs of this machine that peers and pictures use, and the package that holds each."""
PICTURES = ("dot",)
"""Those of them that no peer needs."""


class Packages:
    """Debian's packages as this machine's mirror offers them.

    Args:
        cache: where to keep what was fetched; default: `cache_folder()`.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self.cache = cache if cache is not None else cache_folder()

    def kernel_packages(self) -> tuple[KernelPackage, ...]:
        """The newest kernel of every series that the suites hold now, newest first.

        Raises:
            Missing: no index can be had.
        """
        found: dict[str, KernelPackage] = {}
        for suite in EVERY_SUITE:
            for kernel in self._kernels(suite):
                found.setdefault(kernel.series, kernel)
        return tuple(sorted(found.values(), key=lambda kernel: numbers(kernel.series), reverse=True))

    def kernel(self, series: str = "latest") -> Kernel:
        """Fetch the newest kernel of a series, or of all, and unpack it.

        Raises:
            Missing: no suite holds that series, or it cannot be fetched.
        """
        package = self._kernel_package(series)
        kept = self.files(package.name, package.suite, kernel_file, "vmlinuz", room="kernels")
        image = kept.folder / "vmlinuz"
        return Kernel(series=package.series, package=kept.package, version=kept.version, image=image)

    def files(self, package: str, suite: str, keep: Keep, needed: str, *, room: str = "images") -> Kept:
        """Fetch a package for arm64, and keep some of its files.

        Args:
            package: its name.
            suite: where it is taken from.
            keep: which of its files are kept, and where.
            needed: the one that must be there.
            room: the folder of the cache; one package is always kept in the same way in it.

        Raises:
            Missing: it cannot be fetched.
        """
        root = self._root(suite, "arm64")
        version = root.version(package)
        folder = self.cache / room / f"{package}_{_file_name(version)}"

        def fill(target: Path) -> None:
            for deb in root.download([package]):
                take(deb, target, keep, needed)

        if not folder.is_dir():
            with locked(self.cache / f"{room}.lock"):
                fill_folder(folder, fill)
        if not (folder / needed).is_file():
            raise Missing(f"{package} {version} holds no {needed}: give the file by hand (--kernel, --firmware)")
        return Kept(package, version, folder)

    def named(self, pattern: str) -> dict[str, tuple[str, str]]:
        """The packages for arm64 whose names fit, as series: (name, suite); each from the newest suite that holds it.

        Args:
            pattern: a regular expression for the name, with a group `series`.
        """
        prefix = re.split(r"[\\(\[]", pattern)[0]
        found: dict[str, tuple[str, str]] = {}
        for suite in EVERY_SUITE:
            for name in self._names(suite, prefix):
                if match := re.fullmatch(pattern, name):
                    found.setdefault(match["series"], (name, suite))
        return _newest_first(found)

    def series_of(
        self, package: str, architecture: str = "arm64", suites: Sequence[str] = EVERY_SUITE
    ) -> dict[str, tuple[str, str]]:
        """The series of a package that suites hold, as series: (name, suite); a series is `11.1` of 1:11.1.3+ds-1."""
        found: dict[str, tuple[str, str]] = {}
        for suite in suites:
            with contextlib.suppress(Missing):
                version = self._root(suite, architecture).version(package).rpartition(":")[2]
                if match := re.match(r"\d+\.\d+", version):
                    found.setdefault(match[0], (package, suite))
        return _newest_first(found)

    def qemu(self, series: str) -> Path:
        """A launcher of the QEMU of a series (`11`, `11.1` or `latest`), fetched into the cache.

        Raises:
            Missing: no suite holds it.
        """
        held = self.qemu_series()
        for name, (_, suite) in held.items():
            if series in {"latest", name} or name.startswith(f"{series}."):
                return self.fetch_program("qemu-system-aarch64", suite)
        raise Missing(f"no suite holds QEMU {series} (there are: {', '.join(held) or 'none'}): give --qemu FILE")

    def qemu_series(self) -> dict[str, tuple[str, str]]:
        """The series of QEMU that the suites hold, newest first."""
        return self.series_of(HOST_PROGRAMS["qemu-system-aarch64"], _own_architecture())

    def python(self, suite: str | None = None) -> Path:
        """Fetch arm64 Python with the libraries it needs; returns the folder that holds usr/.

        Args:
            suite: the suite to take it from; default: one that was used before, else the newest.

        Raises:
            Missing: it cannot be fetched.
        """
        root = self._root(suite or self._used_suite(), "arm64")
        base = root.closure(["python3-minimal"])
        minimal = next((name for name in base if re.fullmatch(r"python3\.\d+-minimal", name)), None)
        if minimal is None:
            raise Missing(f"{root.suite} has no python3-minimal for arm64: give another suite")
        stdlib = f"lib{minimal.removesuffix('-minimal')}-stdlib"
        # ctypes lives in the standard library's package, of whose dependencies it needs only libffi.
        foreign = [name for name in root.depends(stdlib) if re.fullmatch(r"libffi\d+\w*", name)]
        wanted = dict(base) | {name: root.version(name) for name in (stdlib, *foreign)}
        wanted = {name: version for name, version in wanted.items() if name not in _HEAVY}
        return self._tree("python-arm64", root, wanted)

    def _used_suite(self) -> str:
        used = (suite for suite in SUITES if (self.cache / "apt" / f"{suite}-arm64" / "stamp").exists())
        return next(used, SUITES[0])

    def latest_series(self) -> str:
        """The series of the newest kernel of the suites, which is called `latest`.

        Raises:
            Missing: no suite holds one.
        """
        return self._kernel_package("latest").series

    def _kernel_package(self, series: str) -> KernelPackage:
        for suite in SUITES if series == "latest" else EVERY_SUITE:
            for kernel in self._kernels(suite):
                if series in ("latest", kernel.series):
                    return kernel
        have = ", ".join(kernel.series for kernel in self.kernel_packages()) or "none"
        raise Missing(f"no suite holds a kernel {series} for arm64 (there are: {have}): give --kernel FILE")

    def _kernels(self, suite: str) -> tuple[KernelPackage, ...]:
        return kernels(self._names(suite, "linux-"), suite)

    def _names(self, suite: str, prefix: str) -> list[str]:
        if suite in SUITES:
            return self._root(suite, "arm64").names(prefix)
        # A mirror need not carry the oldest suite or experimental.
        with contextlib.suppress(Missing):
            return self._root(suite, "arm64").names(prefix)
        return []

    # --- programs of this machine ------------------------------------------------------------------------

    def find(self, name: str) -> Path | None:
        """The path of a program: on PATH, else one that was fetched before, else None."""
        on_path = shutil.which(name)
        if on_path is not None:
            return Path(on_path)
        # What was fetched from another suite is another version, and used only where it was asked for.
        label = f"{HOST_PROGRAMS.get(name, name)}-{own_suite()}-*"
        launchers = sorted((self.cache / "trees").glob(f"{label}/launch/{name}"), key=lambda path: path.stat().st_mtime)
        return launchers[-1] if launchers else None

    def find_or_fetch(self, name: str) -> Path | None:
        """The path of a program as `program` finds it, or None where it cannot be had."""
        with contextlib.suppress(Missing):
            return self.program(name)
        return None

    def program(self, name: str) -> Path:
        """The path of a program, fetched into the cache if this machine has none.

        Raises:
            Missing: it cannot be had.
        """
        return self.find(name) or self.fetch_program(name)

    def install(self, names: Sequence[str]) -> dict[str, Path]:
        """See to it that programs of `HOST_PROGRAMS` are there: by apt-get where we are root, else in the cache.

        Raises:
            Missing: one of them cannot be had.
        """
        missing = [name for name in names if self.find(name) is None]
        if missing and os.geteuid() == 0 and shutil.which("apt-get"):
            with contextlib.suppress(Missing):
                install_on_host(sorted({HOST_PROGRAMS[name] for name in missing}))
        return {name: self.program(name) for name in names}

    def fetch_program(self, name: str, suite: str | None = None) -> Path:
        """Fetch a program with everything it depends on; returns a launcher that uses its own loader and libraries.

        Args:
            name: a key of `HOST_PROGRAMS`.
            suite: the suite to take it from, for instance one with a newer QEMU; default: this machine's own.

        Raises:
            Missing: it cannot be had.
        """
        package = HOST_PROGRAMS[name]
        root = self._root(suite or own_suite(), _own_architecture())
        tree = self._tree(f"{package}-{root.suite}", root, root.closure([package]))
        launcher = tree / "launch" / name
        if not launcher.is_file():
            raise Missing(f"{package} of {root.suite} does not hold {name}: install {package} by hand")
        if name == "dot" and not list(tree.glob("usr/lib/*/graphviz/config*")):
            run([str(launcher), "-c"], "dot -c")  # what graphviz's installation would do: find its own plugins
        return launcher

    def kernel_requirements(self) -> list[Requirement]:
        """Whether an arm64 kernel and Python were fetched."""
        kernels = sorted(path.parent.name for path in self.cache.glob("kernels/*/vmlinuz"))
        pythons = sorted(path.name for path in self.cache.glob("trees/python-arm64-*"))
        remedy = "run `psci peers install`, or give --kernel FILE"
        return [
            Requirement(what="an arm64 kernel", found=", ".join(kernels) or None, remedy=remedy),
            Requirement(what="Python for arm64", found=pythons[-1] if pythons else None, remedy=remedy),
        ]

    def fetched(self, pattern: str) -> str | None:
        """The newest file of a hypervisor or firmware that was fetched and whose path fits, or None."""
        found = sorted((self.cache / "images").glob(pattern), key=lambda path: numbers(path.parent.name))
        return str(found[-1]) if found else None

    def fetched_qemu(self, series: str = "latest") -> str | None:
        """The newest QEMU of a series that was fetched, or None."""
        package = HOST_PROGRAMS["qemu-system-aarch64"]
        found: list[tuple[tuple[int, ...], str]] = []
        for listed in (self.cache / "trees").glob(f"{package}-*/packages.txt"):
            match = re.search(rf"^{package} (?:\d+:)?(\S+)", listed.read_text(encoding="utf-8"), re.MULTILINE)
            version = match[1] if match else ""
            if series == "latest" or re.match(rf"{re.escape(series)}\b", version):
                found.append((numbers(version), str(listed.parent / "launch" / "qemu-system-aarch64")))
        return max(found)[1] if found else None

    def requirement(self, name: str) -> Requirement:
        """Whether a program of `HOST_PROGRAMS` is there."""
        path = self.find(name)
        remedy = f"run `psci peers install`, or install {HOST_PROGRAMS[name]}"
        return Requirement(what=name, found=str(path) if path else None, remedy=remedy)

    # --- common ------------------------------------------------------------------------------------------

    def _root(self, suite: str, architecture: str) -> AptRoot:
        root = AptRoot(self.cache / "apt" / f"{suite}-{architecture}", suite, architecture)
        root.update()
        return root

    def _tree(self, label: str, root: AptRoot, wanted: dict[str, str]) -> Path:
        content = "\n".join(f"{name} {version}" for name, version in sorted(wanted.items()))
        digest = hashlib.sha256(f"{root.architecture}\n{content}".encode()).hexdigest()[:12]
        folder = self.cache / "trees" / f"{label}-{digest}"

        def fill(target: Path) -> None:
            for deb in root.download([f"{name}={version}" for name, version in wanted.items()]):
                run(["dpkg", "-x", str(deb), str(target)], f"unpacking {deb.name}")
            (target / "packages.txt").write_text(content + "\n", encoding="utf-8")
            write_launchers(target, folder, HOST_PROGRAMS)

        if not folder.is_dir():
            with locked(self.cache / "trees.lock"):
                fill_folder(folder, fill)
        return folder


def _own_architecture() -> str:
    return ask(["dpkg", "--print-architecture"], "dpkg").strip()


def _newest_first(found: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    return dict(sorted(found.items(), key=lambda item: numbers(item[0]), reverse=True))


def _file_name(version: str) -> str:
    return version.replace(":", "%3a").replace("/", "%2f")
