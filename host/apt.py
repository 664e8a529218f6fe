"""Debian's package index and packages, through apt, without installing anything.

A private apt root per suite and architecture has its own lists, its own cache and an empty list of installed packages.
apt checks signatures as usual. The address of the mirror is the one that this machine's apt uses.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from psci.host.files import age, locked, write_whole
from psci.host.requirements import Missing

SUITES = ("sid", "trixie", "bookworm")
"""Where packages are looked for unless something older or newer is asked for, newest first."""
EVERY_SUITE = (*SUITES, "experimental", "bullseye")
"""Where a series that was named is looked for; experimental and the oldest are never the default of anything."""
INDEX_SECONDS = 24 * 3600
"""How long an index of packages is used before it is asked for again."""

_URI = re.compile(r"^'[^']+' (?P<file>(?P<name>[a-z0-9.+-]+)_(?P<version>[^_ ]+)_[a-z0-9]+\.deb) \d+")
_KEYRINGS = ("debian-archive-keyring.gpg", "debian-archive-keyring.pgp")
_APT_SECONDS = 240


class AptRoot:
    """A private apt root for one suite and one architecture."""

    def __init__(self, folder: Path, suite: str, architecture: str) -> None:
        self.folder = folder
        self.suite = suite
        self.architecture = architecture

    def update(self) -> None:
        """Fetch the index, unless a fresh one is there; an old one is better than none."""
        stamp = self.folder / "stamp"
        if age(stamp) < INDEX_SECONDS:
            return
        with locked(self.folder / "lock"):
            if age(stamp) < INDEX_SECONDS:
                return
            self._configure()
            try:
                self._apt("apt-get", "-qq", "update", "--error-on=any")
            except Missing:
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
            raise Missing(f"{self.suite} has no package {name} for {self.architecture}")
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
        write_whole(kept, answer)
        return answer

    def _apt(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        what = f"{program} {next(word for word in arguments if not word.startswith('-'))} for {self.suite}"
        return run([program, "-c", str(self._configuration), *arguments], f"{what} {self.architecture}", cwd)

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
    rows = ask(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)"], "apt-get").splitlines()
    main = [row.split() for row in rows if row.endswith(" main") and len(row.split()) == 3]
    sites = [site for site, release, _ in main if "security" not in release and "security" not in site]
    # Sources of other vendors may come first; Debian's mirrors carry the archive's name.
    sites.sort(key=lambda site: not site.rstrip("/").endswith("/debian"))
    if not sites:
        raise Missing("this machine's apt has no Debian mirror: give the files by hand (--kernel, --qemu)")
    return sites[0]


def own_suite() -> str:
    """The suite of this machine, or the stable one where it is none of ours."""
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    match = re.search(r"^VERSION_CODENAME=\"?([a-z]+)", text, re.MULTILINE)
    return match[1] if match and match[1] in SUITES else SUITES[1]


def install_on_host(packages: Sequence[str]) -> None:
    """Install packages on this machine, as root.

    Raises:
        Missing: apt-get failed.
    """
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "-qq", "update"], "apt-get update", env=env)
    run(["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages], "apt-get install", env=env)


def ask(argv: Sequence[str], program: str) -> str:
    """What a program of this machine answers.

    Raises:
        Missing: it is not there, failed, or took too long.
    """
    if shutil.which(program) is None:
        raise Missing(f"this machine has no {program}: give the files by hand (--kernel, --qemu)")
    return run(argv, program)


def run(argv: Sequence[str], what: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a program to its end and return its output.

    Raises:
        Missing: it is not there, failed, or took too long.
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
        raise Missing(f"this machine has no {argv[0]}: give the files by hand (--kernel, --qemu)") from error
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{what} did not end within {_APT_SECONDS} s: try again") from error
    if done.returncode != 0:
        raise Missing(f"{what} failed: {_reason(done.stderr)}")
    return done.stdout


def _reason(complaints: str) -> str:
    lines = [line.strip() for line in complaints.splitlines() if line.strip()]
    errors = [line.removeprefix("E:").strip() for line in lines if line.startswith("E:")]
    return (errors or lines or ["it said nothing"])[0][:300]
