"""Refinement: each version is the one before it but for what is listed, and two halves are one implementation.

The differences of two versions are found by simulation in both directions (`simulation.py`): a rule of one version
whose outcome the other does not allow in some state. Then they are compared with the list: a difference that no change
names breaks the claim, and so does a change that nothing shows. It is the default reading that is claimed: 0.2 with
the errata of issue C. Cores and tree are uninterpreted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from psci.model.scenarios.filter import claimed_set, usual_offer
from psci.model.specification import Specification
from psci.model.tables.versions import Version
from psci.proofs.encoding.queries import Query, SolverAnswer, SolverVerdict, solve
from psci.proofs.encoding.rules import owners
from psci.proofs.encoding.steps import Translations
from psci.proofs.methods.counterexample import Story
from psci.proofs.methods.induction import rules_in_cores
from psci.proofs.methods.simulation import Sides, Simulation
from psci.proofs.questions.filter import ERRATA, AskSolver, sufficiency
from psci.properties.helpers import REACHABLE
from psci.properties.language import Property
from psci.properties.revisions import Change, Refines, Splits


@dataclass(frozen=True, slots=True)
class RuleDifference:
    """A rule of one version whose outcome the other version does not allow in some state."""

    rule: str
    newer: bool
    """It is a rule of the newer version; else of the older."""
    listed_by: Change | None

    def text(self) -> str:
        """The rule, which side has it, and where it is listed."""
        side = "newer" if self.newer else "older"
        listed = ", ".join(self.listed_by.cites) if self.listed_by else "nothing"
        return f"{self.rule} ({side}; {listed})"


@dataclass(frozen=True)
class Refinement:
    """What came of a claim about two versions, or about two halves."""

    claim: Property
    verdict: SolverVerdict
    answers: tuple[SolverAnswer, ...]
    alike: int
    """Rules that need no query, because both sides read them the same."""
    seconds: float
    differences: tuple[RuleDifference, ...] = ()
    failed: tuple[str, ...] = ()
    """What breaks the claim, a sentence each."""
    undecided: tuple[str, ...] = ()
    """Rules on which the solver gave up."""
    provided: tuple[str, ...] = ()
    """What is assumed of the machine."""

    @property
    def story(self) -> Story | None:
        """What breaks the claim, to be read."""
        if not self.failed:
            return None
        heading = f"{self.claim.name} is broken: {self.claim.sentence}"
        return Story((heading, *(f"  {line}" for line in self.failed)))

    def rules_used(self) -> tuple[str, ...]:
        """The rules in the cores of the proofs, and those by which versions differ."""
        return tuple(sorted({*rules_in_cores(self.answers), *(d.rule for d in self.differences)}))


def prove(
    prop: Property, translations: Translations, only_rule: str | None = None, only_owner: str | None = None,
    ask: AskSolver = solve,
) -> Refinement:  # fmt: skip
    """Decide a claim of refinement, or what it says of one rule, call or move.

    Args:
        prop: the claim.
        translations: the rules, for any number of cores.
        only_rule: the name of the only rule that is asked about.
        only_owner: the name of the only call or move.
        ask: the solver.
    """
    if isinstance(prop, Splits):
        return of_split(prop, translations, ask, only_owner)
    assert isinstance(prop, Refines), prop.name
    return of_versions(prop, translations, only_rule, only_owner, ask)


def of_versions(
    prop: Refines, translations: Translations, only_rule: str | None, only_owner: str | None, ask: AskSolver
) -> Refinement:
    """Find the differences between two versions, and compare them with the list."""
    started = time.perf_counter()
    answers: list[SolverAnswer] = []
    found: dict[tuple[str, bool], RuleDifference] = {}
    undecided: dict[str, None] = {}
    alike = 0
    for newer in (True, False):
        mine, theirs = (prop.newer, prop.older) if newer else (prop.older, prop.newer)
        for rule, query in _questions(mine, theirs, translations, only_owner):
            if only_rule not in (None, rule):
                continue
            if query is None:
                alike += 1
                continue
            answers.append(answer := ask(query))
            if answer.verdict is SolverVerdict.REFUTED:
                found[rule, newer] = RuleDifference(rule, newer, prop.listed_by(rule, newer))
            elif answer.verdict is SolverVerdict.UNKNOWN:
                undecided[rule] = None
    differences = tuple(found.values())
    unlisted = [difference for difference in differences if difference.listed_by is None]
    failed = [_unlisted(prop, difference, translations.specification) for difference in unlisted]
    if only_rule is None:
        failed += _unseen(prop, differences, only_owner)
    verdict = SolverVerdict.REFUTED if failed else SolverVerdict.UNKNOWN if undecided else SolverVerdict.PROVED
    return Refinement(
        prop, verdict, tuple(answers), alike, time.perf_counter() - started, differences, tuple(failed),
        tuple(undecided), (ERRATA.sentence,),
    )  # fmt: skip


def _questions(
    mine: Version, theirs: Version, translations: Translations, only_owner: str | None
) -> Iterator[tuple[str, Query | None]]:
    sides = Sides(mine, theirs, provided=(ERRATA,))
    for owner in owners(translations.specification):
        if only_owner in (None, owner.name):
            simulation = Simulation(translations.of(owner), sides, REACHABLE)
            yield from ((rule.name, query) for rule, query in simulation.queries())


def _unlisted(prop: Refines, difference: RuleDifference, specification: Specification) -> str:
    mine, theirs = (prop.newer, prop.older) if difference.newer else (prop.older, prop.newer)
    text = next(rule.text for rule in specification.every_rule() if rule.name == difference.rule)
    return f"{mine} allows {difference.rule} where {theirs} does not, and no change lists it: {text}"


def _unseen(prop: Refines, differences: tuple[RuleDifference, ...], only_owner: str | None) -> list[str]:
    """What is on the list and makes no difference."""
    found = []
    for newer, version in ((True, prop.newer), (False, prop.older)):
        seen = [difference.rule for difference in differences if difference.newer is newer]
        patterns = (p for change in prop.changes for p in (change.newer if newer else change.older))
        for pattern in patterns:
            about = only_owner in (None, pattern.partition(".")[0])
            if about and not any(fnmatchcase(rule, pattern) for rule in seen):
                found.append(f"a change lists {pattern} of {version}, and it makes no difference")
    seen = [difference.rule for difference in differences]
    for name in dict.fromkeys(name for change in prop.changes for name in change.functions):
        if only_owner in (None, name) and not any(rule.startswith(f"{name}.") for rule in seen):
            found.append(f"a change lists the function {name}, and it makes no difference")
    if only_owner is None:
        found += [f"{name} is new or gone, and on the list it is not, or the other way round"
                  for name in sorted(prop.unlisted_functions())]  # fmt: skip
    return found


def of_split(
    prop: Splits, translations: Translations, ask: AskSolver = solve, only_owner: str | None = None
) -> Refinement:
    """Whether what is usually forwarded is enough: PSCI_VERSION, PSCI_FEATURES, and what the VMM adds."""
    started = time.perf_counter()
    offered = usual_offer(prop.kernel, prop.whole)
    found = sufficiency(prop.kernel, prop.whole, offered, translations, ask, only_owner)
    forwarded = claimed_set(offered)
    failed = tuple(
        f"{one.owner} ({one.fid:#010x}) must be forwarded as well: by {', '.join(one.rules)}"
        for one in found.forced
        if one.fid not in forwarded
    )
    undecided = tuple(left.owner for left in found.undecided)
    verdict = SolverVerdict.REFUTED if failed else SolverVerdict.UNKNOWN if undecided else SolverVerdict.PROVED
    return Refinement(
        prop, verdict, tuple(answer for left in found.left for _, answer in left.answers), found.alike,
        time.perf_counter() - started, failed=failed, undecided=undecided,
        provided=tuple(proviso.sentence for proviso in found.provisos),
    )  # fmt: skip


__all__ = ["Refinement", "RuleDifference", "prove"]
