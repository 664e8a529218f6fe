"""Ways to bring a core into a situation: calls that the model says will do it, found by trying them on the model.

No call is named here: what a call does to its caller, or to the core that it is about, is what the rules say.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from itertools import pairwise
from random import Random
from typing import Any

from psci.model.declare import Call
from psci.model.language.rules import Completion
from psci.oracle.generating.drafts import Draft, DraftWay, StepRole

OFF, PENDING, RUNNING = "OFF", "ON_PENDING", "RUNNING"
ASLEEP = ("STANDBY", "RETENTION", "POWERDOWN")
_LONGEST = 4
_DRAFTS = 12
_MOST_OF_A_KIND = 6


def situation(state: Any, core: int) -> str:
    """What a core is doing, as far as it matters to a call about it."""
    if state.power[core] != "ON":
        return str(state.power[core])
    activity = str(state.activity[core])
    return PENDING if activity == "ENTERING" else activity


def explored(
    calls: tuple[Call, ...],
    states: list[Any],
    draw: Callable[[Random, Any, Call], tuple[Draft, tuple[int | None, ...]]],
) -> Mapping[tuple[str, str], list[DraftWay]]:
    """The ways that single calls are.

    Args:
        calls: what can be called.
        states: where to try them: core 0 calls, about core 1.
        draw: a call of core 0 about core 1 in a state, with the words that matter of its arguments.
    """
    random = Random(0)
    found: dict[tuple[str, str], list[DraftWay]] = defaultdict(list)
    for state in states:
        for call in calls:
            for _ in range(_DRAFTS):
                draft, words = draw(random, state, call)
                outcome = draft.expected
                if draft.ends_life or (outcome.completion is Completion.RETURNS and outcome.state is state):
                    continue
                roles: tuple[StepRole, ...] = ("caller", "target")
                for core, role in enumerate(roles[: len(state.power)]):
                    step = situation(state, core), situation(outcome.state, core)
                    way = DraftWay(role, call, draft.invocation.fn, words)
                    if step[0] != step[1] and len(found[step]) < _MOST_OF_A_KIND and way not in found[step]:
                        found[step].append(way)
    found[PENDING, RUNNING].append(DraftWay("settle"))
    for asleep in ASLEEP:
        found[asleep, RUNNING].append(DraftWay("wake"))
    return dict(found)


def route(ways: Mapping[tuple[str, str], list[DraftWay]], start: str, goal: str) -> list[tuple[str, str]] | None:
    """The shortest way from one situation to another, as steps; None where there is none."""
    paths: deque[list[str]] = deque([[start]])
    seen = {start}
    while paths:
        path = paths.popleft()
        if path[-1] == goal:
            return list(pairwise(path))
        if len(path) > _LONGEST:
            continue
        for here, there in ways:
            if here == path[-1] and there not in seen:
                seen.add(there)
                paths.append([*path, there])
    return None


__all__ = ["ASLEEP", "OFF", "PENDING", "RUNNING", "DraftWay", "explored", "route", "situation"]
