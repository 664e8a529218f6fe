"""A sequence as traces: one in which every answer is right, and one that deviates; the checker has the last word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psci.explorer.runs.events import results_left_open
from psci.model import events
from psci.model.events import Event
from psci.model.specification import SPECIFICATION
from psci.model.tables.codes import CODES
from psci.oracle.campaign.judging import Judge
from psci.oracle.checker.report import Verdict
from psci.oracle.peers.program import EntrySlot
from psci.oracle.suite.building import SLOT_SIZE, SLOTS
from psci.oracle.suite.sequences import (
    CoreName,
    Suite,
    SuiteArgument,
    SuiteAwait,
    SuiteBoot,
    SuiteCall,
    SuiteSequence,
    SuiteStep,
    SuiteSystem,
    SuiteWake,
)

_WRONG = (0, *(code.word(64) for code in CODES), 0x55)
"""Answers to try where one is to be wrong."""


def right_trace(suite: Suite, sequence: SuiteSequence) -> tuple[Event, ...]:
    """What an implementation does that goes the way of the sequence."""
    body = (event for step in sequence.steps for event in _events(suite, step))
    return (suite.event, *body, events.EndEvent(why="the sequence is done"))


def wrong_trace(suite: Suite, sequence: SuiteSequence, judge: Judge) -> tuple[Event, ...] | None:
    """The same up to one answer that no rule allows, the last one that can be wrong; None where none is blamed."""
    for place in range(len(sequence.steps) - 1, -1, -1):
        step = sequence.steps[place]
        if not isinstance(step, SuiteCall):
            continue
        before = [event for other in sequence.steps[:place] for event in _events(suite, other)]
        for value in _WRONG:
            x0 = value if step.wide else value & 0xFFFF_FFFF
            if any(answer.value == value for answer in step.answers):
                continue
            answer = events.ReturnEvent(cpu=suite.machine.cores[step.cpu], x0=x0)
            end = events.EndEvent(why="the last answer is wrong")
            trace = (suite.event, *before, _call(suite, step), answer, end)
            if judge.judge(trace).verdict is Verdict.DEVIATES:
                return trace
    return None


def fits(call: SuiteCall, value: int) -> bool:
    """Whether an answer is one of those expected; a wait for a wakeup ends with SUCCESS."""
    mask = (1 << 64) - 1 if call.wide else 0xFFFF_FFFF
    return any(
        (answer.how == "returns" and (answer.value is None or (answer.value ^ value) & mask == 0))
        or (answer.how == "waits" and value & mask == 0)
        for answer in call.answers
    )


def word(suite: Suite, argument: SuiteArgument) -> int:
    """An argument as it is on the explored machine."""
    match argument:
        case CoreName(index=index):
            return suite.machine.cores[index]
        case EntrySlot(slot=slot, offset=offset):
            return SLOTS + SLOT_SIZE * slot + offset
    return argument


def _call(suite: Suite, step: SuiteCall) -> Event:
    args = tuple(word(suite, argument) for argument in step.args)
    return events.CallEvent(cpu=suite.machine.cores[step.cpu], fn=step.fn, args=args)


def _events(suite: Suite, step: SuiteStep) -> Iterator[Event]:
    cores: Sequence[int] = suite.machine.cores
    match step:
        case SuiteCall(path=path):
            yield _call(suite, step)
            if path.how == "returns":
                value = _left_open(suite, step) if path.value is None else path.value
                yield events.ReturnEvent(cpu=cores[step.cpu], x0=value if step.wide else value & 0xFFFF_FFFF)
        case SuiteWake(cpu=cpu):
            yield events.WakeEvent(cpu=cores[cpu], cause="irq")
        case SuiteAwait(cpu=cpu, entries=entries):
            if entries:
                slot, context = entries[0]
                yield events.EnterEvent(cpu=cores[cpu], pc=word(suite, slot), x0=context)
            else:
                yield events.ReturnEvent(cpu=cores[cpu], x0=0)
        case SuiteSystem(events=seen):
            yield events.SystemEvent(event=seen[0])
        case SuiteBoot(cause=cause):
            yield events.BootEvent(cpu=cores[suite.machine.boot], cause=cause)


def _left_open(suite: Suite, step: SuiteCall) -> int:
    """A value that a rule which leaves it open allows."""
    rules = SPECIFICATION.of(step.function, suite.machine.version)
    rule = next(rule for rule in rules if rule.name in step.path.rules)
    return results_left_open(rule, step.wide)[0]


__all__ = ["fits", "right_trace", "word", "wrong_trace"]
