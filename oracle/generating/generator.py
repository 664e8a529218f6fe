"""Programs for a peer: calls at the edges, in sequences that go deep because the model says what each call will do.

What comes next is steered by what was covered: rules, pairs of rules, functions called about a core in each situation,
and pairs of functions that meet at one core. The way to a situation is found by trying calls on the model
(`psci.oracle.generating.ways`).

Every choice comes from one `random.Random`, so a program is a function of the seed and of the programs of its epoch.
Hypothesis drives the same code through its own `Random` (`programs`), and shrinks what it finds; a campaign of
thousands of calls uses the plain one, which is some fifty times as fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import TYPE_CHECKING

from psci.model.calls import UNKNOWN
from psci.model.declare import Call
from psci.model.language.rules import Completion, Modality
from psci.model.machine import Machine, Undeclared
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation, Outcome, Stepper
from psci.model.symbols.state import FIELD_BY_NAME
from psci.oracle.generating.arguments import ALL_32, ALL_64, NEAR_IDS, Pool, pools
from psci.oracle.generating.drafts import Draft, DraftWay, ProgramShape, address
from psci.oracle.generating.life import DraftLife
from psci.oracle.generating.memory import Memory
from psci.oracle.generating.ways import PENDING, RUNNING, explored, situation
from psci.oracle.peers.program import ArgumentValue, CallStep, EntrySlot, Program

ASKED = FIELD_BY_NAME["asked"]
_DRAWN = 12
"""A call that changed nothing so often is one that only asks."""

if TYPE_CHECKING:
    from typing import Any

    from hypothesis.strategies import SearchStrategy


class Generator:
    """Generates programs for machines like one that was described."""

    def __init__(
        self,
        machine: Machine,
        specification: Specification = SPECIFICATION,
        *,
        psci: str | None = None,
        options: Mapping[str, str] | None = None,
        shape: ProgramShape | None = None,
    ) -> None:
        """Prepare to generate.

        Args:
            machine: the version, the cores, and what is known of the implementation.
            specification: the rules that tell what calls will probably do; best with the peer's quirks.
            psci: the version to ask the peer for, where it offers a choice.
            options: the peer's own switches, for every program.
            shape: how long programs are.
        """
        self.machine = machine
        self.stepper = Stepper(machine, specification)
        self.shape = shape or ProgramShape()
        self.psci = psci
        self.options = dict(options or {})
        calls = [call for call in specification.calls if call.exists_in(machine.version)]
        self.calls: tuple[Call, ...] = (*calls, UNKNOWN)
        self.pools: Mapping[str, tuple[Pool, ...]] = {c.name: pools(c, machine, specification) for c in calls}
        known = specification.call_of
        self.unknown_ids = tuple(fid for fid in NEAR_IDS if fid not in known)
        self.absent_calls = [call for call in specification.calls if not call.exists_in(machine.version)]
        self.memory = Memory()
        self.choices: dict[Any, Any] = {}
        self.ways = self._ways(tuple(calls))
        self.situations = sorted({RUNNING, PENDING, *(there for _, there in self.ways)})
        self.active: tuple[Call, ...] = self._active(tuple(calls))
        """The calls whose races matter: those that change something are in it twice, those that read a core once."""
        self.ending: tuple[Call, ...] = self._ending(tuple(calls))
        """The calls that can end a life."""
        self.asking: tuple[Call, ...] = self._asking(tuple(calls))
        """The calls that name a core and change nothing."""
        rules = [(call.name, rule) for call in calls for rule in specification.of(call.name, machine.version)]
        self.sleeping = frozenset(name for name, rule in rules if rule.completion is Completion.WAITS)
        """The calls that may wait for a wakeup."""

    def forget(self) -> None:
        """Begin a new epoch."""
        self.memory = Memory()

    def program(self, random: Random, memory: Memory | None = None) -> Program:
        """The next program that `random` chooses.

        Args:
            random: where choices come from.
            memory: what was covered before; it grows. Without one the program depends on `random` alone.
        """
        memory = Memory() if memory is None else memory
        count = random.randint(*self.shape.lives)
        made: list[CallStep] = []
        lives = tuple(DraftLife(self, random, memory, before=made).steps() for _ in range(count))
        return Program(cpus=len(self.machine.cores), lives=lives, psci=self.psci, options=self.options)

    def expected(self, state: Any, invocation: Invocation) -> Outcome:
        """The plainest outcome: a listed deviation of the peer, else an obligation, else a success."""
        while True:
            try:
                allowed = self.stepper.allowed(state, invocation, self.choices)
                break
            except Undeclared as missing:
                self.choices[missing.key] = self.stepper.possible(missing.key, self.choices)[0]
        amended = [o for o in allowed.outcomes if o.rule.modality is Modality.AMENDS]
        plain = [o for o in allowed.outcomes if o.rule.modality not in (Modality.MAY_REFUSE, Modality.MAY_SUCCEED)]
        return (amended or plain or list(allowed.outcomes))[0]

    def draft(self, state: Any, core: int, fn: int, args: tuple[ArgumentValue, ...]) -> Draft:
        """A call, with what the model expects of it in a state."""
        x1, x2, x3 = (*(address(argument) for argument in args), 0, 0, 0)[:3]
        invocation = Invocation(core, fn, x1, x2, x3)
        call, wide = self.stepper.function(fn)
        about = core
        if call is not None:
            for pool, word in zip(self.pools.get(call.name, ()), (x1, x2, x3), strict=False):
                if pool.cores:
                    about = self.machine.core_of.get(word if wide else word & 0xFFFF_FFFF, core)
        name = call.name if call is not None else UNKNOWN.name
        return Draft(invocation, args, self.expected(state, invocation), name, about)

    def _active(self, calls: tuple[Call, ...]) -> tuple[Call, ...]:
        version = self.machine.version
        rules = {call.name: self.stepper.specification.of(call.name, version) for call in calls}
        # A system call ends the life: it meets others in the last turn.
        change = {
            call.name
            for call in calls
            if any(rule.effect.updates and rule.effect.update(ASKED) is None for rule in rules[call.name])
        }
        read = {call.name for call in calls if any(pool.cores for pool in self.pools[call.name])}
        return tuple(call for call in calls if call.name in change for _ in range(2)) + tuple(
            call for call in calls if call.name in read - change
        )

    def _ending(self, calls: tuple[Call, ...]) -> tuple[Call, ...]:
        of = self.stepper.specification.of
        return tuple(
            call
            for call in calls
            if any(rule.effect.update(ASKED) is not None for rule in of(call.name, self.machine.version))
        )

    def _asking(self, calls: tuple[Call, ...]) -> tuple[Call, ...]:
        random, start = Random(0), self.stepper.initial()
        naming = [call for call in calls if any(pool.cores for pool in self.pools[call.name])]
        return tuple(
            call
            for call in naming
            if all(self._drawn_way(random, start, call)[0].expected.state is start for _ in range(_DRAWN))
        )

    # ---- ways

    def _ways(self, calls: tuple[Call, ...]) -> Mapping[tuple[str, str], list[DraftWay]]:
        start = self.stepper.initial()
        states = [start]
        first = explored(calls, states, self._drawn_way)
        for step, ways in first.items():
            # A core that can be brought out of its first situation can be asked about in the next one, too.
            if len(start.power) > 1 and step[0] == situation(start, 1) and ways[0].role == "target":
                state = self._after(start, ways[0])
                states.append(state)
                for _, running in self.stepper.move("START", state, 1):
                    entering = (running.entry[1], running.context[1])
                    states += [after for _, after in self.stepper.move("ENTER", running, 1, entering)]
        return explored(calls, states, self._drawn_way) if len(states) > 1 else first

    def _after(self, state: Any, way: DraftWay) -> Any:
        assert way.call is not None
        args = self.arguments_of(way, Random(0), 1, lambda: EntrySlot(1))
        return self.draft(state, 0, way.fn, args).expected.state

    def _drawn_way(self, random: Random, state: Any, call: Call) -> tuple[Draft, tuple[int | None, ...]]:
        fn = random.choice(call.ids())
        wide = fn == call.fid64
        words: list[int | None] = []
        for pool in self.pools[call.name]:
            open_ended = pool.is_entry or pool.is_kept or bool(pool.cores)
            words.append(None if open_ended else random.choice(pool.words) & (ALL_64 if wide else ALL_32))
        way = DraftWay("target", call, fn, tuple(words))
        args = self.arguments_of(way, random, min(1, len(self.machine.cores) - 1), lambda: EntrySlot(1))
        return self.draft(state, 0, fn, args), way.words

    def arguments_of(self, way: DraftWay, random: Random, target: int, entry: Any) -> tuple[ArgumentValue, ...]:
        """The arguments of a call that is a way, about a core.

        Args:
            way: the call.
            random: where context ids come from.
            target: the core.
            entry: makes an entry slot of its own.
        """
        assert way.call is not None
        wide = way.fn == way.call.fid64
        args: list[ArgumentValue] = []
        for pool, word in zip(self.pools[way.call.name], way.words, strict=False):
            if word is not None:
                args.append(word)
            elif pool.is_entry:
                args.append(entry())
            elif pool.cores:
                args.append(self.machine.cores[target])
            else:
                drawn = pool.draw(random, wide, None)
                args.append(0 if drawn is None else drawn)
        return tuple(args)


def programs(generator: Generator) -> SearchStrategy[Program]:
    """The same programs as a Hypothesis strategy, which shrinks."""
    from hypothesis import strategies

    return strategies.randoms(use_true_random=False).map(generator.program)


__all__ = ["Generator", "ProgramShape", "programs"]
