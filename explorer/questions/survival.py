"""What of a machine's state has to move with it: each field that a guest would miss, and how it would notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psci.explorer.abstraction.machines import small
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.runs.describe import action_text
from psci.explorer.search import explore
from psci.explorer.system import Product
from psci.model.symbols.state import FIELDS
from psci.model.tables.versions import V1_3, Version

STATES = 1500
"""How many states are looked at, the nearest first; every field that a guest can miss at all is missed among them."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A field of the state that a new machine does not have by itself."""

    field: str
    before: tuple[str, ...]
    """What happens until the machine moves."""
    noticed: str
    """What can happen next only with the field, or only without it."""


def missed(version: Version = V1_3, cores: int = 2, states: int = STATES) -> tuple[Missed, ...]:
    """The fields that a guest misses when its machine moves without them, each from the nearest state that shows it.

    A machine that was made anew has the state after a cold boot in every field that nobody restores.
    """
    product = Product(small(cores, version), abstraction=Abstraction(widths=(True,)))
    done = explore(product, limit=states)
    fresh = done.states[0]
    found: dict[str, Missed] = {}
    for number, state in enumerate(done.states):
        for field in FIELDS:
            name = field.name
            if name in found or getattr(state, name) == getattr(fresh, name):
                continue
            with_it, without = _next(product, state), _next(product, state._replace(**{name: getattr(fresh, name)}))
            if with_it.keys() != without.keys():
                difference = min(with_it.keys() ^ without.keys())
                steps = tuple(action_text(product, step.transition.action) for step in done.path_to(number))
                noticed = (with_it | without)[difference]
                only = "only if it moves" if difference in with_it else "only if it is lost"
                found[name] = Missed(name, steps, f"{noticed}, {only}")
    return tuple(found[field.name] for field in FIELDS if field.name in found)


def _next(product: Product, state: Any) -> dict[str, str]:
    """What can be seen next: calls with their results, and moves."""
    seen = {}
    for step in product.successors(state):
        text = action_text(product, step.action)
        if step.completion is None:
            text += f" by {step.rule.name}"
        else:
            text += f": {step.completion.value}" + ("" if step.value is None else f" {step.value:#x}")
        seen[text] = text
    return seen


__all__ = ["STATES", "Missed", "missed"]
