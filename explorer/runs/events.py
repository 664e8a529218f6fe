"""A way through the explored states as the events that a tester would have seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from psci.explorer.runs.machine_event import machine_event
from psci.explorer.search import SearchStep
from psci.explorer.system import MoveAction, Product, Transition
from psci.model import events
from psci.model.environment import REEVALUATE
from psci.model.events import Event
from psci.model.language.rules import Completion, Rule
from psci.model.machine import Machine
from psci.model.step import Invocation, Outcome, accepts
from psci.model.tables.codes import CODES

SEEN: Mapping[str, str] = {
    "OFF": "off",
    "HIBERNATE": "hibernate",
    "RESET": "reset",
    "WARM_RESET": "reset",
    "VENDOR_RESET": "reset",
}
"""What the outside sees of each kind of system call."""
CAUSES: Mapping[str, str] = {"WARM_RESET": "warm", "VENDOR_RESET": "vendor"}
"""The causes of a boot that is not a cold one."""
RESULTS = (*(code.word(64) for code in CODES), 1, (1 << 64) - 257)
"""Results to choose from where a rule leaves a choice: the codes, a positive number, a vendor's error."""


def events_of(product: Product, steps: Sequence[SearchStep], worlds: Mapping[int, str] | None = None) -> list[Event]:
    """The events of a way from the initial state; silent moves are not seen, but what they complete is.

    `worlds` is the security state of the cores whose callers are not in the Normal world, by their index.
    """
    machine = product.machine
    seen: list[Event] = [machine_event(machine, worlds)]
    waiting: set[int] = set()
    for step in steps:
        action = step.transition.action
        if isinstance(action, Invocation):
            seen += _call(product, step, action, waiting)
        else:
            seen += _move(machine, step, action, waiting)
    seen.append(events.EndEvent(why="the goal is reached"))
    return seen


def results_of(product: Product, transition: Transition) -> tuple[int | None, ...]:
    """The results that a transition stands for: one where the rule fixes it, else some of those that it allows."""
    _, rule, completion, value, _ = transition
    if completion is not Completion.RETURNS or value is not None:
        return (value,)
    _, wide = product.stepper.function(transition.action.fn)
    return results_left_open(rule, wide)


def results_left_open(rule: Rule, wide: bool) -> tuple[int, ...]:
    """Some of the results that a rule without a fixed result allows."""
    outcome = Outcome(rule, rule.completion, None, None)
    return tuple(word for word in RESULTS if accepts(outcome, word, wide))


def _call(product: Product, step: SearchStep, call: Invocation, waiting: set[int]) -> Iterator[Event]:
    cpu = product.machine.cores[call.caller]
    function, wide = product.stepper.function(call.fn)
    count = len(function.arguments) if function else 0
    isa = None if call.isa == "AARCH64" else call.isa.lower()
    yield events.CallEvent(cpu=cpu, fn=call.fn, args=(call.x1, call.x2, call.x3)[:count], isa=isa)
    _, rule, completion, _, _ = step.transition
    if completion is Completion.WAITS:
        waiting.add(call.caller)
    elif completion is Completion.RETURNS:
        value = results_of(product, step.transition)[0]
        assert value is not None, rule.name
        yield events.ReturnEvent(cpu=cpu, x0=value if wide else value & 0xFFFF_FFFF)


def _move(machine: Machine, step: SearchStep, move: MoveAction, waiting: set[int]) -> Iterator[Event]:
    """What is seen of a move; a core that waited and runs again has returned from its call."""
    before, after = step.before, step.after
    cpu = machine.cores[move.place] if move.name != REEVALUATE.name else 0
    match move.name:
        case "ENTER":
            pc, x0 = move.parameters
            waiting.discard(move.place)
            yield events.EnterEvent(cpu=cpu, pc=pc, x0=x0)
        case "SIGNAL":
            yield events.WakeEvent(cpu=cpu) if move.parameters[0] else events.UnwakeEvent(cpu=cpu)
        case "GO_DOWN":
            waiting.clear()
            yield events.SystemEvent(event=SEEN.get(move.parameters[0], "crash"))
        case "LOSE_POWER":
            waiting.clear()
            yield events.HostEvent(action="restart")
        case "HOST_START":
            waiting.discard(move.place)
            yield events.HostEvent(action="start_cpu", cpu=cpu)
        case "HOST_STOP":
            waiting.discard(move.place)
            yield events.HostEvent(action="stop_cpu", cpu=cpu)
        case "BOOT":
            yield events.BootEvent(cpu=cpu, cause=CAUSES.get(before.kind, "cold"))
        case _:
            for core in sorted(waiting):
                if before.activity[core] != "RUNNING" and after.activity[core] == "RUNNING":
                    waiting.discard(core)
                    yield events.ReturnEvent(cpu=machine.cores[core], x0=0)
