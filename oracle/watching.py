"""Judging events as they come: an oracle that lives as long as what it watches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from psci.model.events import EndEvent, MachineEvent
from psci.oracle.checker.checker import Checker
from psci.oracle.checker.report import Finding, Report
from psci.oracle.traces.file import read_lines


@dataclass(frozen=True, slots=True)
class Said:
    """What the oracle says at once."""

    number: int
    """Of the event."""
    lines: tuple[str, ...]
    finding: Finding | None
    """None where the trace itself, or a missing answer, is the problem."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What it says at the end."""

    report: Report


def watch(source: BinaryIO, name: str) -> Iterator[Said | Ended]:
    """Judge the lines of a trace while they are written; the line order is the order of events.

    Args:
        source: the trace: a file, a pipe, a socket.
        name: what messages call it.

    Raises:
        TraceFormatError: a line is not an event; what was judged before stays judged.
        TraceError: an event cannot be part of this trace.
        ProfileError: the machine's declarations contradict each other.
    """
    checker: Checker | None = None
    for number, event in enumerate(read_lines(source, name)):
        if isinstance(event, MachineEvent):
            checker = Checker(event)
            continue
        assert checker is not None  # read_lines refuses anything else at the beginning
        if isinstance(event, EndEvent):
            break
        report = checker.report
        findings, problems = len(report.findings), len(report.problems)
        checker.feed(event)
        for finding in report.findings[findings:]:
            yield Said(number, tuple(finding.lines()), finding)
        for problem in report.problems[problems:]:
            yield Said(number, (problem,), None)
    if checker is not None:
        yield Ended(checker.report)


__all__ = ["Ended", "Said", "watch"]
