"""The smallest machine that a caller observes: states that it can never tell apart are one.

Two states are one if they are branching bisimilar, with everything silent that the first core takes no part in.
"""

from __future__ import annotations

from typing import NamedTuple

from psci.explorer.search import explore
from psci.explorer.system import MoveAction, Product, State, Transition
from psci.graphs.diagram import Diagram, DiagramNode, EdgeKind, EdgeLabel, merged
from psci.graphs.views.explored import kind_of, label_of, subtitle_of

OBSERVER = 0
_OUTSIDE = ("GO_DOWN", "BOOT")
"""Moves that nobody fails to notice."""


class _Step(NamedTuple):
    seen: tuple[str, str] | None
    """What the observer sees: the call or move, and the outcome; None: nothing."""
    target: int
    transition: Transition


def observed_view(product: Product, refusals: bool = False) -> Diagram:
    """The quotient by what the first core's caller can find out, whatever it calls."""
    states = explore(product).states
    numbers = {state: number for number, state in enumerate(states)}
    steps = [
        [_Step(_seen(product, t), numbers[t.target], t) for t in product.successors(state)] for state in states
    ]  # fmt: skip
    block = _refined(steps)
    found: set[tuple[str, str, EdgeKind, EdgeLabel]] = set()
    for number, out in enumerate(steps):
        for step in out:
            source, target = f"b{block[number]}", f"b{block[step.target]}"
            if source != target:
                kind = kind_of(product, step.transition) if step.seen else EdgeKind.SILENT
                label = label_of(product, step.transition) if step.seen else EdgeLabel("unseen by this caller")
                found.add((source, target, kind, label))
    members: dict[int, list[State]] = {}
    for number, state in enumerate(states):
        members.setdefault(block[number], []).append(state)
    nodes = tuple(
        DiagramNode(f"b{number}", _text(product, inside), _tone(inside), initial=number == block[0])
        for number, inside in members.items()
    )
    text = f"{subtitle_of(product)}: {len(states)} states, of which a caller tells {len(nodes)} apart"
    return Diagram("The smallest machine that core 0 cannot tell from the real one", text, nodes, merged(found))


def _seen(product: Product, transition: Transition) -> tuple[str, str] | None:
    action = transition.action
    if isinstance(action, MoveAction):
        noticed = action.name in _OUTSIDE or (action.name == "ENTER" and action.place == OBSERVER)
        return (action.name, "") if noticed else None
    label = label_of(product, transition)
    return (label.what, label.outcome) if action.caller == OBSERVER else None


def _refined(steps: list[list[_Step]]) -> list[int]:
    """The block of each state: split by what can be seen, until nothing splits any more (Blom and Orzan 2003)."""
    block = [0] * len(steps)
    while True:
        signatures: dict[object, int] = {}
        following = [
            signatures.setdefault(_signature(number, steps, block), len(signatures)) for number in range(len(steps))
        ]
        if len(signatures) == len(set(block)):
            return block
        block = following


def _signature(number: int, steps: list[list[_Step]], block: list[int]) -> object:
    """The block, and every step out of what can be reached from here unseen without leaving it."""
    reached, left = {number}, [number]
    signs = set()
    while left:
        for step in steps[left.pop()]:
            if step.seen is None and block[step.target] == block[number]:
                if step.target not in reached:
                    reached.add(step.target)
                    left.append(step.target)
            else:
                signs.add((step.seen, block[step.target]))
    return block[number], frozenset(signs)


def _text(product: Product, inside: list[State]) -> str:
    """The states of a block: what they have in common, core by core."""
    lines = ["/".join(dict.fromkeys(s.system for s in inside))]
    for core in range(len(product.machine.cores)):
        found = dict.fromkeys(f"ON {s.activity[core]}" if s.power[core] == "ON" else s.power[core] for s in inside)
        lines.append(f"core {core}: " + (" or ".join(found) if len(found) < 4 else "anything"))
    return "\n".join([*lines, f"{len(inside)} states" if len(inside) > 1 else "1 state"])


def _tone(inside: list[State]) -> str:
    tones = {"RUNNING": "on", "SUSPENDED": "idle", "GOING": "going", "DOWN": "down"}
    systems = {s.system for s in inside}
    return tones[systems.pop()] if len(systems) == 1 else "plain"
