"""The reference implementation as a peer: it runs programs in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import Any

from psci.model.events import (
    BootEvent,
    CallEvent,
    EndEvent,
    Event,
    HostEvent,
    MachineEvent,
    SystemEvent,
    TimeoutEvent,
    WakeEvent,
)
from psci.model.language.terms import Value
from psci.model.machine import Key
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Stepper
from psci.model.tables.versions import V1_0, version
from psci.oracle.peers.program import ArgumentValue, CallStep, EntrySlot, ObserveStep, Program, ProgramStep, WakeStep
from psci.oracle.reference.choices import Choose, Refuses, first, refusing, seeded
from psci.oracle.reference.implementation import Implementation
from psci.oracle.reference.running import Running

SLOTS = 0x4000_0000
SLOT_SIZE = 0x1000
"""Where the entry slots of a program are."""
LAZINESS = (0.02, 0.2, 1.0)
"""How likely what may happen late happens at its first opportunity: chosen anew for each life."""

_MOVES_FOR_A_STEP = 20
"""More than a step of a program can need; a life that needs more does not come to an end."""


def declaration(psci: str) -> dict[str, Any]:
    """The profile of an implementation that has everything: what the reference declares of itself."""
    from psci.model.calls import CALLS

    judged_by = version(psci)
    modern = judged_by >= V1_0
    has = {call.name: True for call in CALLS if call.optional and call.exists_in(judged_by)}
    return {
        "functions": has | ({"SMCCC_VERSION": True} if modern else {}),
        "affinity_levels": [1, 2, 3],
        "power_state_format": "extended" if modern else "original",
        "os_initiated": modern,
        "policy_denies": [],
        "disabled": [],
        "unusable": [["0x0", "0xffff"], ["0x1000000000000", "0xffffffffffffffff"]],
    }


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
        refuses: Refuses = Refuses.SOMETIMES,
        mpidrs: Callable[[int], tuple[int, ...]] = lambda cpus: tuple(range(cpus)),
        **declared: Any,
    ) -> None:
        """Prepare to run programs.

        Args:
            psci: the version that the implementation has, where a program asks for none.
            kind: what it is.
            specification: the rules that it is made from.
            seed: None: everything is deterministic; else which calls overlap, and every choice, depends on it.
            refuses: how often it uses a permission; a deterministic one never does.
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
        self._permits = refusing(Refuses.NEVER if seed is None else refuses, seed)
        self._random = None if seed is None else Random(f"lazy {seed}")
        self._steppers: dict[tuple[str, int], Stepper] = {}
        self._choices: dict[tuple[str, int], dict[Key, Value]] = {}

    def run(self, programs: Sequence[Program]) -> Iterable[tuple[Event, ...]]:
        """Run each program and yield its trace."""
        for program in programs:
            psci = program.psci or self.psci
            machine = MachineEvent(
                psci=psci, cpus=self._mpidrs(program.cpus), conduit="hvc",
                peer=f"{self.name} {self.version}", seed=self._seed, **self._declared,
            )  # fmt: skip
            key = (psci, program.cpus)
            implementation = self._kind(
                machine, self._specification, self._choose, self._steppers.get(key),
                permits=self._permits, choices=self._choices.setdefault(key, {}),
            )  # fmt: skip
            self._steppers[key] = implementation.stepper
            yield tuple(_Run(Running(machine, implementation, self._choose), self._choose, self._random, program))

    def close(self) -> None:
        """There is nothing to end."""


class _Run:
    """One program on one machine."""

    def __init__(self, running: Running, choose: Choose, random: Random | None, program: Program) -> None:
        self.running = running
        self.choose = choose
        self.random = random
        self.program = program
        self.cores = range(program.cpus)
        self.waiting: list[list[ProgramStep]] = []
        self.eagerness = 1.0

    def __iter__(self) -> Iterator[Event]:
        machine = self.running.machine
        yield machine
        ended = True
        for number, steps in enumerate(self.program.lives):
            if number:
                if not ended:
                    yield HostEvent(action="restart")
                yield BootEvent(cpu=machine.cpus[self.running.implementation.machine.boot], cause="cold")
                self.running.boot()
            self.waiting = [[step for step in steps if step.cpu == core] for core in self.cores]
            self.eagerness = 1.0 if self.random is None else self.random.choice(LAZINESS)
            ended = False
            for event in self._life():
                yield event
                ended |= isinstance(event, SystemEvent)
        yield EndEvent(why="done")

    def _life(self) -> Iterator[Event]:
        limit = _MOVES_FOR_A_STEP * (1 + sum(map(len, self.waiting)))
        for _ in range(limit):
            moves = list(self._moves()) or list(self._late_wakes())
            if not moves:
                break
            yield from self.choose(moves)()
            if self.running.down:
                return
        for core in self.cores:
            if self.running.stuck(core):
                yield TimeoutEvent(cpu=self.running.machine.cpus[core])

    def _moves(self) -> Iterator[Callable[[], Iterator[Event]]]:
        """What can happen next, the most urgent first; what may happen late does so when nothing else is left."""
        steps = list(self._steps())
        happenings = list(self.running.happenings())
        ending = list(self.running.ending())
        urgent = bool(steps) or any(not happening.lazy for happening in happenings)
        for happening in happenings:
            if not happening.lazy or not urgent or self._eager():
                yield happening.make
        yield from steps
        for happening in ending:
            if not urgent or self._eager():
                yield happening.make

    def _eager(self) -> bool:
        return self.random is None or self.random.random() < self.eagerness

    def _late_wakes(self) -> Iterator[Callable[[], Iterator[Event]]]:
        for core in self.cores:
            if self.waiting[core] and _is_late(self.waiting[core][0]):
                yield lambda core=core: self._begin(core)  # type: ignore[misc]  # mypy does not infer a default

    def _steps(self) -> Iterator[Callable[[], Iterator[Event]]]:
        """The steps that can begin: those of the earliest turn that somebody can still run."""
        for core in self.cores:
            while self.waiting[core] and _is_late(self.waiting[core][0]) and self.running.called[core] is None:
                self.waiting[core].pop(0)
        able = [core for core in self.cores if self.waiting[core] and self.running.idle(core)]
        turn = min((self.waiting[core][0].turn for core in able), default=0)
        for core in able:
            if self.waiting[core][0].turn == turn:
                yield lambda core=core: self._begin(core)  # type: ignore[misc]  # mypy does not infer a default

    def _begin(self, core: int) -> Iterator[Event]:
        step = self.waiting[core].pop(0)
        cpus = self.running.machine.cpus
        match step:
            case CallStep(fn=fn, args=args):
                words = tuple(address(argument) for argument in args)
                self.running.call(core, fn, words)
                yield CallEvent(cpu=cpus[core], fn=fn & 0xFFFF_FFFF, args=words)
            case WakeStep(target=target):
                self.running.wake(target)
                yield WakeEvent(cpu=cpus[target], cause="irq")
            case ObserveStep(target=target):
                yield self.running.observed(target)


def _is_late(step: ProgramStep) -> bool:
    return isinstance(step, WakeStep) and step.late


def address(argument: ArgumentValue) -> int:
    """The word that an argument is: entry slots are where `SLOTS` says."""
    return SLOTS + SLOT_SIZE * argument.slot + argument.offset if isinstance(argument, EntrySlot) else argument


__all__ = ["SLOTS", "ModelPeer", "address", "declaration"]
