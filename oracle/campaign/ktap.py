"""Results of tests in the forms of those who run them: KTAP for the kernel's tools, JUnit for CI."""

from __future__ import annotations

import enum
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


class ReportStatus(enum.Enum):
    """What a report says of a test."""

    OK = "ok"
    NOT_OK = "not ok"
    XFAIL = "xfail"
    """It fails, and that is known."""
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class TestReport:
    """One line of a report, with what is to be said about it."""

    __test__ = False
    # pytest would take the name for a test's

    name: str
    status: ReportStatus
    lines: tuple[str, ...] = ()


def ktap(reports: Sequence[TestReport]) -> Iterator[str]:
    """The lines of a KTAP report, version 1."""
    yield "KTAP version 1"
    yield f"1..{len(reports)}"
    for number, report in enumerate(reports, start=1):
        yield from (f"# {_printable(' '.join(line.split()))}" for line in report.lines)
        name = report.name.replace("#", "")
        match report.status:
            case ReportStatus.NOT_OK:
                yield f"not ok {number} {name}"
            case ReportStatus.OK:
                yield f"ok {number} {name}"
            case ReportStatus.XFAIL:
                yield f"ok {number} {name} # XFAIL a known deviation"
            case ReportStatus.SKIP:
                why = _printable(" ".join(report.lines[0].split())) if report.lines else ""
                yield f"ok {number} {name} # SKIP {why}".rstrip()


def junit(suite: str, reports: Sequence[TestReport]) -> str:
    """A JUnit report as XML; known deviations count as skipped, as xfail does in pytest's."""
    failures = sum(report.status is ReportStatus.NOT_OK for report in reports)
    skipped = sum(report.status in (ReportStatus.SKIP, ReportStatus.XFAIL) for report in reports)
    counts = {"tests": str(len(reports)), "failures": str(failures), "errors": "0", "skipped": str(skipped)}
    root = ET.Element("testsuites")
    element = ET.SubElement(root, "testsuite", {"name": suite, **counts})
    for report in reports:
        case = ET.SubElement(element, "testcase", {"classname": suite, "name": report.name})
        text = "\n".join(_printable(line) for line in report.lines)
        message = text.partition("\n")[0]
        if report.status is ReportStatus.NOT_OK:
            ET.SubElement(case, "failure", {"message": message}).text = text
        elif report.status in (ReportStatus.SKIP, ReportStatus.XFAIL):
            ET.SubElement(case, "skipped", {"message": message}).text = text
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _printable(line: str) -> str:
    """Neither form has control characters, whatever a peer says."""
    return "".join(letter if letter.isprintable() else "?" for letter in line)


__all__ = ["ReportStatus", "TestReport", "junit", "ktap"]
