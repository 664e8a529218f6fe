"""Reports in the forms of their users: the lines of KTAP, and XML that a parser takes."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from psci.oracle.campaign.ktap import ReportStatus, TestReport, junit, ktap

REPORTS = (
    TestReport("cpu-on", ReportStatus.OK),
    TestReport("cpu-off", ReportStatus.NOT_OK, ("seen: <0>\x00", "allowed: 1")),
    TestReport("affinity-info", ReportStatus.XFAIL, ("the quirk",)),
    TestReport("system-off", ReportStatus.SKIP, ("another way",)),
)


def test_ktap_has_a_plan_and_a_line_for_each() -> None:
    assert list(ktap(REPORTS)) == [
        "KTAP version 1",
        "1..4",
        "ok 1 cpu-on",
        "# seen: <0>?",
        "# allowed: 1",
        "not ok 2 cpu-off",
        "# the quirk",
        "ok 3 affinity-info # XFAIL a known deviation",
        "# another way",
        "ok 4 system-off # SKIP another way",
    ]


def test_junit_counts_and_quotes() -> None:
    (suite,) = ET.fromstring(junit("qemu", REPORTS).partition("\n")[2])
    assert suite.attrib == {"name": "qemu", "tests": "4", "failures": "1", "errors": "0", "skipped": "2"}
    failure = suite.find("testcase/failure")
    assert failure is not None and (failure.get("message"), failure.text) == ("seen: <0>?", "seen: <0>?\nallowed: 1")
