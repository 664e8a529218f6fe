"""Claims of facts that the rules refute: the shortest run that a claim says cannot be."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.consistency.findings import Did, FindingKind, RulesFinding, did
from psci.explorer.consistency.settings import (
    ENDS,
    ONE_WIDTH,
    DeclaredSetting,
    domains,
    ordinary,
    others,
    without_function,
)
from psci.explorer.search import explore
from psci.explorer.system import QUIET_MOVES, Product, State, Transition
from psci.explorer.watch import unwatched, watched
from psci.model.declare import Call, Move
from psci.model.language.terms import fields_read
from psci.model.specification import Specification
from psci.model.tables.facts import FACTS
from psci.model.tables.versions import Version
from psci.properties.claims import CLAIMS, VARIES
from psci.properties.language import ClaimKind as Says
from psci.properties.language import Property, step_of

STATES = 1_500
"""How many states are looked at on one machine."""


def conflicts(
    specification: Specification, version: Version, claims: Collection[Property] = CLAIMS
) -> Iterator[RulesFinding]:
    """For each claim that some run refutes, the shortest such run."""
    for claim in claims:
        found = refuted(specification, version, claim)
        if found is not None:
            yield found


def refuted(specification: Specification, version: Version, claim: Property) -> RulesFinding | None:
    """The run that refutes a claim, on the most ordinary machine that has one; None where none was found."""
    every: tuple[Call | Move, ...] = (*specification.calls, *specification.moves)
    owners = [owner for owner in every if not claim.about or owner.name in claim.about]
    rules = [(owner, rule) for owner in owners for rule in specification.of(owner.name, version)]
    if not rules:
        return None
    read = frozenset().union(*(fields_read(claim.of_step(step_of(*place))) for place in rules))
    without = (QUIET_MOVES if "system" in read and claim.about else ENDS) - set(claim.about)
    for setting in _settings(version, claim, owners):
        product = Dutiful(setting.machine, specification, _callers(claim), without)
        watch = watched(product, claim)
        done = explore(watch, watch.goal, limit=STATES if len(setting.machine.tree.names) == 1 else STATES * 3 // 2)
        steps = done.witness()
        if steps is not None:
            return _finding(claim, setting, did(unwatched(steps)))
    return None


@dataclass(frozen=True)
class Dutiful(Product):
    """All cores of a machine, with callers that keep their duties."""

    def successors(self, state: State) -> Iterator[Transition]:
        """Every transition but those of calls that break a duty."""
        for core in self.callers(state):
            for invocation in self.invocations[core]:
                allowed = self.stepper.allowed(state, invocation)
                if not allowed.broken:
                    for outcome in allowed.outcomes:
                        yield Transition(invocation, *outcome)
        yield from self.moves(state)


def _finding(claim: Property, setting: DeclaredSetting, run: tuple[Did, ...]) -> RulesFinding:
    fact, *others_met = claim.cites
    names = (run[-1].rule,) if run and run[-1].rule else ()
    met = f", and meets {', '.join(map(_where, others_met))}" if others_met else ""
    title = f"there is a run that breaks this claim: {claim.sentence}"
    return RulesFinding(
        FindingKind.CONFLICT, fact, tuple(others_met[:1]), title, (f"It is said in {_where(fact)}{met}.",), names,
        claim.cites, setting.differs, setting.machine, run, "breadth first, callers that keep their duties",
    )  # fmt: skip


def _where(fact: str) -> str:
    """A fact by where DEN0022 says it."""
    said = FACTS[fact].sections
    return f"{', '.join(said)} ({fact})" if said else f"what no one section says ({fact})"


def _settings(version: Version, claim: Property, owners: list[Call | Move]) -> Iterator[DeclaredSetting]:
    nodes = claim.kind is Says.INVARIANT or bool({"CPU_SUSPEND", "PSCI_SET_SUSPEND_MODE"} & set(claim.about))
    varies = VARIES.get(claim.name, ())
    base = domains(version, 2) if nodes else ordinary(version, 2)
    alone = [symbol for symbol in varies if symbol != "has"]
    first = [] if varies else [base]
    settings = [*first, *others(base, alone)]
    yield from settings
    if "has" in varies:
        for setting in settings:
            for owner in owners if alone else ():
                if isinstance(owner, Call) and owner.optional:
                    yield without_function(setting, owner)


def _callers(claim: Property) -> Abstraction:
    return replace(ONE_WIDTH, isas=("AARCH64", "AARCH32")) if "RET-3" in claim.cites else ONE_WIDTH
