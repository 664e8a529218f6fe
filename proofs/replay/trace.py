"""A run of a model as a way of the explorer, and as the events that a tester would have seen."""

from __future__ import annotations

from collections.abc import Sequence

from psci.explorer.runs.events import events_of
from psci.explorer.search import SearchStep
from psci.explorer.system import MoveAction, Product, State, Transition
from psci.model.events import Event
from psci.model.specification import Specification
from psci.proofs.replay.concrete import Taken
from psci.proofs.replay.platform import ReplaySetting


def events_of_run(setting: ReplaySetting, specification: Specification, taken: Sequence[Taken]) -> tuple[Event, ...]:
    """The events of a run from boot.

    Args:
        setting: its machine.
        specification: the rules that it was made by.
        taken: its steps, of which the first is the boot.
    """
    product = Product(setting.machine, specification)
    return tuple(events_of(product, way_of(product, taken), setting.worlds))


def way_of(product: Product, taken: Sequence[Taken]) -> tuple[SearchStep, ...]:
    """The steps after the first boot, as the stepper takes them."""
    way: list[SearchStep] = []
    state = taken[0].after if taken else None
    for one in taken[1:]:
        way.append(_step(product, state, one))
        state = way[-1].after
    return tuple(way)


def _step(product: Product, state: State, taken: Taken) -> SearchStep:
    call = taken.action.invocation
    if call is not None:
        outcome = next(o for o in product.stepper.allowed(state, call).outcomes if o.rule.name == taken.rule)
        return SearchStep(state, Transition(call, *outcome)._replace(value=taken.value))
    move = MoveAction(taken.action.owner, taken.action.core, taken.action.parameters)
    rule, target = next(
        (rule, target)
        for rule, target in product.stepper.move(move.name, state, move.place, move.parameters)
        if rule.name == taken.rule
    )
    return SearchStep(state, Transition(move, rule, None, None, target))


__all__ = ["events_of_run", "way_of"]
