"""Every reading has a trace whose verdict depends on it, and nobody is blamed who chose none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.oracle.traces import write
from tests.oracle.traces.readings import DIFFERS, NOT_SEEN
from tests.oracle.traces.writing import SHIPPED

from psci.model.events import MachineEvent
from psci.model.symbols.readings import READINGS
from psci.oracle import check

assert write.FAMILIES  # importing them fills SHIPPED


def verdict(name: str, **reading: str) -> str:
    machine, *events = SHIPPED[name].events
    assert isinstance(machine, MachineEvent)
    chosen = {r: o for r, o in (machine.reading or {}).items() if r != next(iter(reading), None)}
    return check([replace(machine, reading={**chosen, **reading}), *events]).verdict.value


def test_every_reading_has_a_trace_or_a_reason_why_none_tells() -> None:
    assert {*DIFFERS, *NOT_SEEN} == set(READINGS)
    assert not DIFFERS.keys() & NOT_SEEN.keys()


@pytest.mark.parametrize("name", DIFFERS)
def test_the_verdict_depends_on_the_reading(name: str) -> None:
    seen = {option: verdict(DIFFERS[name], **{name: option}) for option in READINGS[name].options}
    assert "deviates" in seen.values()
    assert set(seen.values()) - {"deviates"}


@pytest.mark.parametrize("name", DIFFERS)
def test_who_chose_nothing_is_blamed_only_where_the_reading_says_why(name: str) -> None:
    machine, *events = SHIPPED[DIFFERS[name]].events
    assert isinstance(machine, MachineEvent)
    chosen = {r: o for r, o in (machine.reading or {}).items() if r != name}
    plain = check([replace(machine, reading=chosen or None), *events]).verdict.value
    assert (plain != "deviates") or READINGS[name].strict


def test_a_reading_that_is_tried_is_told_where_the_verdict_rests_on_it() -> None:
    report = check(SHIPPED[DIFFERS["suspend-refusal"]].events)
    assert [line for line in report.lines() if "suspend-refusal=prototype" in line]
