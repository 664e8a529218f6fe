"""Few invariants out of many: those that a proof cannot do without.

Each invariant is left out on trial, the longest first: if the claim holds with what rules keep of the others, it
is not needed. What unsatisfiable cores do not name need not be tried; which cores the solver finds decides
how long this takes, not what comes of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from psci.proofs.boxes import Box
from psci.proofs.houdini import Sieve
from psci.proofs.steps import Steps


def claim_holds(steps: Steps, boxes: Sequence[Box]) -> bool:
    """Whether the claim holds of every step before which the invariants hold."""
    return not _sieve(steps, boxes).claim(range(len(boxes)))[1]


def reduced(steps: Steps, boxes: Sequence[Box]) -> tuple[Box, ...]:
    """Invariants that are enough for the claim and that every rule keeps, none of which can be left out.

    Args:
        steps: the steps, and the property.
        boxes: invariants that every rule keeps, and with which the claim holds.
    """
    sieve = _sieve(steps, boxes)
    kept = sorted(sieve.left)
    enough = _named(sieve, kept)
    for place in sorted(kept, key=lambda place: _length(boxes[place]), reverse=True):
        rest = [other for other in kept if other != place]
        if place in enough:
            fewer = _largest(sieve, rest)
            if sieve.claim(fewer)[1]:
                continue
            enough = _named(sieve, fewer)
        kept = rest
    return tuple(boxes[place] for place in kept)


def _sieve(steps: Steps, boxes: Sequence[Box]) -> Sieve:
    return Sieve(steps, [box.as_shape() for box in boxes])


def _length(box: Box) -> tuple[int, int, str]:
    return len(box.shape.variables), len(box.text), box.text


def _named(sieve: Sieve, given: Sequence[int]) -> frozenset[int]:
    """Those of some invariants that cores name, from the claim on; all of them where the solver gives up."""
    needed, failed = sieve.claim(given)
    kept: set[int] = set()
    waiting = sorted(needed)
    while waiting and not failed:
        place = waiting.pop()
        if place in kept:
            continue
        kept.add(place)
        for trial in sieve.trials:
            failed = failed or ("" if trial.keeps(given, [place]) else trial.name)
            waiting += sorted(trial.needed)
    return frozenset(given if failed else kept)


def _largest(sieve: Sieve, places: Sequence[int]) -> list[int]:
    """Those of some invariants that rules keep without any others."""
    left = list(places)
    while broken := {i for trial in sieve.trials for i in trial.broken(left, left)}:
        left = [place for place in left if place not in broken]
    return left
