"""A reference implementation made from the model itself, and a peer that runs programs on it.

`Implementation` holds the state of one machine and does what the rules allow: where they allow several things it asks
its `Choose`. It decides the way the rules speak, so what it does is always explained by them: it tests the oracle, not
the other way round. `oracle/reference/faults.py` holds implementations that are wrong on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Protocol, TypeVar

from psci.model.calls.psci_version import PSCI_VERSION
from psci.model.events import Boot, Call, End, Enter, Event, Host, Machine, Observe, Return, System, Timeout, Wake
from psci.model.language.rules import Completion, Modality
from psci.model.language.terms import Value
from psci.model.machine import Key, Undeclared
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation, Outcome, Stepper, accepts
from psci.oracle.checker.worlds import STATISTICS
from psci.oracle.peers.program import Argument, CallStep, Entry, ObserveStep, Program, Step, WakeStep
from psci.oracle.profiles.declaration import machine_from

SLOTS = 0x4000_0000
SLOT_SIZE = 0x1000
"""Where the entry slots of a program are."""

SYSTEM_EVENTS: Mapping[str, tuple[str, int | None]] = {
    "OFF": ("off", 0), "HIBERNATE": ("hibernate", 0),
    "RESET": ("reset", 0), "WARM_RESET": ("reset", 1), "VENDOR_RESET": ("reset", 1),
}  # fmt: skip
"""What the outside sees of each kind of system call: the event and its flags."""

ANSWERS = tuple(range(4)) + tuple((1 << 64) - n for n in range(1, 13)) + ((1 << 64) - 300,)
"""What is tried where a rule leaves a choice of values."""

_MOVES_FOR_A_STEP = 20
"""More than a step of a program can need; a life that needs more does not come to an end."""

T = TypeVar("T")


class Choose(Protocol):
    """Makes the choices that the rules leave."""

    def __call__(self, options: Sequence[T]) -> T:
        """One of the options, of which there is at least one; the most ordinary comes first."""


def first(options: Sequence[T]) -> T:
    """The deterministic choice."""
    return options[0]


def seeded(seed: int) -> Choose:
    """A choice that is random, and the same for the same seed."""
    random = Random(seed)

    def choose(options: Sequence[T]) -> T:
        return random.choice(options)

    return choose


class Implementation:
    """One machine and its implementation of PSCI."""

    def __init__(
        self,
        machine: Machine,
        specification: Specification = SPECIFICATION,
        choose: Choose = first,
        stepper: Stepper | None = None,
    ) -> None:
        """Make a machine that was just booted.

        Args:
            machine: what is declared; what is left open is chosen when it is first asked for, and then kept.
            specification: the rules.
            choose: makes the choices.
            stepper: one that was made for an equal machine and these rules, to be used again.
        """
        self.stepper = Stepper(machine_from(machine), specification) if stepper is None else stepper
        self.machine = self.stepper.machine
        self.choose = choose
        self.choices: dict[Key, Value] = {}
        self.state = self.stepper.initial()

    def call(self, invocation: Invocation) -> Outcome:
        """Decide a call: one allowed outcome is taken, and all its effect happens.

        An outcome that leaves a choice of values is returned with one; a call that no rule answers is NOT_SUPPORTED.
        """
        options = self.options(invocation)
        if not options:
            return self._nothing(invocation)
        rule, completion, value, state = self.choose(options)
        if completion is Completion.RETURNS and value is None:
            function, wide = self.stepper.function(invocation.fn)
            fitting = [word for word in ANSWERS if accepts(Outcome(rule, completion, None, None), word, wide)]
            if function is not None and function.name in STATISTICS:
                # The state that it names was never the one that the implementation took.
                fitting = [0]
            value = self.choose(fitting or [0])
        self.state = state
        return Outcome(rule, completion, value, state)

    def options(self, invocation: Invocation) -> list[Outcome]:
        """What a call may do now: refusals that oblige, then successes, then what is only permitted."""
        order = (Modality.GATE, Modality.MUST_REFUSE, Modality.SUCCEEDS, Modality.MAY_SUCCEED, Modality.MAY_REFUSE)
        while True:
            try:
                allowed = self.stepper.allowed(self.state, invocation, self.choices)
                break
            except Undeclared as missing:
                self.choices[missing.key] = self.choose(self.stepper.possible(missing.key, self.choices))
        return sorted(
            (o for o in allowed.outcomes if o.rule.modality in order), key=lambda o: order.index(o.rule.modality)
        )

    def move(self, name: str, index: int = 0, parameters: tuple[Any, ...] = ()) -> bool:
        """Make a move of the environment; returns whether it was possible."""
        states = [state for _, state in self.stepper.move(name, self.state, index, parameters)]
        if states:
            self.state = self.choose(states)
        return bool(states)

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

    def wakes(self, core: int) -> bool:
        """Whether a wakeup that is pending for a core is about to end its wait."""
        return bool(self.state.wake[core]) and self.state.activity[core] in ("STANDBY", "RETENTION", "POWERDOWN")

    def result(self, value: int, wide: bool) -> int:
        """What x0 holds when a call returns."""
        return value if wide else value & 0xFFFF_FFFF

    def survivors(self, _running: Sequence[int]) -> Sequence[int]:
        """The cores that run on after the system went down: none."""
        return ()

    def _nothing(self, invocation: Invocation) -> Outcome:
        rule = self.stepper.specification.rules["UNKNOWN"][0]
        return Outcome(rule, Completion.RETURNS, (1 << 64) - 1, self.state)


class ModelPeer:
    """A peer whose implementation is made from the model."""

    name = "model"
    version = "1"

    def __init__(
        self,
        psci: str = "1.3",
        *,
        kind: type[Implementation] = Implementation,
        specification: Specification = SPECIFICATION,
        seed: int | None = None,
        mpidrs: Callable[[int], tuple[int, ...]] = lambda cpus: tuple(range(cpus)),
        **declared: Any,
    ) -> None:
        """Prepare to run programs.

        Args:
            psci: the version that the implementation has, where a program asks for none.
            kind: what it is.
            specification: the rules that it is made from.
            seed: None: everything is deterministic; else which calls overlap, and every choice, depends on it.
            mpidrs: the cores of a machine with so many.
            declared: more fields of the machine event, for instance `profile`.
        """
        self.psci = psci
        self._kind = kind
        self._specification = specification
        self._mpidrs = mpidrs
        self._declared = declared
        self._seed = seed
        self._choose: Choose = first if seed is None else seeded(seed)
        self._steppers: dict[tuple[str, int], Stepper] = {}

    def run(self, programs: Sequence[Program]) -> Iterable[tuple[Event, ...]]:
        """Run each program and yield its trace."""
        for program in programs:
            psci = program.psci or self.psci
            machine = Machine(
                psci=psci, cpus=self._mpidrs(program.cpus), conduit="hvc",
                peer=f"{self.name} {self.version}", seed=self._seed, **self._declared,
            )  # fmt: skip
            known = self._steppers.get((psci, program.cpus))
            implementation = self._kind(machine, self._specification, self._choose, known)
            self._steppers[psci, program.cpus] = implementation.stepper
            yield tuple(_Run(machine, implementation, self._choose, program).events())

    def close(self) -> None:
        """There is nothing to end."""


class _Run:
    """One program on one implementation."""

    def __init__(self, machine: Machine, implementation: Implementation, choose: Choose, program: Program) -> None:
        self.machine = machine
        self.implementation = implementation
        self.choose = choose
        self.program = program
        self.cores = range(program.cpus)
        self.waiting: list[list[Step]] = []
        self.called: list[Invocation | None] = []
        self.outcome: list[Outcome | None] = []

    def events(self) -> Iterator[Event]:
        yield self.machine
        ended = True
        for number, steps in enumerate(self.program.lives):
            if number:
                if not ended:
                    yield Host(action="restart")
                    self.implementation.move("LOSE_POWER")
                boot = self.implementation.machine.boot
                yield Boot(cpu=self.machine.cpus[boot], cause="cold")
                self.implementation.move("BOOT", boot)
            self.waiting = [[step for step in steps if step.cpu == core] for core in self.cores]
            self.called = [None for _ in self.cores]
            self.outcome = [None for _ in self.cores]
            ended = False
            for event in self._life():
                yield event
                ended |= isinstance(event, System)
        yield End(why="done")

    def _life(self) -> Iterator[Event]:
        limit = _MOVES_FOR_A_STEP * (1 + sum(map(len, self.waiting)))
        for _ in range(limit):
            moves = list(self._moves())
            if not moves:
                break
            yield from self.choose(moves)()
            if self.implementation.state.system == "DOWN":
                return
        for core in self.cores:
            state = self.implementation.state
            if self.called[core] is not None or state.activity[core] == "ENTERING":
                yield Timeout(cpu=self.machine.cpus[core])

    def _moves(self) -> Iterator[Callable[[], Iterator[Event]]]:
        """What can happen next, the most urgent first."""
        state = self.implementation.state
        for core in self.cores:
            if self.outcome[core] is not None and state.activity[core] == "RUNNING":
                yield lambda core=core: self._return(core)  # type: ignore[misc]  # mypy does not infer a default
            elif self.called[core] is not None and self.outcome[core] is None and state.activity[core] == "RUNNING":
                yield lambda core=core: self._decide(core)  # type: ignore[misc]  # as above
        for core in self.cores:
            if self.implementation.entry(core) is not None:
                yield lambda core=core: self._enter(core)  # type: ignore[misc]  # as above
            elif state.power[core] == "ON_PENDING":
                yield lambda core=core: self._silent("START", core)  # type: ignore[misc]  # as above
            elif self.implementation.wakes(core):
                yield lambda core=core: self._silent("WAKEUP", core)  # type: ignore[misc]  # as above
        yield from self._steps()
        if state.system == "GOING":
            yield self._go_down

    def _steps(self) -> Iterator[Callable[[], Iterator[Event]]]:
        """The steps that can begin: those of the earliest turn that somebody can still run."""
        state = self.implementation.state
        able = [
            core
            for core in self.cores
            if self.waiting[core] and state.activity[core] == "RUNNING" and self.called[core] is None
        ]
        turn = min((self.waiting[core][0].turn for core in able), default=0)
        for core in able:
            if self.waiting[core][0].turn == turn:
                yield lambda core=core: self._begin(core)  # type: ignore[misc]  # mypy does not infer a default

    def _begin(self, core: int) -> Iterator[Event]:
        step = self.waiting[core].pop(0)
        cpu = self.machine.cpus[core]
        match step:
            case CallStep(fn=fn, args=args):
                words = tuple(_address(argument) for argument in args)
                x1, x2, x3 = (*words, 0, 0, 0)[:3]
                self.called[core] = Invocation(core, fn & 0xFFFF_FFFF, x1, x2, x3)
                yield Call(cpu=cpu, fn=fn & 0xFFFF_FFFF, args=words)
            case WakeStep(target=target):
                self.implementation.move("SIGNAL", target, (True,))
                yield Wake(cpu=self.machine.cpus[target], cause="irq")
            case ObserveStep(target=target):
                power = "off" if self.implementation.state.power[target] == "OFF" else "on"
                yield Observe(cpu=self.machine.cpus[target], power=power, source="model")

    def _decide(self, core: int) -> Iterator[Event]:
        invocation = self.called[core]
        assert invocation is not None
        outcome = self.implementation.call(invocation)
        if outcome.completion is not Completion.NEVER:
            self.outcome[core] = outcome
        return iter(())

    def _return(self, core: int) -> Iterator[Event]:
        invocation, outcome = self.called[core], self.outcome[core]
        assert invocation is not None
        assert outcome is not None
        self.called[core] = self.outcome[core] = None
        _, wide = self.implementation.stepper.function(invocation.fn)
        value = 0 if outcome.completion is Completion.WAITS else outcome.value or 0
        yield Return(cpu=self.machine.cpus[core], x0=self.implementation.result(value, wide))

    def _enter(self, core: int) -> Iterator[Event]:
        entry = self.implementation.entry(core)
        assert entry is not None
        self.implementation.entered(core)
        self.called[core] = self.outcome[core] = None
        yield Enter(cpu=self.machine.cpus[core], pc=entry[0], x0=entry[1])

    def _silent(self, name: str, core: int) -> Iterator[Event]:
        self.implementation.move(name, core)
        return iter(())

    def _go_down(self) -> Iterator[Event]:
        kinds = [kind for kind in self.implementation.state.asked if kind != "NONE"]
        kind = self.choose(kinds)
        running = [core for core in self.cores if self.implementation.state.activity[core] == "RUNNING"]
        self.implementation.move("GO_DOWN", parameters=(kind,))
        event, flags = SYSTEM_EVENTS[kind]
        yield System(event=event, source="model", flags=flags)
        for core in self.implementation.survivors(running):
            yield Call(cpu=self.machine.cpus[core], fn=PSCI_VERSION.fid32 or 0)


def _address(argument: Argument) -> int:
    return SLOTS + SLOT_SIZE * argument.slot + argument.offset if isinstance(argument, Entry) else argument


__all__ = ["Choose", "Implementation", "ModelPeer", "first", "seeded"]
