"""A reference implementation made from the model itself: what a VMM author can read, and serve to others.

`Implementation` holds the state of one machine and does what the rules allow. What the rules leave to an implementation
it chooses once and keeps for its life, and it declares what can be declared. It decides the way the rules speak, so
what it does is always explained by them: it tests the oracle, not the other way round.
`psci.oracle.reference.faults` holds implementations that are wrong on purpose.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any

from psci.model.events import MachineEvent
from psci.model.language.rules import Completion, Modality
from psci.model.language.terms import Value
from psci.model.machine import Key, Undeclared
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation, Outcome, Stepper, accepts
from psci.oracle.checker.worlds import STATISTICS
from psci.oracle.profiles.declaration import machine_from
from psci.oracle.reference.choices import Choose, first

ANSWERS = tuple(range(4)) + tuple((1 << 64) - n for n in range(1, 13)) + ((1 << 64) - 300,)
"""What is tried where a rule leaves a choice of values."""


class Stuck(enum.Enum):
    """A call that goes no further for now."""

    STUCK = "stuck"


STUCK = Stuck.STUCK
Deciding = Outcome | Stuck | None
"""A step of a call: its outcome; None where it goes on; STUCK where it goes on only when something else happens."""

FIRM = (Modality.GATE, Modality.MUST_REFUSE, Modality.SUCCEEDS)
PERMITTED = (Modality.MAY_SUCCEED, Modality.MAY_REFUSE)


class Implementation:
    """One machine and its implementation of PSCI."""

    def __init__(
        self,
        machine: MachineEvent,
        specification: Specification = SPECIFICATION,
        choose: Choose = first,
        stepper: Stepper | None = None,
        *,
        permits: Callable[[], bool] = lambda: False,
        choices: MutableMapping[Key, Value] | None = None,
    ) -> None:
        """Make a machine that was just booted.

        Args:
            machine: what is declared; what is left open is chosen when it is first asked for, and then kept.
            specification: the rules.
            choose: makes the choices.
            stepper: one that was made for an equal machine and these rules, to be used again.
            permits: asked whether to use a permission, where there is one.
            choices: what the same implementation chose in another machine; it grows.
        """
        self.stepper = Stepper(machine_from(machine), specification) if stepper is None else stepper
        self.machine = self.stepper.machine
        self.choose = choose
        self.permits = permits
        self.choices: MutableMapping[Key, Value] = {} if choices is None else choices
        self.state = self.stepper.initial()
        self.prepare()

    def prepare(self) -> None:
        """For implementations with something of their own to remember."""

    # ---- calls

    def deciding(self, invocation: Invocation) -> Iterator[Deciding]:
        """Decide a call in steps between which other cores may move; the last one, and only it, is the outcome.

        The reference needs one step: under its lock, a call happens at once.
        """
        yield self.call(invocation)

    def call(self, invocation: Invocation) -> Outcome:
        """Decide a call: one allowed outcome is taken, and all its effect happens.

        An outcome that leaves a choice of values is returned with one; a call that no rule answers is NOT_SUPPORTED.
        """
        outcome = self.chosen(invocation)
        self.state = outcome.state
        return outcome

    def chosen(self, invocation: Invocation) -> Outcome:
        """One of the outcomes that are allowed now; nothing has happened yet."""
        options = self.options(invocation)
        if not options:
            return self._nothing(invocation)
        firm = [outcome for outcome in options if outcome.rule.modality in FIRM]
        permitted = [outcome for outcome in options if outcome.rule.modality in PERMITTED]
        rule, completion, value, state = self.choose(permitted if permitted and (not firm or self.permits()) else firm)
        if completion is Completion.RETURNS and value is None:
            function, wide = self.stepper.function(invocation.fn)
            fitting = [word for word in ANSWERS if accepts(Outcome(rule, completion, None, None), word, wide)]
            if function is not None and function.name in STATISTICS:
                # The state that it names was never the one that the implementation took.
                fitting = [0]
            kept: Key = ("answer", rule.name, invocation.fn, invocation.x1, invocation.x2)
            if self.choices.get(kept) not in fitting:
                self.choices[kept] = self.choose(fitting or [0])
            value = int(self.choices[kept])
        return Outcome(rule, completion, value, state)

    def options(self, invocation: Invocation) -> list[Outcome]:
        """What a call may do now: refusals that oblige, then successes, then what is only permitted."""
        order = (*FIRM, *PERMITTED)
        while True:
            try:
                allowed = self.stepper.allowed(self.state, invocation, self.choices)
                break
            except Undeclared as missing:
                self.choices[missing.key] = self.choose(self.stepper.possible(missing.key, self.choices))
        return sorted(
            (o for o in allowed.outcomes if o.rule.modality in order), key=lambda o: order.index(o.rule.modality)
        )

    def waited(self) -> int:
        """What a call returns that waited for a wakeup: SUCCESS."""
        return 0

    def result(self, value: int, wide: bool) -> int:
        """What x0 holds when a call returns."""
        return value if wide else value & 0xFFFF_FFFF

    # ---- what happens without a call

    def move(self, name: str, index: int = 0, parameters: tuple[Any, ...] = ()) -> bool:
        """Make a move of the environment; returns whether it was possible."""
        states = [state for _, state in self.stepper.move(name, self.state, index, parameters)]
        if states:
            self.state = self.choose(states)
        return bool(states)

    def boot(self) -> None:
        """The machine starts again."""
        self.move("BOOT", self.machine.boot)

    def entry(self, core: int) -> tuple[int, int] | None:
        """Where a core is about to be entered and with which x0, or None where it is not."""
        state = self.state
        if state.activity[core] != "ENTERING":
            return None
        for pc in (state.entry[core], state.entry[core] - 1):
            if self.stepper.move("ENTER", state, core, (pc, state.context[core])):
                return pc, state.context[core]
        return None

    def entered(self, core: int) -> None:
        """A core began to run at its entry point."""
        state = self.state
        for pc in (state.entry[core], state.entry[core] - 1):
            if self.move("ENTER", core, (pc, state.context[core])):
                return

    def starts(self, core: int) -> bool:
        """Whether a core is on its way from CPU_ON to its first instruction."""
        return bool(self.state.power[core] == "ON_PENDING")

    def wakes(self, core: int) -> bool:
        """Whether a wakeup that is pending for a core is about to end its wait."""
        return bool(self.state.wake[core]) and self.state.activity[core] in ("STANDBY", "RETENTION", "POWERDOWN")

    def stops(self, core: int) -> bool:
        """Whether a core is about to stop, because the system is on its way down."""
        return bool(self.state.system == "GOING" and self.state.activity[core] != "STOPPED")

    def survivors(self, _running: Sequence[int]) -> Sequence[int]:
        """The cores that run on after the system went down: none."""
        return ()

    def _nothing(self, invocation: Invocation) -> Outcome:
        rule = self.stepper.specification.rules["UNKNOWN"][0]
        return Outcome(rule, Completion.RETURNS, (1 << 64) - 1, self.state)


__all__ = ["STUCK", "Deciding", "Implementation"]
