"""Conditions as a user writes them."""

from __future__ import annotations

import pytest

from psci.explorer.abstraction.machines import small
from psci.explorer.goals.expressions import condition
from psci.model.errors import InputError
from psci.model.language.terms import show


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("power[1] == ON", "power(1) == ON"),
        ("ON != power[0]", "ON != power(0)"),
        ("system in (GOING, DOWN)", "(system == GOING) or (system == DOWN)"),
        ("all(power[c] == OFF for c in cores)", "every Core c0: (power(c0) == OFF)"),
        ("any(slept[c] for c in cores if c != 0)", "some Core c0: ((c0 != 0) and slept(c0))"),
        ("node[0] >= RETENTION and not memory_protected", "(not (node(0) < RETENTION)) and (not memory_protected)"),
        ("vote[0, 0] == RUN", "vote(0, 0) == RUN"),
        ("entry[1] == 0x40000000", "entry(1) == 0x40000000"),
    ],
)
def test_a_condition_is_a_term(text: str, term: str) -> None:
    assert show(condition(text, small(2))) == term


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("power[1] ==", "invalid syntax"),
        ("power[7] == ON", "there is no core 7: there are 2 at column 7"),
        ("powr[1] == ON", "there is no field 'powr'; there is power"),
        ("power[1] == SLEEPING", "SLEEPING is none of OFF, ON_PENDING, ON"),
        ("power == ON", r"power needs an index: power\[core\]"),
        ("power[1]", "that is a Power, not a condition"),
        ("all(power[c] == ON for c in lists)", "write all"),
        ("__import__('os')", "no field '__import__'"),
        ("(lambda: 1)()", "is not understood"),
    ],
)
def test_what_is_none_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        condition(text, small(2))
