"""The same system with calls that overlap: a call is invoked in one step and decided in another.

Between the two other cores may move; this is the window of DEN0022 6.6, in which a CPU_OFF is made
and not yet processed. What a core calls is given by a small program, so that one can ask whether a
caller that retries ever ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from psci.explorer.system import MoveAction, Product, State, Transition
from psci.model.language.effects import NOTHING
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.language.terms import TRUE
from psci.model.machine import Machine
from psci.model.step import Invocation
from psci.model.tables.codes import SUCCESS, code_of
from psci.model.tables.versions import VERSIONS


def _named(value: int | None) -> str | None:
    """An answer by its code; what is not a code is one answer."""
    if value is None:
        return None
    code = SUCCESS if value == SUCCESS.number else code_of(value, 64)
    return "other" if code is None else code.name


class Overlapped(NamedTuple):
    """A state of the system, the call that each core is in, and the code that each core got last."""

    system: State
    calls: tuple[Invocation | None, ...]
    answers: tuple[str | None, ...]


class Invoke(NamedTuple):
    """A core makes a call; nothing has changed yet."""

    core: int
    call: Invocation


class Decide(NamedTuple):
    """One atomic step: an allowed outcome of the core's call is taken, and all its effect happens."""

    core: int
    call: Invocation


class Complete(NamedTuple):
    """The results of a core's call are visible; the core goes on."""

    core: int


class OverlapStep(NamedTuple):
    """One step of the overlapped system."""

    action: Invoke | Decide | Complete | MoveAction
    rule: Rule | None
    """None for a point that no rule speaks about."""
    target: Overlapped


CallProgram: TypeAlias = Callable[[int, str | None], Iterable[Invocation]]
"""What a core may call next, given the core and the code that it got last (None: none yet)."""


@dataclass(frozen=True)
class Overlapping:
    """A machine whose cores run a program, with calls that overlap."""

    product: Product
    program: CallProgram
    start: State
    """The state in which the program begins."""

    @property
    def machine(self) -> Machine:
        """The machine."""
        return self.product.machine

    def initial(self) -> Overlapped:
        """No core is in a call."""
        nobody = (None,) * len(self.machine.cores)
        return Overlapped(self.start, nobody, nobody)

    def successors(self, state: Overlapped) -> Iterator[OverlapStep]:
        """Every invocation, every decision, every move."""
        base, calls, answers = state
        for core in self.product.callers(base):
            call = calls[core]
            if call is None:
                for invocation in self.program(core, answers[core]):
                    target = Overlapped(base, _put(calls, core, invocation), answers)
                    yield OverlapStep(Invoke(core, invocation), None, target)
                continue
            for outcome in self.product.stepper.allowed(base, call).outcomes:
                answer = _named(outcome.value)
                target = Overlapped(outcome.state, _put(calls, core, None), _put(answers, core, answer))
                yield OverlapStep(Decide(core, call), outcome.rule, target)
        for transition in self.product.moves(base):
            # a core that is entered begins its program anew
            entered = transition.action.place if transition.action.name == "ENTER" else None
            fresh = answers if entered is None else _put(answers, entered, None)
            yield OverlapStep(transition.action, transition.rule, Overlapped(transition.target, calls, fresh))

    def expand(self, state: Overlapped) -> tuple[int, list[Overlapped]]:
        """The number of steps from a state, and where they lead."""
        targets = [edge.target for edge in self.successors(state)]
        return len(targets), targets


def _point(name: str, text: str) -> Rule:
    since, until = VERSIONS[0], VERSIONS[-1]
    return Rule(
        f"call.{name}", Modality.SUCCEEDS, TRUE, Completion.NEVER, None, None, NOTHING, (), since, until, text
    )  # fmt: skip


INVOKED = _point("invoked", "A core makes a call; nothing has changed yet.")
COMPLETED = _point("completed", "The results of a call are visible; its caller goes on.")
"""The points of a call at which nothing is decided, as rules: they always apply, and change nothing of the state."""
DECIDED = "DECIDED"
"""A call of which an outcome was taken, and whose results are not visible yet."""


class InCalls(NamedTuple):
    """A state of the system, and for each core the call that it is in, `DECIDED`, or None."""

    system: State
    calls: tuple[Invocation | str | None, ...]


@dataclass(frozen=True)
class ThreePoints:
    """A product in which each core makes every call, and the three points of a call are three steps."""

    product: Product

    @property
    def machine(self) -> Machine:
        """The machine."""
        return self.product.machine

    def initial(self) -> InCalls:
        """No core is in a call."""
        return InCalls(self.product.initial(), (None,) * len(self.machine.cores))

    def successors(self, state: InCalls) -> Iterator[Transition]:
        """Every invocation, decision and completion by a core that runs; every move."""
        base, calls = state
        for core in self.product.callers(base):
            call = calls[core]
            if call is None:
                for invocation in self.product.invocations[core]:
                    target = self._after(base, calls, core, invocation)
                    yield Transition(Invoke(core, invocation), INVOKED, None, None, target)
            elif isinstance(call, str):
                target = self._after(base, calls, core, None)
                yield Transition(Complete(core), COMPLETED, None, None, target)
            else:
                for outcome in self.product.stepper.allowed(base, call).outcomes:
                    decided = DECIDED if outcome.completion is Completion.RETURNS else None
                    target = self._after(outcome.state, calls, core, decided)
                    yield Transition(call, outcome.rule, outcome.completion, outcome.value, target)
        for transition in self.product.moves(base):
            yield transition._replace(target=self._after(transition.target, calls, None, None))

    def expand(self, state: InCalls) -> tuple[int, list[InCalls]]:
        """The number of steps from a state, and where they lead."""
        steps = [edge.target for edge in self.successors(state)]
        return len(steps), steps

    def _after(self, base: State, calls: tuple[Any, ...], core: int | None, call: Invocation | str | None) -> Any:
        """A core that no longer runs is in no call."""
        running = self.product.callers(base)
        new = calls if core is None else _put(calls, core, call)
        return InCalls(base, tuple(value if place in running else None for place, value in enumerate(new)))


def _put(values: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    return (*values[:place], value, *values[place + 1 :])
