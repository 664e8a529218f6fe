"""What facts claim and the rules refute comes out, with the run; what the rules keep does not."""

from __future__ import annotations

import pytest

from psci.explorer.consistency.conflicts import refuted
from psci.explorer.consistency.findings import replayed
from psci.model.specification import SPECIFICATION
from psci.model.tables.facts import FACTS
from psci.model.tables.versions import V1_3
from psci.properties.claims import CLAIMS

REFUTED = {
    "CPU_ON-19": 1,
    "OFF2-26": 1,
    "SYSSUSP-1": 1,
    "MIGRATE-10": 2,
    "CPU_SUSPEND-12": 6,
    "PC-3": 5,
    "SM-6": 5,
    "AFF-3": 1,
    "MEMC-2": 1,
    "MEMC-3": 1,
    "CPU_SUSPEND-31": 1,
    "RESET2-7": 3,
    "SYSSUSP-2": 4,
    "CPU_SUSPEND-11": 3,
    "MIGRATE-7": 4,
    "AFF-6": 1,
    "AFF-15": 1,
    "FEAT-2": 2,
    "CPU_OFF-15": 2,
    "RESET2-14": 1,
    "FREEZE-13": 6,
}
"""Some claims that the rules refute, and the length of the shortest run."""
KEPT = ("AFF-13", "OFF2-19", "CPU_OFF-2", "CPU_OFF-14", "OFF2-10", "FEAT-3")


def claim_of(fact: str):
    (claim,) = (claim for claim in CLAIMS if claim.cites[0] == fact)
    return claim


@pytest.mark.parametrize("fact", REFUTED)
def test_a_claim_that_the_rules_refute_is_a_conflict_with_a_run(fact: str) -> None:
    finding = refuted(SPECIFICATION, V1_3, claim_of(fact))
    assert finding is not None
    assert len(finding.run) == REFUTED[fact]
    _, steps, _ = replayed(finding, SPECIFICATION)
    assert len(steps) == REFUTED[fact]


@pytest.mark.parametrize("fact", KEPT)
def test_a_claim_that_the_rules_keep_is_no_conflict(fact: str) -> None:
    assert refuted(SPECIFICATION, V1_3, claim_of(fact)) is None


def test_every_claim_cites_facts_that_there_are() -> None:
    assert {fact for claim in CLAIMS for fact in claim.cites} - FACTS.keys() == set()
