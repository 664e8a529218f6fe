"""Programs for a peer: calls at the edges, in sequences that go deep because the model says what each call will do.

Every choice comes from one `random.Random`, so a program is a function of the seed. Hypothesis
drives the same code through its own `Random` (`programs`), and shrinks what it finds; a campaign of
thousands of calls uses the plain one, which is some fifty times as fast.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from psci.model.calls import UNKNOWN
from psci.model.declare import Call
from psci.model.language.rules import Completion, Modality
from psci.model.machine import Machine, Undeclared, answers
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation, Outcome, Stepper
from psci.oracle.campaign.arguments import NEAR_IDS, OFFSETS, Pool, pools
from psci.oracle.peers.program import Argument, CallStep, Entry, ObserveStep, PauseStep, Program, Step, WakeStep

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_SLOTS_BASE = 0x4000_0000
"""Where entry slots lie in the generator's own picture of the machine; an adapter has its own addresses."""
_SLOT_SIZE = 4
_CANDIDATES = 4
"""Of so many calls drawn, the one is taken whose expected rule was exercised least."""

_MOST_IN_A_ROW = 3
"""Calls that a core makes in a turn with other cores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How long programs are, and how often cores act at the same time."""

    lives: tuple[int, int] = (2, 5)
    """The least and the greatest number."""
    turns: tuple[int, int] = (6, 36)
    """Of one life."""
    stay: float = 0.7
    """How likely the next call comes from the same core: a change of cores costs a peer a hundred times as much."""
    overlap: float = 0.35
    """The share of turns in which several cores act."""
    system_call: float = 0.7
    """The share of lives that end with a system call."""
    look: float = 0.25
    """How likely a core asks about another one that was turned on or off."""
    observe: float = 0.0
    """The share of turns in which a core asks the outside about another."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """A call that one core may make, and what the model expects of it."""

    invocation: Invocation
    args: tuple[Argument, ...]
    expected: Outcome

    @property
    def rule(self) -> str:
        return self.expected.rule.name

    @property
    def ends_life(self) -> bool:
        return self.expected.completion is Completion.NEVER and self.expected.state.system != "RUNNING"

    @property
    def stops_caller(self) -> bool:
        return self.expected.completion is Completion.NEVER

    @property
    def waits(self) -> bool:
        return self.expected.completion is Completion.WAITS


class Generator:
    """Generates programs for machines like one that was described."""

    def __init__(
        self,
        machine: Machine,
        specification: Specification = SPECIFICATION,
        *,
        psci: str | None = None,
        options: Mapping[str, str] | None = None,
        shape: Shape | None = None,
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
        self.shape = shape or Shape()
        self.psci = psci
        self.options = dict(options or {})
        calls = [call for call in specification.calls if call.exists_in(machine.version)]
        self.calls: tuple[Call, ...] = (*calls, UNKNOWN)
        self.pools: Mapping[str, tuple[Pool, ...]] = {c.name: pools(c, machine, specification) for c in calls}
        known = specification.call_of
        self.unknown_ids = tuple(fid for fid in NEAR_IDS if fid not in known)
        self.absent_calls = [call for call in specification.calls if not call.exists_in(machine.version)]

    def forget(self) -> None:
        """Begin a new epoch."""

    def program(self, random: Random) -> Program:
        """The next program that `random` chooses."""
        hits: Counter[str] = Counter()
        count = random.randint(*self.shape.lives)
        lives = tuple(_Life(self, random, hits).steps() for _ in range(count))
        return Program(cpus=len(self.machine.cores), lives=lives, psci=self.psci, options=self.options)


def programs(generator: Generator) -> SearchStrategy[Program]:
    """The same programs as a Hypothesis strategy, which shrinks."""
    from hypothesis import strategies

    return strategies.randoms(use_true_random=False).map(generator.program)


@dataclass(slots=True)
class _Life:
    """One life in the making."""

    owner: Generator
    random: Random
    hits: Counter[str]
    made: list[Step] = field(default_factory=list)
    state: Any = None
    turn: int = 0
    slot: int = 0
    budget: int = 0
    last: int = 0
    """The core that made the last call that no other overlapped."""
    choices: dict[Any, Any] = field(default_factory=dict)
    changed: list[int] = field(default_factory=list)
    """Cores whose power changed and that nobody has asked about since."""
    doubtful: set[int] = field(default_factory=set)
    """Cores that raced with a CPU_ON for them: they run or are off."""

    def steps(self) -> tuple[Step, ...]:
        """Make the life."""
        self.state = self.owner.stepper.initial()
        self.budget = self.random.randint(*self.owner.shape.turns)
        while self.budget > 0 and self._runners():
            self.budget -= 1
            if not self._one_turn():
                return tuple(self.made)
            self.turn += 1
        if self._runners() and self.random.random() < self.owner.shape.system_call:
            self._last_turn()
        return tuple(self.made)

    # ---- turns

    def _one_turn(self) -> bool:
        """Add a turn; False when it ended the life."""
        runners = self._runners()
        asleep = [core for core, what in enumerate(self.state.activity) if what in ("STANDBY", "POWERDOWN")]
        if asleep and self.random.random() < 0.4:
            return self._wake(self.random.choice(runners), self.random.choice(asleep))
        if self.doubtful:
            return self._make_sure(runners, self.doubtful.pop())
        if self.changed and self.random.random() < self.owner.shape.look:
            return self._look(self._somebody(runners), self.changed.pop())
        if self.random.random() < self.owner.shape.observe:
            self._add(ObserveStep(turn=self.turn, cpu=self.random.choice(runners), target=self._any_core()))
            return True
        if len(runners) > 1 and self.random.random() < self.owner.shape.overlap:
            return self._together(runners)
        off = [core for core, power in enumerate(self.state.power) if power == "OFF"]
        if off and self.random.random() < (0.6 if len(runners) < 2 else 0.2):
            return self._start(self._somebody(runners), self.random.choice(off))
        return self._alone(self._somebody(runners))

    def _somebody(self, runners: list[int]) -> int:
        """The core that acted last, or another one."""
        if self.last not in runners or self.random.random() >= self.owner.shape.stay:
            self.last = self.random.choice(runners)
        return self.last

    def _alone(self, core: int) -> bool:
        draft = self._best([core], self._any_mpidr())
        if draft is None:
            return True
        if draft.waits and len(self._runners()) == 1:
            # Nobody else could wake it.
            self._add(WakeStep(turn=self.turn, cpu=core, target=core))
            self.turn += 1
            self._call(draft, returns=True)
            return self._wake_up(core)
        return self._call(draft)

    def _together(self, runners: list[int]) -> bool:
        """Several cores act in one turn, mostly on the same core, with a few calls each, so that some of them meet."""
        focus = self._any_core()
        group = self.random.sample(runners, self.random.randint(2, min(4, len(runners))))
        awake = len(runners)
        stopping: set[int] = set()
        started: set[int] = set()
        for core in group:
            if self.random.random() < 0.3:
                self._add(PauseStep(turn=self.turn, cpu=core, microseconds=self.random.randint(1, 20)))
            for _ in range(self.random.randint(1, _MOST_IN_A_ROW)):
                draft = self._best([core], self.owner.machine.cores[focus], may_stop=awake > 1)
                if draft is None:
                    continue
                started |= self._starts(draft)
                if not self._call(draft):
                    return False
                if draft.stops_caller or draft.waits:
                    awake -= 1
                    stopping |= {core} if draft.stops_caller else set()
                    break
        # A core that was off after its CPU_OFF may have been started again, or not yet have been off.
        self.doubtful |= stopping & (started | {focus})
        return True

    def _last_turn(self) -> None:
        """End the life with a system call; a core or two may make other calls, or another one, at the same time."""
        runners = self._runners()
        first = self.random.choice(runners)
        drafts = [self._best([first], None, end=True)]
        for core in runners:
            if core != first and self.random.random() < 0.5:
                drafts.append(self._best([core], self._any_mpidr(), end=self.random.random() < 0.3))
        for draft in drafts:
            if draft is not None:
                self._call(draft)

    def _start(self, core: int, target: int) -> bool:
        """Turn on a core that is off, at an entry of its own."""
        call = next(call for call in self.owner.calls if call.name == "CPU_ON")
        entry = self._entry()
        fn = self.random.choice(call.ids())
        args = (self.owner.machine.cores[target], entry, self.random.getrandbits(64 if fn == call.fid64 else 32))
        return self._call(self._draft(core, fn, args))

    def _look(self, core: int, target: int) -> bool:
        """Ask for the state of a core."""
        call = next((call for call in self.owner.calls if call.name == "AFFINITY_INFO"), None)
        if call is None:  # 0.1
            return True
        return self._call(self._draft(core, self.random.choice(call.ids()), (self.owner.machine.cores[target], 0)))

    def _make_sure(self, runners: list[int], target: int) -> bool:
        """A core that may be off or on is on after this."""
        others = [core for core in runners if core != target]
        return self._start(self.random.choice(others), target) if others else True

    def _wake(self, core: int, target: int) -> bool:
        self._add(WakeStep(turn=self.turn, cpu=core, target=target))
        return self._wake_up(target)

    def _wake_up(self, core: int) -> bool:
        for _, state in self.owner.stepper.move("WAKEUP", self.state, core):
            self.state = state
            break
        self._settle()
        return True

    # ---- calls

    def _best(self, cores: list[int], focus: int | None, end: bool = False, may_stop: bool = True) -> _Draft | None:
        """Of a few calls drawn, the one whose expected rule was exercised least; `end`: only one that ends the life."""
        found: _Draft | None = None
        for _ in range(_CANDIDATES * (6 if end else 1)):
            draft = self._drawn(self.random.choice(cores), focus)
            alone = len(self._runners()) == 1
            if end != draft.ends_life or (draft.stops_caller and not end and (alone or not may_stop)):
                continue
            if draft.waits and not may_stop:
                continue
            if found is None or self.hits[draft.rule] < self.hits[found.rule]:
                found = draft
        return found

    def _drawn(self, core: int, focus: int | None) -> _Draft:
        random, owner = self.random, self.owner
        call = random.choice(owner.calls)
        if call is UNKNOWN:
            fn = random.choice(owner.unknown_ids)
            return self._draft(core, fn, tuple(random.getrandbits(64) for _ in range(random.randint(0, 3))))
        fn = random.choice(call.ids())
        wide = fn == call.fid64
        args: list[Argument] = []
        for pool in owner.pools[call.name]:
            value = pool.draw(random, wide, focus)
            args.append(self._entry(random.random() < 0.04) if value is None else value)
        if not wide and random.random() < 0.1:
            # What SMC32 calls ignore, and what nothing reads.
            args = [a if isinstance(a, Entry) else a | random.getrandbits(32) << 32 for a in args]
        return self._draft(core, fn, tuple(args))

    def _draft(self, core: int, fn: int, args: tuple[Argument, ...]) -> _Draft:
        x1, x2, x3 = (*(_address(argument) for argument in args), 0, 0, 0)[:3]
        invocation = Invocation(core, fn, x1, x2, x3)
        return _Draft(invocation, args, self._expected(invocation))

    def _expected(self, invocation: Invocation) -> Outcome:
        """The plainest outcome: a listed deviation of the peer, else an obligation, else a success."""
        while True:
            try:
                allowed = self.owner.stepper.allowed(self.state, invocation, self.choices)
                break
            except Undeclared as missing:
                self.choices[missing.key] = answers(missing.key)[0]
        amended = [o for o in allowed.outcomes if o.rule.modality is Modality.AMENDS]
        plain = [o for o in allowed.outcomes if o.rule.modality not in (Modality.MAY_REFUSE, Modality.MAY_SUCCEED)]
        return (amended or plain or list(allowed.outcomes))[0]

    def _call(self, draft: _Draft, returns: bool | None = None) -> bool:
        """Add the call; False where it ends the life."""
        expected = returns if returns is not None else draft.expected.completion is Completion.RETURNS
        self._add(
            CallStep(
                turn=self.turn, cpu=draft.invocation.caller, fn=draft.invocation.fn, args=draft.args, returns=expected
            )
        )  # fmt: skip
        # The state may have moved on since the draft was made, where several cores act in one turn.
        outcome = self._expected(draft.invocation)
        self.hits[outcome.rule.name] += 1
        if draft.ends_life:
            return False
        before, self.state = self.state.power, outcome.state
        self.changed += [core for core, power in enumerate(self.state.power) if power != before[core]]
        self._settle()
        return True

    def _starts(self, draft: _Draft) -> set[int]:
        before, after = self.state.power, draft.expected.state.power
        return {core for core, power in enumerate(after) if power == "ON_PENDING" and before[core] != power}

    def _settle(self) -> None:
        """Cores that were turned on begin to run, unless they were sent to an address that is not ours."""
        stepper = self.owner.stepper
        for core in range(len(self.owner.machine.cores)):
            for _, state in stepper.move("START", self.state, core):
                self.state = state
            if self.state.activity[core] == "ENTERING":
                if self._is_ours(self.state.entry[core]):
                    words = (self.state.entry[core], self.state.context[core])
                    for _, state in stepper.move("ENTER", self.state, core, words):
                        self.state = state
                else:
                    self.budget = min(self.budget, 3)

    # ---- small parts

    def _runners(self) -> list[int]:
        return [
            core
            for core, what in enumerate(self.state.activity)
            if what == "RUNNING" and self.state.power[core] == "ON" and core not in self.doubtful
        ]

    def _any_core(self) -> int:
        return self.random.randrange(len(self.owner.machine.cores))

    def _any_mpidr(self) -> int:
        return self.random.choice(self.owner.machine.cores)

    def _entry(self, misaligned: bool = False) -> Entry:
        self.slot += 1
        return Entry(self.slot, self.random.choice(OFFSETS) if misaligned else 0)

    @staticmethod
    def _is_ours(address: int) -> bool:
        return address >= _SLOTS_BASE and address % _SLOT_SIZE == 0 and address < _SLOTS_BASE + 0x1_0000

    def _add(self, step: Step) -> None:
        self.made.append(step)


def _address(argument: Argument) -> int:
    return _SLOTS_BASE + argument.slot * _SLOT_SIZE + argument.offset if isinstance(argument, Entry) else argument


__all__ = ["Generator", "Shape", "programs"]
