"""Few invariants out of many: those that a proof cannot do without.

Each invariant is left out on trial, the longest first: if the claim holds with what rules keep of the others, it
is not needed. A step is asked again only when something is left out that its unsatisfiable core names; which cores
the solver finds decides how long this takes, not what comes of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from psci.proofs.strengthening.generalisation import Box
from psci.proofs.strengthening.houdini import Sieve, Trial
from psci.proofs.strengthening.steps import Steps

Used: TypeAlias = dict[Trial, frozenset[int]]
"""For each step the invariants before it that it takes to keep all that are left."""


def claim_holds(steps: Steps, boxes: Sequence[Box]) -> bool:
    """Whether the claim holds of every step before which the invariants hold."""
    return not _sieve(steps, boxes).claim(range(len(boxes)))


def reduced(steps: Steps, boxes: Sequence[Box]) -> tuple[Box, ...]:
    """Invariants that are enough for the claim and that every rule keeps, none of which can be left out.

    Args:
        steps: the steps, and the property.
        boxes: invariants that every rule keeps, and with which the claim holds.
    """
    sieve = _sieve(steps, boxes)
    kept, used = _largest(sieve, sorted(sieve.left), {})
    for place in sorted(kept, key=lambda place: _length(boxes[place]), reverse=True):
        if place in kept:
            fewer, used_by_fewer = _largest(sieve, [other for other in kept if other != place], used)
            if not sieve.claim(fewer):
                kept, used = fewer, used_by_fewer
    return tuple(boxes[place] for place in kept)


def _sieve(steps: Steps, boxes: Sequence[Box]) -> Sieve:
    return Sieve(steps, [box.as_shape() for box in boxes])


def _length(box: Box) -> tuple[int, int, str]:
    return len(box.shape.variables), len(box.text), box.text


def _largest(sieve: Sieve, places: Sequence[int], used: Mapping[Trial, frozenset[int]]) -> tuple[list[int], Used]:
    """Those of some invariants that rules keep without any others, and what it takes for each step to keep them.

    Args:
        sieve: the invariants.
        places: some of them.
        used: what it took for a step to keep these and more: while that is there, the step need not be asked again.
    """
    left = list(places)
    known = dict(used)
    while True:
        broken: set[int] = set()
        for trial in sieve.trials:
            if trial in known and known[trial].issubset(left):
                continue
            if lost := trial.broken(left, left):
                broken |= lost
                known.pop(trial, None)
            else:
                known[trial] = trial.needed
        if not broken:
            return left, known
        left = [place for place in left if place not in broken]
