"""What is decided by exploring: responses on small machines with calls that overlap, and scenarios of hibernation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from psci.explorer.abstraction.machines import small
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.overlap import Decide, Invoke, Overlapping
from psci.explorer.questions.hibernation import judge, name_of, pairings, updates
from psci.explorer.questions.liveness import (
    LeadsTo,
    check,
    cpu_off_leads_to_off,
    on_pending_leads_to_on,
    retry_loop_ends,
)
from psci.explorer.runs.describe import action_text, step_lines
from psci.explorer.runs.events import events_of
from psci.explorer.search import explore
from psci.explorer.system import MoveAction, Product
from psci.explorer.watch import unwatched, watched
from psci.model.machine import Machine
from psci.model.scenarios.hibernation import Scenario
from psci.model.specification import SPECIFICATION, Specification
from psci.proofs.encoding.queries import SolverVerdict
from psci.proofs.methods.counterexample import Story
from psci.properties.hibernation import OfScenarios
from psci.properties.language import ClaimKind, Property
from psci.properties.runs.responses import Response

CORES = 2
"""The cores of an explored machine; a scenario of hibernation has as many."""
MOST_STATES = 100_000
"""How many states are looked at for something that must be possible."""
CLAIMS: Mapping[str, Callable[[Machine, Specification], LeadsTo]] = {
    "PROP-15": on_pending_leads_to_on,
    "OFFS-END": cpu_off_leads_to_off,
    "RETRY-ENDS": retry_loop_ends,
}
"""For each response the claim about the explored graph."""


@dataclass(frozen=True)
class ExploredClaim:
    """What came of exploring everything that a property is about."""

    claim: Property
    verdict: SolverVerdict
    states: int
    seconds: float
    stories: tuple[Story, ...] = ()
    """What breaks it, or that nothing meets its premise."""
    witness: Story | None = None
    """The run that shows that something is possible."""


def can_decide(prop: Property) -> bool:
    """Whether a property is one of scenarios, of something possible, or has a claim about the explored graph."""
    return isinstance(prop, OfScenarios) or prop.kind is ClaimKind.WITNESS or prop.name in CLAIMS


def decide(prop: Property, specification: Specification = SPECIFICATION) -> ExploredClaim:
    """Decide a property on the smallest machine, or one of scenarios on all of them."""
    if isinstance(prop, OfScenarios):
        return of_scenarios(prop, scenarios(specification))
    if prop.kind is ClaimKind.WITNESS:
        return of_possibility(prop, specification)
    assert isinstance(prop, Response), prop.name
    return of_graph(prop, CLAIMS[prop.name](small(CORES), specification))


def scenarios(specification: Specification = SPECIFICATION) -> Iterator[Scenario]:
    """Every scenario of hibernation, with these rules in the place of those of PSCI."""
    for scenario in (*pairings(), *updates()):
        yield replace(scenario, implementation=replace(scenario.implementation, rules=specification))


def of_scenarios(prop: OfScenarios, among: Iterable[Scenario]) -> ExploredClaim:
    """Judge scenarios; one that the property does not speak about counts for nothing."""
    started = time.perf_counter()
    concerned = [found for found in map(judge, among) if prop.concerns(found)]
    stories = []
    for found in concerned:
        if prop.broken_by(found):
            runs = [f"  {line}" for _, run in found.failures[:1] for line in run.lines()]
            stories.append(Story((f"{prop.name} is broken: {prop.sentence}", f"  {name_of(found.scenario)}", *runs)))
    return _explored(prop, started, sum(found.states for found in concerned), tuple(stories))


def of_possibility(prop: Property, specification: Specification) -> ExploredClaim:
    """Look for the shortest run that makes a step which must be possible."""
    started = time.perf_counter()
    machine = small(CORES, declared={"osi_supported": True})
    product = Product(machine, specification, Abstraction(widths=(True,)))
    watch = watched(product, prop)
    found = explore(watch, watch.goal, limit=MOST_STATES)
    seconds = time.perf_counter() - started
    steps = found.witness()
    if steps is None:
        nothing = Story((f"{prop.name} is broken: no run of {CORES} cores shows it: {prop.sentence}",))
        return ExploredClaim(prop, SolverVerdict.REFUTED, len(found.states), seconds, (nothing,))
    way = unwatched(steps)
    lines = (f"{prop.name} is shown: {prop.sentence}", *(f"  {line}" for line in step_lines(product, way)))
    story = Story(lines, tuple(events_of(product, way)))
    return ExploredClaim(prop, SolverVerdict.PROVED, len(found.states), seconds, witness=story)


def of_graph(prop: Response, claim: LeadsTo) -> ExploredClaim:
    """Explore every state of the claim's machine."""
    started = time.perf_counter()
    found = check(claim)
    stories: tuple[Story, ...] = ()
    if found.lasso is not None:
        stem = (f"  {n}. {_action(claim, action)}" for n, (action, _) in enumerate(found.lasso.stem, start=1))
        cycle = [f"    {_action(claim, action)}" for action, _ in found.lasso.cycle] or ["    nothing"]
        heading = f"{prop.name} is broken: {prop.sentence}"
        stories = (Story((heading, *stem, "  and from there for ever, although the run is fair:", *cycle)),)
    return _explored(prop, started, found.states if found.premises else 0, stories)


def _explored(prop: Property, started: float, states: int, stories: tuple[Story, ...]) -> ExploredClaim:
    if not states:
        stories = (Story((f"{prop.name} says nothing: no state or scenario that was explored meets its premise",)),)
    verdict = SolverVerdict.REFUTED if stories else SolverVerdict.PROVED
    return ExploredClaim(prop, verdict, states, time.perf_counter() - started, stories)


def _action(claim: LeadsTo, action: Invoke | Decide | MoveAction) -> str:
    product = claim.system.product if isinstance(claim.system, Overlapping) else claim.system
    if isinstance(action, Invoke | Decide):
        done = "makes the call" if isinstance(action, Invoke) else "is answered"
        return f"{action_text(product, action.call)} {done}"
    return action_text(product, action)
