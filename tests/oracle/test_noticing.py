"""Which trace notices that a rule is missing or wrong."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from psci.cli.specification.rules import command
from psci.model.specification import SPECIFICATION
from psci.oracle.noticing import OPPOSITE, WITHOUT, TraceWatch, changed, judgement, table
from psci.oracle.traces.file import read_trace

TRACES = Path(__file__).parent / "traces"


@cache
def watch() -> TraceWatch:
    return TraceWatch({path.stem: tuple(read_trace(path)) for path in sorted(TRACES.glob("*.ndjson"))})


@pytest.mark.parametrize(
    ("fact", "rule"),
    [
        ("AFF-15", "AFFINITY_INFO.level_invalid"),
        ("STAT-12", "PSCI_STAT_RESIDENCY.no_residency"),
        ("CPU_ON-20", "CPU_ON.entry_unusable"),
        ("DSUSP-10", "CPU_DEFAULT_SUSPEND.powerdown"),
        ("CPU_SUSPEND-23", "WAKEUP.standby_ends"),
        ("CPU_OFF-15", "SIGNAL.wake_pending"),
    ],
)
def test_a_fact_is_noticed_by_a_trace_that_needs_its_rule(fact: str, rule: str) -> None:
    found = table(watch(), {fact})[fact]
    assert (found.rule, found.how) == (rule, WITHOUT)
    events = watch().traces[found.trace]
    assert judgement(events) != judgement(events, changed(SPECIFICATION.rule(rule), WITHOUT))


def test_a_rule_that_nothing_notices_is_not_in_the_table() -> None:
    """By default no platform says that it cannot power off now."""
    rule = SPECIFICATION.rule("SYSTEM_OFF.off_impossible_now")
    few = TraceWatch({name: watch().traces[name] for name in ("system-off-returns", "system-off-stops-the-machine")})
    assert (few.notices(rule, WITHOUT), few.notices(rule, OPPOSITE)) == (None, None)


def test_the_command_says_what_notices_a_fact() -> None:
    result = CliRunner().invoke(command, ["MEMC-2", "--traces", str(TRACES)], standalone_mode=False)
    assert result.output.splitlines() == [
        "MEMC-2           mem-protect-check-range-answers-the-same-for-the-same-range is judged otherwise without"
        " MEM_PROTECT_CHECK_RANGE.protected",
        "1 facts: 1 noticed, 0 held by rules that nothing notices",
    ]
