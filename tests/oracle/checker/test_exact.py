"""The oracle against a judge that tries everything (`tests.oracle.brute_force`, which also has the long run)."""

from __future__ import annotations

from itertools import islice

from tests.oracle.brute_force import comparisons

TRACES = 400


def test_the_oracle_says_what_trying_everything_says() -> None:
    found = {seed: comparison for seed, comparison in islice(comparisons(0), TRACES) if comparison is not None}
    assert {seed: c.got for seed, c in found.items()} == {seed: c.wanted for seed, c in found.items()}
    accepted = [c for c in found.values() if c.wanted is None or c.wanted is True]
    # The sample is worth something only if it holds right and wrong traces, and calls that overlap.
    assert len(accepted) > 50
    assert len(found) - len(accepted) > 50
    assert sum(c.overlaps for c in found.values()) > 50
