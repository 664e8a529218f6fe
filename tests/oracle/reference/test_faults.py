"""The catalogue of wrong implementations: each differs from the reference in one place, and campaigns find them."""

from __future__ import annotations

from collections import Counter

import pytest

from psci.model.errors import InputError
from psci.model.specification import SPECIFICATION
from psci.oracle.campaign.measuring import Measured, measured, summary
from psci.oracle.reference.faults import FAULTS, fault_named
from psci.oracle.reference.implementation import Implementation

SAMPLE = (
    "moves-entry-of-a-core-that-is-on", "already-on-is-pending", "any-cookie", "keeps-cores-on", "cpu-off-returns",
    "truncates-contexts", "restarts-suspended", "narrows-targets", "forgets-smc32-on", "own-cluster",
    "hibernate-is-off", "lock-kept",
)  # fmt: skip
"""One of each sort that shows soon; all of them: `psci faults`."""


def test_there_are_at_least_eighty_and_each_has_a_name_and_a_sort() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) == 121
    assert len({fault.sentence for fault in FAULTS}) == len(FAULTS)
    assert Counter(fault.sort for fault in FAULTS).most_common()[-1][1] >= 1


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_differs_from_the_reference_in_its_rules_or_between_them(fault: object) -> None:
    from psci.oracle.reference.faults import Fault

    assert isinstance(fault, Fault)
    in_rules = fault.amend(SPECIFICATION) is not SPECIFICATION
    assert in_rules != (fault.kind is not Implementation)


def test_an_unknown_fault_is_bad_input() -> None:
    with pytest.raises(InputError, match="unknown fault 'none': `psci faults --list` names all 121"):
        fault_named("none")


@pytest.mark.parametrize("name", SAMPLE)
def test_a_campaign_through_the_line_protocol_finds_the_fault(name: str) -> None:
    found = measured(name, seed=1, seconds=60.0, shrinking=0.0, of_a_processor=True)
    assert found.found is not None


def test_the_summary_counts_what_was_found_and_how_small_it_became() -> None:
    rows = [
        Measured("one", "sort", "a deviation", 10, 1.0, 0.5, 3, 2, (10, 10)),
        Measured("two", "sort", "another", 30, 3.0, 1.5, 5, 4, (2, 10)),
        Measured("three", "sort", None, 900, 60.0, 40.0, None, None, None),
    ]
    assert summary(rows) == {
        "faults": 3, "found": 2, "share": 0.667, "median_calls_left": 3, "median_seconds": 2.0,
        "median_cpu_seconds": 1.0, "not_found": ["three"],
    }  # fmt: skip
