"""The demonstration: what its table says about each answer, and when it fails."""

from __future__ import annotations

import pytest

from psci.cli.demo import Answer, answer, row, steps, worst

FUZZ = ("fuzz", "kvm:latest", "--time", "20", "--json")


def test_a_row_names_the_peer_its_version_and_the_rules_it_breaks():
    found = {"rule": "SYSTEM_OFF2.cookie_set", "cites": ["OFF2-6", "OFF2-8"], "count": 3}
    known = {"rule": "CPU_ON.already_on", "cites": ["CPU_ON-6"], "quirk": "late_off", "count": 7}
    report = {
        "peer": "kvm:latest",
        "version": "linux 7.2",
        "calls": 812,
        "rules_exercised": ["CPU_ON.accepted", "CPU_ON.already_on"],
        "deviations": [found, known],
    }
    assert row(Answer(FUZZ, 1, report)) == (
        "kvm:latest",
        "linux 7.2",
        "812",
        "2",
        "SYSTEM_OFF2.cookie_set: OFF2-6, OFF2-8 x3\nCPU_ON.already_on: CPU_ON-6 (known) x7",
    )


def test_a_peer_that_could_not_be_judged_says_so():
    assert row(Answer(FUZZ, 3, {})) == ("kvm:latest", "", "", "", "could not be judged (exit status 3)")


def test_the_implementations_are_fetched_before_they_are_judged():
    assert [arguments[0] for arguments in steps(20, None)] == ["peers", "check", "prove", "fuzz", "fuzz"]


def test_a_seed_reaches_every_campaign():
    assert [arguments[4:6] for arguments in steps(20, 7) if arguments[0] == "fuzz"] == [("--seed", "7")] * 2


def test_a_command_that_printed_no_report_has_judged_nothing():
    assert answer(FUZZ, 1, "Traceback (most recent call last):") == Answer(FUZZ, 3, {})


def test_an_interrupted_command_keeps_its_status_and_what_it_has():
    assert answer(FUZZ, 130, '{"calls": 5}') == Answer(FUZZ, 130, {"calls": 5})


@pytest.mark.parametrize(
    ("statuses", "status"),
    [((0, 0), 0), ((0, 1), 0), ((1, 2), 2), ((3, 2), 2), ((0, 3), 3), ((3, 130), 130), ((1, -9), 3)],
)
def test_only_what_could_not_be_judged_fails_the_demonstration(statuses, status):
    assert worst(iter(statuses)) == status
