"""Many traces judged one after another, or side by side, and what is said of all of them together."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from psci.explorer.amendments import read_amendments
from psci.model.errors import InputError
from psci.model.events import Event, MachineEvent
from psci.model.specification import SPECIFICATION, Specification
from psci.oracle.checker.checker import check
from psci.oracle.checker.limits import LIMIT_OF_EXPLANATIONS, Limits
from psci.oracle.checker.report import Report
from psci.oracle.traces.file import TraceFile

SUFFIXES = (".ndjson", ".jsonl")
"""The names of trace files in a folder."""

STATUS: Mapping[str, int] = {
    "conforms": 0,
    "implementation-defined": 0,
    "unpredictable": 0,
    "unknown": 3,
    "harness-error": 3,
    "deviates": 1,
}
"""The exit status of each verdict."""

_WORST_FIRST = (1, 2, 3, 0)


@dataclass(frozen=True)
class JudgingTerms:
    """How traces are to be judged."""

    psci: str | None = None
    """The version to judge by instead of the trace's own."""
    reading: Mapping[str, str] | None = None
    explanations: int = LIMIT_OF_EXPLANATIONS
    seconds: float | None = None
    megabytes: int | None = None
    amendments: Path | None = None
    """A file with rules of the user's own."""

    def specification(self) -> Specification:
        """The rules to judge by.

        Raises:
            InputError: the user's file is wrong; the message says where.
        """
        return SPECIFICATION if self.amendments is None else read_amendments(self.amendments)

    def limits(self) -> Limits:
        """What one trace may cost; the clock starts now."""
        return Limits(self.explanations, self.seconds, self.megabytes)

    def declared(self, trace: Iterable[Event]) -> Iterable[Event]:
        """The trace, with the version and the readings that it is to be judged by."""
        return _Declared(trace, self) if self.psci or self.reading else trace


@dataclass(frozen=True)
class _Declared:
    trace: Iterable[Event]
    request: JudgingTerms

    def __iter__(self) -> Iterator[Event]:
        for event in self.trace:
            if isinstance(event, MachineEvent):
                reading = {**(event.reading or {}), **(self.request.reading or {})} or None
                yield replace(event, psci=self.request.psci or event.psci, reading=reading)
            else:
                yield event


@dataclass(frozen=True)
class JudgedFile:
    """One file: its report, or why it is not a trace."""

    file: str
    report: Report | None
    error: str | None = None

    @property
    def status(self) -> int:
        """The exit status that the file gives."""
        return 2 if self.report is None else STATUS[self.report.verdict.value]

    @property
    def verdict(self) -> str:
        """The verdict, or that the file is not a trace."""
        return "bad input" if self.report is None else self.report.verdict.value

    def line(self) -> str:
        """The file and its verdict in one line, with the first finding."""
        if self.report is None:
            return f"{self.file}: {self.verdict}: {self.error}"
        findings = self.report.findings
        first = f"; event {findings[0].event}: {findings[0].observed}" if findings else ""
        return f"{self.file}: {self.report.summary()}{first}"

    def as_json(self) -> dict[str, Any]:
        """The report with the name of its file, or the error."""
        if self.report is None:
            return {"file": self.file, "error": self.error}
        return {"file": self.file, **self.report.as_json()}


def judge_file(file: str, request: JudgingTerms) -> JudgedFile:
    """Judge one file.

    Args:
        file: its path; "-" is standard input.
        request: how.
    """
    try:
        return JudgedFile(file, check(request.declared(TraceFile(file)), request.specification(), request.limits()))
    except (InputError, OSError) as error:
        return JudgedFile(file, None, str(error))


def judge_files(files: Sequence[str], request: JudgingTerms, jobs: int | None = None) -> Iterator[JudgedFile]:
    """Judge files, in their order, as each is done.

    Args:
        files: their paths.
        request: how.
        jobs: how many are judged at once; by default as many as there are processors.
    """
    workers = min(jobs or os.cpu_count() or 1, len(files))
    if workers <= 1:
        for file in files:
            yield judge_file(file, request)
        return
    pool = ProcessPoolExecutor(workers)
    try:
        yield from pool.map(judge_file, files, [request] * len(files))
    finally:
        pool.shutdown(cancel_futures=True)


def files_of(paths: Iterable[Path]) -> list[str]:
    """The files that paths name: a folder stands for the traces in it and below it, by name.

    Raises:
        InputError: a folder holds no trace.
    """
    found: list[str] = []
    for path in paths:
        if not path.is_dir():
            found.append(str(path))
            continue
        inside = sorted(str(p) for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
        if not inside:
            raise InputError(f"{path}: no trace in this folder; traces end in {' or '.join(SUFFIXES)}")
        found += inside
    return found


def worst(statuses: Iterable[int]) -> int:
    """The exit status of several files: a finding before bad input before what could not be judged."""
    return min(statuses, key=_WORST_FIRST.index, default=0)


def summary(judged: Sequence[JudgedFile]) -> str:
    """How many files had which verdict."""
    counts = Counter(one.verdict for one in judged)
    return f"{len(judged)} traces: " + ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))


def as_junit(judged: Sequence[JudgedFile]) -> str:
    """The verdicts as a JUnit report: a test case for each file."""
    suite = ElementTree.Element("testsuite", name="psci trace check", tests=str(len(judged)))
    counts = Counter[str]()
    for one in judged:
        case = ElementTree.SubElement(suite, "testcase", classname="psci.trace", name=one.file)
        kind = {1: "failure", 2: "error", 3: "skipped"}.get(one.status)
        if kind is not None:
            counts[kind] += 1
            found = ElementTree.SubElement(case, kind, message=one.verdict)
            found.text = one.error if one.report is None else "\n".join(one.report.lines())
    for kind, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(name, str(counts[kind]))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


__all__ = [
    "STATUS", "JudgedFile", "JudgingTerms", "as_junit", "files_of", "judge_file", "judge_files", "summary", "worst",
]  # fmt: skip
