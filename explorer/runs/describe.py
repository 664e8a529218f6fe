"""Steps as text, in the words of the specification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psci.explorer.overlap import Complete, Invoke
from psci.explorer.search import SearchStep
from psci.explorer.system import Action, MoveAction, Product, State, Transition
from psci.model.language.rules import Completion
from psci.model.symbols.state import FIELDS
from psci.model.tables.codes import code_of


def action_text(product: Product, action: Action | Invoke | Complete) -> str:
    """Who does what: `core 0: CPU_ON(target_cpu=0x1, ...)`, or the move."""
    if isinstance(action, Complete):
        return f"core {action.core}: its results are visible"
    if isinstance(action, Invoke):
        return action_text(product, action.call).replace(": ", ": invokes ", 1)
    if isinstance(action, MoveAction):
        move = next(move for move in product.specification.moves if move.name == action.name)
        words = ", ".join(
            f"{symbol.name}={value:#x}" if type(value) is int else f"{symbol.name}={value}"
            for symbol, value in zip(move.parameters, action.parameters, strict=True)
        )
        return _mover(product, action) + action.name + (f"({words})" if words else "")
    call, wide = product.stepper.function(action.fn)
    if call is None:
        return f"core {action.caller}: {action.fn:#010x}()"
    values = (action.x1, action.x2, action.x3)
    words = ", ".join(f"{a.name}={v:#x}" for a, v in zip(call.arguments, values, strict=False))
    notes = [note for note in ("SMC32" if call.fid64 and not wide else "", action.isa, action.world) if note]
    odd = ", ".join(note for note in notes if note not in ("AARCH64", "NORMAL"))
    return f"core {action.caller}: {call.name}({words})" + (f" [{odd}]" if odd else "")


def _mover(product: Product, action: MoveAction) -> str:
    move = next(move for move in product.specification.moves if move.name == action.name)
    if move.node is not None:
        return f"node {product.machine.tree.names[action.place]}: "
    return f"core {action.place}: " if move.core is not None else ""


def outcome_text(transition: Transition) -> str:
    """How a call ends: the name of a code, a value, or that it waits or never returns; empty for a move."""
    match transition.completion:
        case None:
            return ""
        case Completion.RETURNS:
            if transition.rule.code is not None:
                return transition.rule.code.name
            return result_text(transition.value)
        case Completion.WAITS:
            return "waits"
    return "does not return"


def result_text(value: int | None) -> str:
    """A result as a person reads it."""
    if value is None:
        return "any of several"
    code = code_of(value, 64)
    if code is not None:
        return code.name
    if value >> 63:
        return str(value - (1 << 64))
    return f"{value:#x}" if value > 9 else str(value)


def changes(before: State, after: State) -> Iterator[str]:
    """What a step changes: `power[1]: OFF -> ON_PENDING`."""
    for field in FIELDS:
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old == new:
            continue
        if not field.domain:
            yield f"{field.name}: {_shown(old)} -> {_shown(new)}"
            continue
        for index, (a, b) in enumerate(zip(old, new, strict=True)):
            if a != b:
                yield f"{field.name}[{index}]: {_shown(a)} -> {_shown(b)}"


def _shown(value: Any) -> str:
    return f"{value:#x}" if type(value) is int and value > 9 else str(value)


def step_lines(product: Product, steps: list[SearchStep]) -> Iterator[str]:
    """A way, step by step: who does what, how it ends, by which rule, and only what changes."""
    for number, (before, transition) in enumerate(steps, start=1):
        outcome = outcome_text(transition)
        arrow = f" -> {outcome}" if outcome else ""
        yield f"{number:3}  {action_text(product, transition.action)}{arrow}"
        yield f"     {', '.join((transition.rule.name, *transition.rule.cites))}"
        for change in changes(before, transition.target):
            yield f"       {change}"
