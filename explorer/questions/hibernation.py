"""Every run of a hibernation scenario, and what comes of it: judged, with the shortest run to each failure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.calls.system_reset2 import SYSTEM_RESET2
from psci.model.environment import BOOT, GO_DOWN
from psci.model.events import EndEvent, Event
from psci.model.language.rules import Completion
from psci.model.language.terms import Value
from psci.model.machine import Key, Machine
from psci.model.scenarios.hibernation import (
    AWAKE,
    CLEAN,
    CLIENTS,
    DISASTER,
    HOSTS,
    IMPLEMENTATIONS,
    MAY_RESUME,
    RESUMES,
    VERDICTS,
    Hibernation,
    Scenario,
    ScenarioStep,
    ScenarioWorld,
)
from psci.model.step import Invocation, Stepper
from psci.model.tables.versions import V1_3
from psci.properties import PROPERTIES
from psci.properties.hibernation import OfScenarios


@dataclass(frozen=True)
class ScenarioRun:
    """A way from a running guest to the end of the scenario."""

    scenario: Scenario
    opening: tuple[Event, ...]
    steps: tuple[ScenarioStep, ...]

    @property
    def end(self) -> ScenarioWorld:
        """The last state."""
        return self.steps[-1].after

    def events(self, why: str) -> tuple[Event, ...]:
        """The run as a trace."""
        return (*self.opening, *(event for step in self.steps for event in step.seen), EndEvent(why=why))

    def lines(self) -> Iterator[str]:
        """The run, one line a step."""
        for number, step in enumerate(self.steps, start=1):
            cites = f"  [{', '.join(step.cites[:4])}]" if step.cites else ""
            yield f"{number:2}. {step.actor}: {step.text}{cites}"
        yield f"    end: {_end_text(self.end)}"


@dataclass(frozen=True)
class ScenarioJudgement:
    """What comes of a scenario."""

    scenario: Scenario
    verdict: str
    told: str
    """How often the host learns that the guest hibernates: always, never, sometimes; none where it does not."""
    states: int
    failures: tuple[tuple[str, ScenarioRun], ...]
    """Each kind of failure (disaster, host not told, image discarded) with the shortest run to it."""


def runs(scenario: Scenario) -> tuple[list[ScenarioRun], int]:
    """Every run of a scenario, the shortest first, and the number of different states."""
    world = Hibernation(scenario)
    frontier: list[tuple[ScenarioWorld, tuple[ScenarioStep, ...]]] = [(world.initial(), ())]
    seen, ended = {frontier[0][0]}, []
    while frontier:
        state, steps = frontier.pop(0)
        following = list(world.successors(state))
        seen.update(step.after for step in following)
        frontier += [(step.after, (*steps, step)) for step in following]
        if not following:
            ended.append(ScenarioRun(scenario, world.opening, steps))
    return ended, len(seen)


def judge(scenario: Scenario) -> ScenarioJudgement:
    """Explore a scenario exhaustively."""
    ended, states = runs(scenario)
    hibernating = [run for run in ended if run.end.image is not None]
    told = {run.end.told == "hibernate" for run in hibernating}
    ends = {"disaster" if run.end.is_disaster else run.end.phase for run in ended}
    if "disaster" in ends:
        verdict = DISASTER
    elif ends == {"resumed"}:
        verdict = RESUMES
    else:
        verdict = MAY_RESUME if "resumed" in ends else CLEAN if "booted cleanly" in ends else AWAKE
    failures = {
        "disaster": next((run for run in ended if run.end.is_disaster), None),
        "the host is not told": next((run for run in hibernating if run.end.told != "hibernate"), None),
        "the image is discarded": next((run for run in hibernating if run.end.phase == "booted cleanly"), None),
    }
    how_often = {(): "none", (True,): "always", (False,): "never"}.get(tuple(told), "sometimes")
    return ScenarioJudgement(
        scenario, verdict, how_often, states,
        tuple((name, run) for name, run in failures.items() if run is not None),
    )  # fmt: skip


def pairings() -> Iterator[Scenario]:
    """Every client with every implementation and every kind of host."""
    for client in CLIENTS:
        for implementation in IMPLEMENTATIONS:
            for host in HOSTS:
                yield Scenario(client, implementation, host)


def updates() -> Iterator[Scenario]:
    """A firmware update is pending: a client that waits, one that does not, and updates of both kinds (OFF2-16)."""
    linux = next(client for client in CLIENTS if client.name == "Linux")
    final, preserving = IMPLEMENTATIONS[-1], HOSTS[0]
    plain = Scenario(linux, final, preserving, update=True)
    for heeds in (True, False):
        for signs in (True, False):
            yield replace(plain, heeds_update=heeds, update_signs=signs)


@dataclass(frozen=True, slots=True)
class Precedent:
    """What a host may make of a system call whose event carries a flag, by the rules of the next boot."""

    call: str
    keeps: str
    """What the next life finds, of what the flag asks for."""
    allowed: tuple[str, ...]
    """What the rules let the next boot find: the values of that field."""
    rules: tuple[str, ...]


def precedents() -> Iterator[Precedent]:
    """SYSTEM_RESET2 (warm) beside SYSTEM_OFF2: may an implementation do as if the flag were not there?"""
    declared: dict[str | Key, Value] = {"checks_upper_halves": False, "resets_warm": True}
    declared |= {("has", SYSTEM_OFF2.key): True, ("has", SYSTEM_RESET2.key): True}
    machine = Machine(V1_3, (0, 1), declared=declared)
    stepper = Stepper(machine)
    for call, kind, field in ((SYSTEM_RESET2, "WARM_RESET", "memory"), (SYSTEM_OFF2, "HIBERNATE", "platform")):
        outcomes = stepper.allowed(stepper.initial(), Invocation(0, call.key)).outcomes
        after = next(outcome.state for outcome in outcomes if outcome.completion is Completion.NEVER)
        ((_, down),) = stepper.move(GO_DOWN.name, after, parameters=(kind,))
        boots = stepper.move(BOOT.name, down, 0)
        found = tuple(dict.fromkeys(str(getattr(state, field)) for _, state in boots))
        yield Precedent(call.name, field, found, tuple(rule.name for rule, _ in boots))


def violations(judgements: Iterable[ScenarioJudgement]) -> list[str]:
    """The properties of hibernation that some scenario breaks although its parties keep their side."""
    of_scenarios = [prop for prop in PROPERTIES if isinstance(prop, OfScenarios)]
    found = [(judgement, prop) for judgement in judgements for prop in of_scenarios if prop.broken_by(judgement)]
    return [f"{name_of(judgement.scenario)}: {prop.name}: {prop.sentence}" for judgement, prop in found]


def name_of(scenario: Scenario) -> str:
    """Who meets whom."""
    return (
        f"{scenario.client.name} client, {scenario.implementation.name} implementation, host that {scenario.host.name}"
    )


def _end_text(world: ScenarioWorld) -> str:
    if world.is_disaster:
        return "DISASTER: the image was resumed on a machine that it does not fit"
    return {
        "resumed": "the guest goes on where it was",
        "booted cleanly": "a clean boot; the image was discarded",
        "stays awake": "the guest did not hibernate",
    }[world.phase]


__all__ = [
    "VERDICTS",
    "Precedent",
    "ScenarioJudgement",
    "ScenarioRun",
    "judge",
    "name_of",
    "pairings",
    "precedents",
    "runs",
    "updates",
    "violations",
]  # fmt: skip
