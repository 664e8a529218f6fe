"""Run a QEMU with the plugin, which is built once for each version of QEMU's plugin interface."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from psci.host.files import cache_folder
from psci.host.qemu import qemu_version
from psci.host.requirements import CannotRun, Missing
from psci.model.errors import InputError
from psci.model.events import Event
from psci.oracle.logs.importing.log import LogLines
from psci.oracle.logs.importing.machine import LogTerms
from psci.oracle.logs.recording.reading import read_recorder

SOURCE = Path(__file__).with_name("recorder.c")
_FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden")
_BUILD_SECONDS = 60
_INTERFACES = ((11, 7), (10, 4))
"""From which version of QEMU on which version of the plugin interface is used, the newest first."""


def record(command: Sequence[str], terms: LogTerms | None = None, level: int | None = None) -> list[Event]:
    """Run a QEMU until it ends, and give the trace of the calls that its guest made.

    Ctrl-C ends QEMU; what was recorded until then is kept.

    Args:
        command: a QEMU for arm64, and its arguments.
        terms: what no log tells.
        level: the Exception level of the callers; by default that of the first call.

    Raises:
        InputError: there is no command.
        Missing: QEMU, a version of it that has the plugin interface, or a compiler is not on this machine.
        CannotRun: QEMU could not be run.
        LogError: what was recorded is no trace.
    """
    if not command:
        raise InputError("no command: write psci record -- qemu-system-aarch64 ...")
    program = shutil.which(command[0])
    if program is None:
        raise Missing(f"{command[0]} is not on this machine: install it, or give its path")
    plugin = build(interface(qemu_version(Path(program))))
    with tempfile.TemporaryDirectory(prefix="psci-record-") as folder:
        log = Path(folder) / "log"
        status = _run([program, "-plugin", f"{plugin},out={log}", *command[1:]])
        if not log.is_file():
            raise CannotRun(f"{command[0]} ended with status {status} before it ran anything")
        with log.open("rb") as file:
            return read_recorder(LogLines(file, "what was recorded"), terms or LogTerms(), level)


def _run(command: Sequence[str]) -> int:
    try:
        with subprocess.Popen(command) as child:
            try:
                return child.wait()
            except KeyboardInterrupt:
                # the terminal told QEMU, too
                try:
                    return child.wait(10)
                except subprocess.TimeoutExpired:
                    child.kill()
                    return child.wait()
    except OSError as error:
        raise CannotRun(f"{command[0]} cannot be started: {error.strerror}") from error


def interface(version: str) -> int:
    """The version of the plugin interface to build for.

    Args:
        version: what `qemu --version` says.

    Raises:
        Missing: this QEMU's interface cannot read registers in the way that is needed.
    """
    found = re.search(r"version (\d+)\.", version)
    for least, api in _INTERFACES:
        if found is not None and int(found[1]) >= least:
            return api
    raise Missing(f"{version}: recording needs QEMU {_INTERFACES[-1][0]} or newer, whose plugins can read registers")


def build(api: int, cache: Path | None = None) -> Path:
    """The plugin for a version of the plugin interface, built now if it was never built.

    Raises:
        Missing: there is no C compiler, or the plugin cannot be built.
    """
    folder = (cache if cache is not None else cache_folder()) / "recorder"
    digest = hashlib.sha256(SOURCE.read_bytes() + " ".join(_FLAGS).encode()).hexdigest()[:16]
    target = folder / f"recorder-{digest}-{api}.so"
    if "," in str(target):
        raise Missing(f"{folder}: QEMU takes no comma in the path of a plugin; set XDG_CACHE_HOME")
    if target.is_file():
        return target
    name = os.environ.get("CC") or "cc"
    compiler = shutil.which(name)
    if compiler is None:
        raise Missing(f"{name}, a C compiler, is not on this machine: install gcc or clang, or set CC")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as scratch:
            made = Path(scratch) / "recorder.so"
            _compile([compiler, *_FLAGS, f"-DPLUGIN_API={api}", "-o", str(made), str(SOURCE)])
            made.replace(target)
    except OSError as error:
        raise Missing(f"{folder} cannot be written: {error.strerror or error}") from error
    return target


def _compile(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Missing(f"{command[0]} did not build the recorder within {_BUILD_SECONDS} s") from None
    if done.returncode != 0:
        first = next(iter(done.stderr.strip().splitlines()), "it said nothing")
        raise Missing(f"{command[0]} cannot build the recorder (status {done.returncode}): {first}")
