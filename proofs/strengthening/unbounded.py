"""Which invariants every rule keeps for any number of cores: the same filter, one query for each rule.

Here a model is not a finite table, so a step that breaks something is asked again for each invariant alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from psci.model.specification import Specification
from psci.proofs.encoding.queries import SolverVerdict, solve
from psci.proofs.methods.induction import Obligation, obligations
from psci.proofs.strengthening.generalisation import Box
from psci.proofs.suite import ANY, translations
from psci.properties.language import Property

BEFORE = "before: "
"""How the induction names what it assumes before a step."""
RLIMIT = 4_000_000
"""The resources of one question, in Z3's own units."""


def lasting(prop: Property, boxes: Sequence[Box], specification: Specification) -> tuple[Box, ...]:
    """Those of some invariants that hold at the start and that every rule keeps, for any number of cores.

    Args:
        prop: the property; its claim is assumed before a step where it is one of states.
        boxes: the invariants.
        specification: the rules.
    """
    extra = [box.invariant() for box in boxes]
    found = obligations(prop, translations(ANY, specification), extra)
    names = frozenset(box.text for box in boxes)
    questions = [_Question(obligation, names) for obligation in found if obligation is not None]
    # the claim itself is assumed and not asked about here: the proof that follows does that
    left = {prop.name, *names}
    while broken := set().union(*(question.broken(left) for question in questions)):
        left -= broken
    return tuple(box for box in boxes if box.text in left)


class _Question:
    """Whether one rule keeps the invariants; it is asked again only when something is dropped that the answer used."""

    def __init__(self, obligation: Obligation, wanted: Collection[str]) -> None:
        self._obligation = obligation
        self._wanted = wanted
        self._used: frozenset[str] | None = None

    def broken(self, left: Collection[str]) -> set[str]:
        """Those of the invariants that are left which the rule does not keep, or of which the solver does not say."""
        if self._used is not None and self._used.issubset(left):
            return set()
        asked = [name for name, _ in self._obligation.parts if name in left and name in self._wanted]
        used = self._kept(asked, left)
        if used is not None:
            self._used = used
            return set()
        alone = {name: self._kept([name], left) for name in asked}
        self._used = frozenset().union(*(used for used in alone.values() if used is not None))
        return {name for name, used in alone.items() if used is None}

    def _kept(self, asked: Collection[str], left: Collection[str]) -> frozenset[str] | None:
        """The invariants before the step that were used to show that it keeps others; None where it was not shown."""
        if not asked:
            return frozenset()
        query, domain = self._obligation.query, self._obligation.domain
        assumed = [(name, f) for name, f in query.assumptions if _invariant(name) is None or _invariant(name) in left]
        goal = domain.conjunction(formula for name, formula in self._obligation.parts if name in asked)
        answer = solve(replace(query, assumptions=tuple(assumed), goal=goal), RLIMIT, minimise=False)
        if answer.verdict is not SolverVerdict.PROVED:
            return None
        return frozenset(name for name in map(_invariant, answer.core) if name is not None)


def _invariant(fact: str) -> str | None:
    """The invariant that a fact says of the state before a step."""
    return fact.removeprefix(BEFORE) if fact.startswith(BEFORE) else None
