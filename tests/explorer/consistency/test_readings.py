"""Readings are told apart without a word about any of them; what is shown is a run that the rules allow."""

from __future__ import annotations

import pytest

from psci.explorer.consistency.findings import replayed
from psci.explorer.consistency.lockstep import CONTROLLER
from psci.explorer.consistency.readings import of_reading
from psci.model.specification import SPECIFICATION
from psci.model.symbols.readings import READINGS
from psci.model.tables.versions import V0_2, V1_3, Version

SHORTEST: dict[str, tuple[Version, str, int]] = {
    "errata": (V0_2, "reading.errata.not-applied", 1),
    "suspend-return": (V1_3, "reading.suspend-return.never", 1),
    "suspend-refusal": (V1_3, "reading.suspend-refusal.prototype", 2),
    "frozen-core": (V1_3, "reading.frozen-core.already-on", 5),
    "warm-protection": (V1_3, "reading.warm-protection.kept", 5),
    "mode-history": (V1_3, "reading.mode-history.since-boot", 4),
    "disabled-instance": (V1_3, "reading.disabled-instance.all", 1),
}
"""For some readings the version, the id of what tells their options apart, and the length of the shortest run."""


@pytest.mark.parametrize("name", SHORTEST)
def test_the_options_of_a_reading_differ_on_a_shortest_run(name: str) -> None:
    version, id, steps = SHORTEST[name]
    found = {finding.id: finding for finding in of_reading(SPECIFICATION, version, 3, READINGS[name])}
    finding = found[id]
    assert len(finding.run) == steps
    assert CONTROLLER not in finding.title
    _, taken, asked = replayed(finding, SPECIFICATION)
    assert (len(taken), asked) == (steps, None)


def test_a_reading_that_no_rule_of_a_version_reads_is_no_finding() -> None:
    assert list(of_reading(SPECIFICATION, V1_3, 3, READINGS["errata"])) == []
