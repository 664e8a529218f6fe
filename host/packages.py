"""Fetch what the peers need from Debian's suites without installing any of it.

A private apt root per suite and architecture lives in the user's cache folder: its own lists, its
own cache, an empty list of installed packages. apt checks signatures as usual; packages are
downloaded, unpacked beside each other and never configured. The address of the mirror is the one
that this machine's apt uses. No package version is named here: what the suites hold now is asked.

    <cache>/apt/SUITE-ARCH/          lists and configuration of one private root
    <cache>/kernels/NAME_VERSION/    vmlinuz of one kernel, and the modules that its console needs
    <cache>/trees/LABEL-DIGEST/      unpacked packages; host programs have a launcher in launch/
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from psci.oracle.peers.peer import PeerMissing, Requirement

SUITES = ("sid", "trixie", "bookworm")
"""Where packages are looked for, newest first."""
INDEX_SECONDS = 24 * 3600
"""How long an index of packages is used before it is asked for again."""

_KERNEL = re.compile(r"linux-(?P<kind>binary|image)-(?P<abi>(?P<series>\d+\.\d+)[0-9a-z.+~-]*)-cloud-arm64")
_URI = re.compile(r"^'[^']+' (?P<file>(?P<name>[a-z0-9.+-]+)_(?P<version>[^_ ]+)_[a-z0-9]+\.deb) \d+")
_KEYRINGS = ("debian-archive-keyring.gpg", "debian-archive-keyring.pgp")
_HEAVY = ("libc-gconv-modules-extra", "openssl-provider-legacy")
"""Dependencies of Python that the little host never opens."""
_PORT_MODULES = (
    "virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_console",
)  # fmt: skip
"""Some kernels have the emulated host's port to the outside as modules; in the order of loading."""
_APT_SECONDS = 240
_LOCK_SECONDS = 300

HOST_PROGRAMS = {
    "qemu-system-aarch64": "qemu-system-arm",
    "aarch64-linux-gnu-as": "binutils-aarch64-linux-gnu",
    "aarch64-linux-gnu-ld": "binutils-aarch64-linux-gnu",
    "aarch64-linux-gnu-objcopy": "binutils-aarch64-linux-gnu",
    "dot": "graphviz",
}
"""The programs of this machine that peers and pictures use, and the package that holds each."""


@dataclass(frozen=True, slots=True)
class KernelPackage:
    """A package that holds an arm64 kernel."""

    series: str
    """The first two numbers of the version, such as 6.12."""
    name: str
    suite: str


@dataclass(frozen=True, slots=True)
class Kernel:
    """An arm64 kernel in the cache."""

    series: str
    package: str
    version: str
    image: Path

    @property
    def modules(self) -> dict[str, bytes]:
        """What the virtio port needs where it is not built in, by a name that sorts in the order of loading."""
        return {path.name: path.read_bytes() for path in sorted(self.image.parent.glob("modules/*.ko"))}

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


