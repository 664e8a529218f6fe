"""What traces are made of: one line for each kind of log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from psci.model.errors import InputError
from psci.model.events import Event
from psci.oracle.logs.importing.ftrace import read_ftrace
from psci.oracle.logs.importing.log import LogLines
from psci.oracle.logs.importing.machine import LogTerms
from psci.oracle.logs.importing.plain import read_plain
from psci.oracle.logs.importing.qemu import read_qemu


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of log."""

    what: str
    """In a few words, for people."""
    read: Callable[[LogLines, LogTerms], list[Event]]


SOURCES: Mapping[str, Source] = {
    "plain": Source("a table of calls and answers, or of events, with a first row that names the columns", read_plain),
    "ftrace": Source("the kernel's trace of a KVM host, with two probes that read registers", read_ftrace),
    "qemu": Source("a log of QEMU, with -d int,exec,cpu,nochain and one instruction a block", read_qemu),
}
"""Every kind of log by its name."""


def import_trace(source: str, file: BinaryIO, name: str, terms: LogTerms | None = None) -> list[Event]:
    """The trace of a log.

    Args:
        source: a name of `SOURCES`.
        file: the log.
        name: what messages call it.
        terms: what the log does not tell.

    Raises:
        LogError: a line cannot be used, or what is needed is not in the log.
        InputError: there is no such source.
    """
    if source not in SOURCES:
        raise InputError(f"no source {source!r}; there are {', '.join(SOURCES)}")
    return SOURCES[source].read(LogLines(file, name), terms or LogTerms())
