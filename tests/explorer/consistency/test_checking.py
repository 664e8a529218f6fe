"""The questions run side by side, and what is said where that goes wrong."""

from __future__ import annotations

import os

import pytest

from psci.explorer.consistency import checking
from psci.explorer.consistency.checking import CheckQuestion, CheckResult, Job, check
from psci.explorer.consistency.discovery import one_value_for_two
from psci.explorer.consistency.findings import FindingKind
from psci.model.errors import InputError
from psci.model.specification import SPECIFICATION
from psci.model.tables.versions import V1_3


def _dies() -> CheckResult:
    os._exit(9)


def test_a_process_that_is_ended_from_outside_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "jobs", lambda *_: [Job("dies", _dies), Job("dies", _dies)])
    with pytest.raises(InputError, match="was ended from outside"):
        check(CheckQuestion(), processes=2, kinds=frozenset({FindingKind.ORDER}))


def test_a_value_that_stands_for_two_things_is_found() -> None:
    found = {finding.id for finding in one_value_for_two(SPECIFICATION, V1_3)}
    assert found == {
        "discovery.PSCI_STAT_RESIDENCY.STAT-4.STAT-6",
        "discovery.PSCI_STAT_COUNT.STAT-4.STAT-6",
    }


def test_a_permission_by_one_reading_takes_part_in_open_orders() -> None:
    found = check(CheckQuestion(), kinds=frozenset({FindingKind.ORDER}), only="CPU_SUSPEND")
    assert {finding.id for finding in found} >= {
        "order.CPU_SUSPEND.CPU_SUSPEND-10.CPU_SUSPEND-8",
        "order.CPU_SUSPEND.CPU_SUSPEND-10.CPU_SUSPEND-11",
        "order.CPU_SUSPEND.CPU_SUSPEND-11.CPU_SUSPEND-9",
    }


@pytest.mark.parametrize("text", ["CPU_DEFAULT_SUSPEND.entry_unusable_or_unused", "CPU_ON.accepted"])
def test_a_sentence_stands_by_itself(text: str) -> None:
    sentence = SPECIFICATION.sentence(SPECIFICATION.rule(text))
    assert not sentence.startswith("The same")
    assert SPECIFICATION.rule(text).text in sentence