def cache_folder() -> Path:
    """The folder in the user's cache that everything fetched is kept in."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "psci"


def kernels(names: Iterable[str], suite: str) -> tuple[KernelPackage, ...]:
    """The newest kernel package of each series among the package `names` of a suite, newest series first."""
    best: dict[str, tuple[tuple[int, ...], bool, str]] = {}
    for name in names:
        match = _KERNEL.fullmatch(name)
        if match is None or match["abi"].endswith(("-unsigned", "-dbg")) or match["abi"].startswith("unsigned"):
            continue
        # Where a series has both kinds, the image package only depends on the binary package.
        rank = (_numbers(match["abi"]), match["kind"] == "binary", name)
        best[match["series"]] = max(rank, best.get(match["series"], ((), False, "")))
    newest_first = sorted(best.items(), key=lambda item: _numbers(item[0]), reverse=True)
    return tuple(KernelPackage(series=series, name=rank[2], suite=suite) for series, rank in newest_first)


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
            PeerMissing: no index can be had.
        """
        found: dict[str, KernelPackage] = {}
        for suite in SUITES:
            for kernel in self._kernels(suite):
                found.setdefault(kernel.series, kernel)
        return tuple(sorted(found.values(), key=lambda kernel: _numbers(kernel.series), reverse=True))

    def kernel(self, series: str = "latest") -> Kernel:
        """Fetch the newest kernel of a series, or of all, and unpack it.

        Raises:
            PeerMissing: no suite holds that series, or it cannot be fetched.
        """
        package = self._kernel_package(series)
        root = self._root(package.suite, "arm64")
        version = root.version(package.name)
        folder = self.cache / "kernels" / f"{package.name}_{_file_name(version)}"
        image = folder / "vmlinuz"

        def fill(target: Path) -> None:
            for deb in root.download([package.name]):
                _take_kernel(deb, target)

        if not image.is_file():
            with _lock(self.cache / "kernels.lock"):
                _fill(folder, fill)
        return Kernel(series=package.series, package=package.name, version=version, image=image)

    def python(self, suite: str | None = None) -> Path:
        """Fetch arm64 Python with the libraries it needs; returns the folder that holds usr/.

        Args:
            suite: the suite to take it from; default: one that was used before, else the newest.

        Raises:
            PeerMissing: it cannot be fetched.
        """
        root = self._root(suite or self._used_suite(), "arm64")
        base = root.closure(["python3-minimal"])
        minimal = next((name for name in base if re.fullmatch(r"python3\.\d+-minimal", name)), None)
        if minimal is None:
            raise PeerMissing(f"{root.suite} has no python3-minimal for arm64: give another suite")
        stdlib = f"lib{minimal.removesuffix('-minimal')}-stdlib"
        # ctypes lives in the standard library's package, of whose dependencies it needs only libffi.
        foreign = [name for name in root.depends(stdlib) if re.fullmatch(r"libffi\d+\w*", name)]
        wanted = dict(base) | {name: root.version(name) for name in (stdlib, *foreign)}
        wanted = {name: version for name, version in wanted.items() if name not in _HEAVY}
        return self._tree("python-arm64", root, wanted)

    def _used_suite(self) -> str:
        used = (suite for suite in SUITES if (self.cache / "apt" / f"{suite}-arm64" / "stamp").exists())
        return next(used, SUITES[0])

    def _kernel_package(self, series: str) -> KernelPackage:
        for suite in SUITES:
            for kernel in self._kernels(suite):
                if series in ("latest", kernel.series):
                    return kernel
        have = ", ".join(kernel.series for kernel in self.kernel_packages()) or "none"
        raise PeerMissing(f"no suite holds a kernel {series} for arm64 (there are: {have}): give --kernel FILE")

    def _kernels(self, suite: str) -> tuple[KernelPackage, ...]:
        return kernels(self._root(suite, "arm64").names("linux-"), suite)

    # --- programs of this machine ------------------------------------------------------------------------

    def find(self, name: str) -> Path | None:
        """The path of a program: on PATH, else one that was fetched before, else None."""
        on_path = shutil.which(name)
        if on_path is not None:
            return Path(on_path)
        launchers = sorted((self.cache / "trees").glob(f"*/launch/{name}"), key=lambda path: path.stat().st_mtime)
        return launchers[-1] if launchers else None

    def find_or_fetch(self, name: str) -> Path | None:
        """The path of a program as `program` finds it, or None where it cannot be had."""
        with contextlib.suppress(PeerMissing):
            return self.program(name)
        return None

    def program(self, name: str) -> Path:
        """The path of a program, fetched into the cache if this machine has none.

        Raises:
            PeerMissing: it cannot be had.
        """
        return self.find(name) or self.fetch_program(name)

    def install(self, names: Sequence[str]) -> dict[str, Path]:
        """See to it that programs of `HOST_PROGRAMS` are there: by apt-get where we are root, else in the cache.

        Raises:
            PeerMissing: one of them cannot be had.
        """
        missing = [name for name in names if self.find(name) is None]
        if missing and os.geteuid() == 0 and shutil.which("apt-get"):
            with contextlib.suppress(PeerMissing):
                _install_on_host(sorted({HOST_PROGRAMS[name] for name in missing}))
        return {name: self.program(name) for name in names}

    def fetch_program(self, name: str, suite: str | None = None) -> Path:
        """Fetch a program with everything it depends on; returns a launcher that uses its own loader and libraries.

        Args:
            name: a key of `HOST_PROGRAMS`.
            suite: the suite to take it from, for instance one with a newer QEMU; default: this machine's own.

        Raises:
            PeerMissing: it cannot be had.
        """
        package = HOST_PROGRAMS[name]
        architecture = _ask(["dpkg", "--print-architecture"], "dpkg").strip()
        root = self._root(suite or _own_suite(), architecture)
        tree = self._tree(f"{package}-{root.suite}", root, root.closure([package]))
        launcher = tree / "launch" / name
        if not launcher.is_file():
            raise PeerMissing(f"{package} of {root.suite} does not hold {name}: install {package} by hand")
        if name == "dot" and not list(tree.glob("usr/lib/*/graphviz/config*")):
            _run([str(launcher), "-c"], "dot -c")  # what graphviz's installation would do: find its own plugins
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

    def requirement(self, name: str) -> Requirement:
        """Whether a program of `HOST_PROGRAMS` is there."""
        path = self.find(name)
        remedy = f"run `psci peers install`, or install {HOST_PROGRAMS[name]}"
        return Requirement(what=name, found=str(path) if path else None, remedy=remedy)

    # --- common ------------------------------------------------------------------------------------------

    def _root(self, suite: str, architecture: str) -> _Root:
        root = _Root(self.cache / "apt" / f"{suite}-{architecture}", suite, architecture)
        root.update()
        return root

    def _tree(self, label: str, root: _Root, wanted: dict[str, str]) -> Path:
        content = "\n".join(f"{name} {version}" for name, version in sorted(wanted.items()))
        digest = hashlib.sha256(f"{root.architecture}\n{content}".encode()).hexdigest()[:12]
        folder = self.cache / "trees" / f"{label}-{digest}"

        def fill(target: Path) -> None:
            for deb in root.download([f"{name}={version}" for name, version in wanted.items()]):
                _run(["dpkg", "-x", str(deb), str(target)], f"unpacking {deb.name}")
            (target / "packages.txt").write_text(content + "\n", encoding="utf-8")
            _write_launchers(target, folder)

        if not folder.is_dir():
            with _lock(self.cache / "trees.lock"):
                _fill(folder, fill)
        return folder


