"""The demonstration: what its table says about each answer, and when it fails."""

from __future__ import annotations

import pytest

from psci.cli.demo import CommandResult, answer, row, steps, worst

FUZZ = ("fuzz", "kvm:latest", "--time", "20", "--json")


def test_a_row_names_the_peer_its_version_and_the_facts_it_breaks():
    found = {
        "what": "SYSTEM_OFF2", "observed": "returns DENIED", "rules": ["SYSTEM_OFF2.cookie_set"],
        "facts": ["OFF2-6", "OFF2-8"], "count": 3,
    }  # fmt: skip
    listed = {"name": "CPU_SUSPEND.power_state_ignored", "facts": ["CPU_SUSPEND-8"], "count": 7}
    unseen = {"name": "CPU_ON.second_start_accepted", "facts": ["CPU_ON-16"], "count": 0}
    report = {
        "peer": "kvm:latest",
        "version": "linux 7.2; QEMU emulator version 7.2.22, TCG",
        "psci": "1.3",
        "calls": 1812,
        "rules_exercised": {"CPU_ON.accepted": 5, "CPU_ON.already_on": 2},
        "rules_in_reach": 80,
        "deviations": [found],
        "quirks": [listed, unseen],
    }
    assert row(CommandResult(FUZZ, 1, report)) == (
        "kvm:latest",
        "linux 7.2",
        "1.3",
        "1,812",
        "2 of 80",
        "NEW SYSTEM_OFF2 returns DENIED: SYSTEM_OFF2.cookie_set (OFF2-6, OFF2-8) x3\n"
        "CPU_SUSPEND.power_state_ignored (CPU_SUSPEND-8) x7",
    )


def test_a_peer_that_could_not_be_judged_says_so():
    assert row(CommandResult(FUZZ, 3, {})) == ("kvm:latest", "", "", "", "", "could not be judged (exit status 3)")


def test_the_implementations_are_fetched_before_they_are_judged():
    assert [arguments[0] for arguments in steps(20, None)] == ["peers", "check", "prove", "fuzz", "fuzz"]


def test_a_seed_reaches_every_campaign():
    assert [arguments[4:6] for arguments in steps(20, 7) if arguments[0] == "fuzz"] == [("--seed", "7")] * 2


def test_a_command_that_printed_no_report_has_judged_nothing():
    assert answer(FUZZ, 1, "Traceback (most recent call last):") == CommandResult(FUZZ, 3, {})


def test_an_interrupted_command_keeps_its_status_and_what_it_has():
    assert answer(FUZZ, 130, '{"calls": 5}') == CommandResult(FUZZ, 130, {"calls": 5})


@pytest.mark.parametrize(
    ("statuses", "status"),
    [((0, 0), 0), ((0, 1), 0), ((1, 2), 2), ((3, 2), 2), ((0, 3), 3), ((3, 130), 130), ((1, -9), 3)],
)
def test_only_what_could_not_be_judged_fails_the_demonstration(statuses, status):
    assert worst(iter(statuses)) == status
