"""What goes wrong when a function id is left out of a filter: the shortest trace from boot that the oracle rejects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psci.explorer.abstraction.machines import small
from psci.explorer.system import Product
from psci.model.events import CallEvent, EndEvent, Event, MachineEvent, ReturnEvent
from psci.model.language.rules import Completion
from psci.model.scenarios.filter import Composed, Composition
from psci.model.step import Invocation
from psci.oracle.checker.checker import Checker
from psci.oracle.checker.report import Finding
from psci.oracle.peers.program import CallStep, Program

CORES = 2
_LONGEST = 2
"""Every id that we know of is missed after so many calls; a longer search would be for nothing."""


@dataclass(frozen=True)
class FilterWitness:
    """A trace from boot on which kernel and VMM together are not one conforming implementation."""

    fid: int
    """The function id that the kernel serves, and should not."""
    events: tuple[Event, ...]
    finding: Finding

    @property
    def program(self) -> Program:
        """The same calls, for a real machine."""
        calls = [event for event in self.events if isinstance(event, CallEvent)]
        steps = tuple(CallStep(turn=i, cpu=0, fn=call.fn, args=call.args) for i, call in enumerate(calls))
        return Program(cpus=CORES, lives=(steps,))


def witness(composition: Composition, fid: int) -> FilterWitness | None:
    """The shortest sequence of calls after boot that shows that an id has to be forwarded, or None.

    Nothing is declared of the implementation: it may have any optional function or none, but always the same.
    """
    return next(_found(composition.without(fid), fid), None)


def _found(composition: Composition, fid: int) -> Iterator[FilterWitness]:
    product = Product(small(CORES, composition.want))
    composed = Composed(composition, product.machine.cores, product.machine.declared)
    function, _ = composed.vmm.function(fid)
    siblings = function.ids() if function else (fid,)
    # an exploration calls one of two ids where the rules treat them alike; here they are served by two sides
    of_the_id = [call._replace(fn=fid) for call in product.invocations[0] if call.fn in siblings]
    telling = [call for call in product.invocations[0] if call.fn in composition.forwarded]
    sequences: list[Sequence[Invocation]] = [(call,) for call in of_the_id]
    if _LONGEST > 1:
        sequences += [(first, second) for second in telling for first in of_the_id]
    for sequence in sequences:
        found = _judged(composed, composition, sequence)
        if found is not None:
            yield FilterWitness(fid, *found)


def _judged(
    composed: Composed, composition: Composition, sequence: Sequence[Invocation]
) -> tuple[tuple[Event, ...], Finding] | None:
    """Run calls on the composition, and what the oracle objects to; None where it does not."""
    machine = MachineEvent(psci=composition.want.name, cpus=composed.cores, conduit="hvc")
    events: list[Event] = [machine]
    checker = Checker(machine)
    state = composed.vmm.initial()
    for call in sequence:
        outcome = composed.allowed(state, call).outcomes[0]
        if outcome.completion is not Completion.RETURNS or outcome.value is None:
            return None
        state = outcome.state
        _, wide = composed.kernel.function(call.fn)
        word = outcome.value if wide else outcome.value & 0xFFFF_FFFF
        here = (
            CallEvent(cpu=composed.cores[0], fn=call.fn, args=_arguments(call)),
            ReturnEvent(cpu=composed.cores[0], x0=word),
        )
        for event in here:
            events.append(event)
            checker.feed(event)
        if checker.report.findings:
            return (*events, EndEvent(why="the oracle objects")), checker.report.findings[0]
    return None


def _arguments(call: Invocation) -> tuple[int, ...]:
    words = [call.x1, call.x2, call.x3]
    while words and words[-1] == 0:
        words.pop()
    return tuple(words)


__all__ = ["CORES", "FilterWitness", "witness"]