class _Root:
    """A private apt root for one suite and one architecture."""

    def __init__(self, folder: Path, suite: str, architecture: str) -> None:
        self.folder = folder
        self.suite = suite
        self.architecture = architecture

    def update(self) -> None:
        """Fetch the index, unless a fresh one is there; an old one is better than none."""
        stamp = self.folder / "stamp"
        if _age(stamp) < INDEX_SECONDS:
            return
        with _lock(self.folder / "lock"):
            if _age(stamp) < INDEX_SECONDS:
                return
            self._configure()
            try:
                self._apt("apt-get", "-qq", "update", "--error-on=any")
            except PeerMissing:
                if not stamp.exists():
                    raise
            shutil.rmtree(self.folder / "answers", ignore_errors=True)
            (self.folder / "answers").mkdir()
            stamp.touch()

    def names(self, prefix: str) -> list[str]:
        """The names of all packages that begin with `prefix`."""
        return self._answer("apt-cache", "pkgnames", prefix).split()

    def version(self, name: str) -> str:
        """The version of a package."""
        shown = self._answer("apt-cache", "show", "--no-all-versions", name)
        match = re.search(r"^Version: (\S+)$", shown, re.MULTILINE)
        if match is None:
            raise PeerMissing(f"{self.suite} has no package {name} for {self.architecture}")
        return match[1]

    def depends(self, name: str) -> list[str]:
        """The names of the packages that a package depends on directly."""
        shown = self._answer("apt-cache", "depends", "--important", name)
        return re.findall(r"^\s+\|?Depends: ([a-z0-9.+-]+)", shown, re.MULTILINE)

    def closure(self, names: Sequence[str]) -> dict[str, str]:
        """Names and versions of everything that must be there for `names` to run."""
        shown = self._answer("apt-get", "install", "-y", "--no-install-recommends", "--print-uris", *names)
        found = (_URI.match(line) for line in shown.splitlines())
        return {match["name"]: match["version"].replace("%3a", ":") for match in found if match}

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix=".download-", dir=self.folder) as name:
            yield Path(name)

    def download(self, names: Sequence[str]) -> Iterator[Path]:
        """Download packages and yield their files, which are gone when the iteration ends."""
        with self._scratch() as folder:
            self._apt("apt-get", "-qq", "download", *names, cwd=folder)
            yield from sorted(folder.glob("*.deb"))

    def _answer(self, program: str, *arguments: str) -> str:
        """What apt says about the index that is there; it is asked once for each index, because it takes a second."""
        index = str((self.folder / "stamp").stat().st_mtime_ns)
        key = hashlib.sha256("\0".join([index, program, *arguments]).encode()).hexdigest()[:24]
        kept = self.folder / "answers" / key
        with contextlib.suppress(FileNotFoundError):
            return kept.read_text(encoding="utf-8")
        answer = self._apt(program, *arguments)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=kept.parent, delete=False) as file:
            file.write(answer)
        Path(file.name).replace(kept)
        return answer

    def _apt(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        what = f"{program} {next(word for word in arguments if not word.startswith('-'))} for {self.suite}"
        return _run([program, "-c", str(self._configuration), *arguments], f"{what} {self.architecture}", cwd)

    @property
    def _configuration(self) -> Path:
        return self.folder / "apt.conf"

    def _configure(self) -> None:
        for name in ("state/lists/partial", "cache/archives/partial", "parts"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        signed = f" signed-by={self._keyring}" if self._keyring else ""
        source = f"deb [arch={self.architecture}{signed}] {_mirror()} {self.suite} main\n"
        (self.folder / "sources.list").write_text(source, encoding="utf-8")
        self._configuration.write_text(self._settings(), encoding="utf-8")

    @cached_property
    def _keyring(self) -> Path | None:
        paths = (Path("/usr/share/keyrings") / name for name in _KEYRINGS)
        return next((path for path in paths if path.is_file()), None)

    def _settings(self) -> str:
        # Read after the machine's own configuration: its proxy and certificates stay in force, its hooks do not.
        folder = str(self.folder)
        return f"""\
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "{folder}/parts";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "{folder}/parts";
#clear APT::Architectures;
APT::Architecture "{self.architecture}";
APT::Architectures {{ "{self.architecture}"; }};
APT::Sandbox::User "";
#clear APT::Update;
#clear DPkg::Post-Invoke;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::Contents-deb;
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
"""


def _mirror() -> str:
    """The address of Debian's archive in this machine's own apt configuration."""
    rows = _ask(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)"], "apt-get").splitlines()
    main = [row.split() for row in rows if row.endswith(" main") and len(row.split()) == 3]
    sites = [site for site, release, _ in main if "security" not in release and "security" not in site]
    # Sources of other vendors may come first; Debian's mirrors carry the archive's name.
    sites.sort(key=lambda site: not site.rstrip("/").endswith("/debian"))
    if not sites:
        raise PeerMissing("this machine's apt has no Debian mirror: give the files by hand (--kernel, --qemu)")
    return sites[0]


def _own_suite() -> str:
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    match = re.search(r"^VERSION_CODENAME=\"?([a-z]+)", text, re.MULTILINE)
    return match[1] if match and match[1] in SUITES else SUITES[1]


def _install_on_host(packages: Sequence[str]) -> None:
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "-qq", "update"], "apt-get update", env=env)
    _run(["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages], "apt-get install", env=env)


def _ask(argv: Sequence[str], program: str) -> str:
    if shutil.which(program) is None:
        raise PeerMissing(f"this machine has no {program}: give the files by hand (--kernel, --qemu)")
    return _run(argv, program)


def _run(argv: Sequence[str], what: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a program to its end and return its output.

    Raises:
        PeerMissing: it is not there, failed, or took too long.
    """
    environment = {**os.environ, "LC_ALL": "C", **(env or {})}
    try:
        done = subprocess.run(
            list(argv),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=_APT_SECONDS,
            cwd=cwd,
            env=environment,
            check=False,
        )
    except FileNotFoundError as error:
        raise PeerMissing(f"this machine has no {argv[0]}: give the files by hand (--kernel, --qemu)") from error
    except subprocess.TimeoutExpired as error:
        raise PeerMissing(f"{what} did not end within {_APT_SECONDS} s: try again") from error
    if done.returncode != 0:
        raise PeerMissing(f"{what} failed: {_reason(done.stderr)}")
    return done.stdout


def _reason(complaints: str) -> str:
    lines = [line.strip() for line in complaints.splitlines() if line.strip()]
    errors = [line.removeprefix("E:").strip() for line in lines if line.startswith("E:")]
    return (errors or lines or ["it said nothing"])[0][:300]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


def _file_name(version: str) -> str:
    return version.replace(":", "%3a").replace("/", "%2f")


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold a lock among all processes that use this cache.

    Raises:
        PeerMissing: the cache cannot be written, or another process holds the lock for too long.
    """
    deadline = time.monotonic() + _LOCK_SECONDS
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        what = f"the cache {path.parent} cannot be written ({error.strerror})"
        raise PeerMissing(f"{what}: set XDG_CACHE_HOME") from error
    with file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise PeerMissing(f"another process holds {path}: wait for it, or end it") from None
                time.sleep(0.1)
        yield


def _fill(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make `folder` at once, with what `fill` puts in it; if that fails, nothing is left; the caller holds a lock.

    Raises:
        PeerMissing: it cannot be written.
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
        raise PeerMissing(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def _take_kernel(deb: Path, target: Path) -> None:
    """Unpack the kernel's image and the few modules of its port: all modules would be ten times as much."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                place = _kernel_file(Path(member.name).name)
                content = archive.extractfile(member) if place and member.isfile() else None
                if place and content is not None:
                    (target / place).parent.mkdir(exist_ok=True)
                    data = content.read()
                    (target / place).write_bytes(lzma.decompress(data) if member.name.endswith(".xz") else data)
    if process.returncode != 0:
        raise PeerMissing(f"{deb.name} cannot be unpacked (dpkg-deb ended with {process.returncode}): try again")
    if not (target / "vmlinuz").is_file():
        raise PeerMissing(f"{deb.name} holds no vmlinuz: give --kernel FILE")


def _kernel_file(name: str) -> str | None:
    """Where a file of a kernel package is kept, or None."""
    if re.match(r"vmlinuz\b", name):
        return "vmlinuz"
    module = re.fullmatch(r"(\w+)\.ko(\.xz)?", name)
    if module is None or module[1] not in _PORT_MODULES:
        return None
    return f"modules/{_PORT_MODULES.index(module[1])}-{module[1]}.ko"


_LAUNCHER = """\
#!/bin/sh
{settings}exec "{loader}" --argv0 "{name}" --library-path "{libraries}" "{program}"{options} "$@"
"""


def _write_launchers(tree: Path, home: Path) -> None:
    """Write a launcher for each program of `HOST_PROGRAMS` in `tree`, which will be moved to `home`."""
    loaders = sorted(tree.glob("lib*/ld-linux*.so.*")) + sorted(tree.glob("lib/*/ld-linux*.so.*"))
    loaders += sorted(tree.glob("usr/lib*/ld-linux*.so.*")) + sorted(tree.glob("usr/lib/*/ld-linux*.so.*"))
    programs = [tree / "usr/bin" / name for name in HOST_PROGRAMS if (tree / "usr/bin" / name).exists()]
    if not programs or not loaders:
        return
    (tree / "launch").mkdir()
    libraries = [tree / "lib", tree / "usr/lib", *tree.glob("lib/*-linux-gnu"), *tree.glob("usr/lib/*-linux-gnu")]
    # Some libraries (pulseaudio, blas) keep private folders.
    libraries += sorted({path.parent for path in tree.glob("usr/lib/*-linux-gnu/*/lib*.so.*")})
    for program in programs:
        text = _LAUNCHER.format(
            settings=_launch_settings(tree, home),
            name=program.name,
            loader=_moved(loaders[0].resolve(), tree, home),
            libraries=":".join(_moved(path, tree, home) for path in libraries if path.is_dir()),
            program=_moved(program.resolve(), tree, home),
            options=f' -L "{home}/usr/share/qemu"' if program.name.startswith("qemu-system") else "",
        )
        launcher = tree / "launch" / program.name
        launcher.write_text(text, encoding="utf-8")
        launcher.chmod(0o755)


def _launch_settings(tree: Path, home: Path) -> str:
    folders = {"QEMU_MODULE_DIR": "usr/lib/*-linux-gnu/qemu", "GVBINDIR": "usr/lib/*-linux-gnu/graphviz"}
    found = {name: next(iter(tree.glob(pattern)), None) for name, pattern in folders.items()}
    return "".join(f'export {name}="{_moved(path, tree, home)}"\n' for name, path in found.items() if path)


def _moved(path: Path, tree: Path, home: Path) -> str:
    return str(home / path.relative_to(tree.resolve()) if path.is_relative_to(tree.resolve()) else path)
