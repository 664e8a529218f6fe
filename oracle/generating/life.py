"""One life of a machine in the making: turns of cores, each chosen by what was covered least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from psci.model.calls import UNKNOWN
from psci.model.declare import Call
from psci.model.language.rules import Completion
from psci.model.step import Outcome
from psci.oracle.generating.arguments import OFFSETS
from psci.oracle.generating.drafts import SLOT_SIZE, SLOTS_BASE, Draft, Owner
from psci.oracle.generating.memory import Memory
from psci.oracle.generating.ways import ASLEEP, OFF, PENDING, RUNNING, DraftWay, route, situation
from psci.oracle.peers.program import ArgumentValue, CallStep, EntrySlot, ObserveStep, PauseStep, ProgramStep, WakeStep

_CANDIDATES = 8
"""Of so many calls drawn, the one is taken whose expected rule and situation were covered least."""
_AIMS = 12
"""Of so many aims drawn, the one is taken that was reached least."""
_REMEMBERED = 40
"""Of so many calls that were made, one is made again."""
_SEEN_OFF = 0.7
"""How often the only core that is left asks first whether the others are off."""
_CALLS_WHEN_ALONE = 3
"""At most so many calls of the only core that is left are about that."""
_PAIRS = 24
"""So many pairs of calls are drawn for one whose order matters."""
_MOST_IN_A_ROW = 3
"""Calls that a core makes in a turn with other cores."""
_SETTLING_MICROSECONDS = (1000, 1500)
"""Long enough for all that happens without a call."""


@dataclass(slots=True)
class DraftLife:
    """One life in the making."""

    owner: Owner
    random: Random
    memory: Memory
    before: list[CallStep] = field(default_factory=list)
    """The calls of the program so far, also of earlier lives."""
    made: list[ProgramStep] = field(default_factory=list)
    state: Any = None
    turn: int = 0
    slot: int = 0
    budget: int = 0
    overlap: float = 0.0
    last: int = 0
    """The core that made the last call that no other overlapped."""
    used: dict[str, list[int]] = field(default_factory=dict)
    """For each name of an argument: the words that were accepted."""
    rule_about: dict[int, str] = field(default_factory=dict)
    """The last rule that answered a call about each core."""
    changed: list[int] = field(default_factory=list)
    """Cores whose power changed and that nobody has asked about since."""
    doubtful: set[int] = field(default_factory=set)
    """Cores that raced with a call that turns them on or off: they run or are off."""

    def steps(self) -> tuple[ProgramStep, ...]:
        """Make the life."""
        self.state = self.owner.stepper.initial()
        self.budget = self.random.randint(*self.owner.shape.turns)
        shape = self.owner.shape
        self.overlap = max(shape.crowded, shape.overlap) if self.random.random() < shape.crowd else shape.overlap
        alone_at = self.random.randrange(self.budget) if self.random.random() < self.owner.shape.alone else -1
        while self.budget > 0 and self._runners():
            self.budget -= 1
            if self.budget == alone_at:
                if not self._leave_one():
                    return tuple(self.made)
                continue
            if not self._one_turn():
                return tuple(self.made)
            self.turn += 1
        if self._runners() and self.owner.ending and self.random.random() < self.owner.shape.system_call:
            self._last_turn()
        return tuple(self.made)

    # ---- turns

    def _one_turn(self) -> bool:
        """Add a turn; False when it ended the life."""
        shape, random = self.owner.shape, self.random
        if random.random() >= shape.late:
            self._settle(wait=random.random() < 0.5)
        runners = self._runners()
        asleep = [core for core in self._cores if situation(self.state, core) in ASLEEP]
        if asleep and random.random() < 0.3:
            return self._wake(random.choice(runners), random.choice(asleep))
        if self.doubtful:
            return self._make_sure(self.doubtful.pop())
        if self.before and random.random() < shape.again:
            return self._again(self._somebody(runners))
        if self.changed and random.random() < shape.look * (1 - self.overlap):
            return self._look(self._somebody(runners), self.changed.pop())
        if random.random() < shape.around and len(runners) > 1 and self.owner.asking:
            return self._around(random.choice(runners))
        if random.random() < shape.observe:
            self._add(ObserveStep(turn=self.turn, cpu=random.choice(runners), target=self._any_core()))
            return True
        if random.random() < self.overlap and len(self._cores) > 1:
            return self._meeting()
        if random.random() < shape.aim and len(self._cores) > 1:
            return self._aimed()
        off = [core for core in self._cores if self.state.power[core] == OFF]
        if off and random.random() < (0.6 if len(runners) < 2 else 0.15):
            return self._bring(random.choice(off), RUNNING) is not False
        return self._alone(self._somebody(runners))

    def _somebody(self, runners: Sequence[int]) -> int:
        """The core that acted last, or another one."""
        if self.last not in runners or self.random.random() >= self.owner.shape.stay:
            self.last = self.random.choice(runners)
        return self.last

    def _alone(self, core: int) -> bool:
        draft = self._best([core], self._any_core())
        return True if draft is None else self._call_and_probe(draft)

    def _call_and_probe(self, draft: Draft) -> bool:
        if draft.waits and len(self._runners()) == 1:
            return self._sleep_alone(draft)
        if not self._call(draft):
            return False
        if self.random.random() < self.owner.shape.probe:
            self.turn += 1
            if draft.name in self.owner.sleeping and not draft.waits:
                # Whoever sleeps although its call is refused is woken, and shows where.
                core = draft.invocation.caller
                self._add(WakeStep(turn=self.turn, cpu=core, target=core, late=True))
                self.turn += 1
            return self._probe(draft)
        return True

    def _sleep_alone(self, draft: Draft) -> bool:
        """Nobody else could wake the core: its wakeup is pending before it sleeps, or comes from the outside."""
        core = draft.invocation.caller
        late = self.random.random() < 0.6
        if not late:
            self._add(WakeStep(turn=self.turn, cpu=core, target=core))
            self.turn += 1
        self._call(draft, returns=not late)
        if late:
            self.turn += 1
            self._add(WakeStep(turn=self.turn, cpu=core, target=core, late=True))
        return self._woken(core)

    def _again(self, core: int) -> bool:
        """A call that was made before, in this life or another, with the same words; each start has its own entry."""
        step = self.random.choice(self.before[-_REMEMBERED:])
        args = tuple(
            replace(self._entry(), offset=word.offset) if isinstance(word, EntrySlot) else word for word in step.args
        )
        draft = self._draft(core, step.fn, args)
        alone = len(self._runners()) == 1
        return True if draft.ends_life or (draft.stops_caller and alone) else self._call_and_probe(draft)

    def _around(self, target: int) -> bool:
        """Ask about a core, let it make a call, ask again: what is counted, kept or cached shows.

        The words that question and call have in common are the same: a count of a power state tells of its use.
        """
        asking = self._drawn(self.state, self._another(target), target, self.random.choice(self.owner.asking))
        made: Draft | None = None
        for number in range(self.random.randint(2, 3)):
            if number:
                call = made.name if made is not None else self.random.choice(self.owner.active).name
                made = self._with_words_of(asking, target, call, made)
                if made is None or not self._brought(target, RUNNING):
                    return not self._over()
                if not self._call(made) or not self._probe_core(target):
                    return False
                self.turn += 1
            if not self._runners():
                return True
            again = self._draft(self._another(target), asking.invocation.fn, asking.args)
            if not self._call(again):
                return False
            self.turn += 1
        return True

    def _another(self, core: int) -> int:
        runners = self._runners()
        return self.random.choice([other for other in runners if other != core] or runners)

    def _with_words_of(self, asking: Draft, core: int, name: str, like: Draft | None) -> Draft | None:
        """A call of a core that has the words of a question where both have an argument of one name."""
        call = next(call for call in self.owner.calls if call.name == name)
        words = {
            pool.name: word for pool, word in zip(self.owner.pools[asking.name], asking.args, strict=False) if pool.name
        }
        for _ in range(_CANDIDATES):
            drawn = self._drawn(self.state, core, None, call)
            fn, args = (drawn.invocation.fn, drawn.args) if like is None else (like.invocation.fn, drawn.args)
            pools = self.owner.pools[name]
            args = tuple(words.get(pool.name, arg) for pool, arg in zip(pools, args, strict=False))
            draft = self._draft(core, fn, args)
            alone = len(self._runners()) == 1
            if not draft.ends_life and not (alone and (draft.stops_caller or draft.waits)):
                return draft
        return None

    # ---- aims

    def _aimed(self) -> bool:
        """Bring a core into a situation, call a function about it, and look what became of it."""
        target = self._any_core()
        call, goal = min(
            ((self.random.choice(self.owner.calls), self.random.choice(self.owner.situations)) for _ in range(_AIMS)),
            key=lambda aim: self.memory.cells[aim[0].name, aim[1]],
        )
        if not self._brought(target, goal):
            return not self._over()
        callers = self._runners()
        if not callers:
            return True
        # Whoever brought it there is the first who could call: another core may come too late.
        core = self._somebody(callers)
        draft = self._best([core], target, call=call, may_stop=len(callers) > 1)
        self.memory.cells[call.name, goal] += 1
        return True if draft is None else self._call_and_probe(draft)

    def _meeting(self) -> bool:
        """Several cores act in one turn, with calls of which the model says that their order matters."""
        random = self.random
        target, goal = self._any_core(), random.choice(self.owner.situations)
        if not self._brought(target, goal):
            return not self._over()
        while len(self._runners()) < 2:
            idle = [core for core in self._cores if self.state.power[core] == OFF and core != target]
            if not idle or not self._brought(random.choice(idle), RUNNING):
                return not self._over()
        runners = self._runners()
        pair = self._conflict(runners, target)
        if pair is None:
            return self._together(random.sample(runners, len(runners)), target, ())
        self.memory.meetings[self.memory.met(*(draft.rule for draft in pair))] += 1
        return self._together(runners, target, pair)

    def _conflict(self, runners: Sequence[int], target: int) -> tuple[Draft, Draft] | None:
        """Two calls of two cores about one core that do not commute, of a pair of rules that met least."""
        found: tuple[Draft, Draft] | None = None
        least = 0
        for _ in range(_PAIRS):
            first, second = self.random.sample(runners, 2)
            if target in runners and target not in (first, second) and self.random.random() < 0.5:
                first = target
            one, other = (
                self._drawn(self.state, core, target, self.random.choice(self.owner.active)) for core in (first, second)
            )
            stopping = sum(draft.stops_caller or draft.waits for draft in (one, other))
            if one.ends_life or other.ends_life or stopping >= len(runners) or not self._conflicts(one, other):
                continue
            hits = self.memory.meetings[self.memory.met(one.rule, other.rule)]
            if found is None or hits < least:
                found, least = (one, other), hits
        return found

    def _conflicts(self, one: Draft, other: Draft) -> bool:
        """Whether one of two calls is answered in another way once the other has happened."""
        return any(
            first.expected.state is not self.state
            and self.owner.expected(first.expected.state, second.invocation).rule is not second.expected.rule
            for first, second in ((one, other), (other, one))
        )

    def _together(self, runners: list[int], target: int, pair: Sequence[Draft]) -> bool:
        random = self.random
        group = [draft.invocation.caller for draft in pair]
        rest = [core for core in runners if core not in group]
        least = 2 - len(pair)
        group += random.sample(rest, min(len(rest), max(least, random.choice((0, 0, 1, 2)))))
        before, awake = self.state, len(runners)
        stopping: set[int] = set()
        started: set[int] = set()
        for place, core in enumerate(group):
            if random.random() < 0.3:
                self._add(PauseStep(turn=self.turn, cpu=core, microseconds=random.randint(1, 20)))
            # Sometimes the call that matters is not the first that its core makes in this turn.
            count = random.randint(1, _MOST_IN_A_ROW)
            matters = random.choice((0, 0, count - 1))
            for number in range(count):
                # All of them are chosen for the state before: which of them comes first, nobody knows.
                if place < len(pair) and number == matters:
                    draft: Draft | None = pair[place]
                else:
                    draft = self._best([core], target, may_stop=awake > 1 and place >= len(pair), state=before)
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
        self.doubtful |= stopping & (started | {target})
        if random.random() < self.owner.shape.probe and target not in self.doubtful and self._runners():
            self.turn += 1
            return self._probe_core(target)
        return True

    def _last_turn(self) -> None:
        """End the life with a system call; others make other calls, or another one, at the same time."""
        runners = self._runners()
        first = self.random.choice(runners)
        drafts = [self._best([first], None, end=True)]
        for core in runners:
            if core != first and self.random.random() < 0.6:
                another = self.random.random() < 0.3
                for _ in range(1 if another else self.random.randint(1, _MOST_IN_A_ROW)):
                    drafts.append(self._best([core], self._any_core(), end=another, state=self.state))
        self.random.shuffle(drafts)
        before = self.state
        for draft in drafts:
            if draft is not None and self._idle(draft.invocation.caller):
                self._call(draft)
                self.state = before if draft.ends_life else self.state

    def _leave_one(self) -> bool:
        """All cores but one are brought to OFF; what is answered in another way then is called.

        The one that is left may well not be the boot core. Returns False where the life is over.
        """
        keep = self._any_core()
        beside = self.state
        if not self._brought(keep, RUNNING):
            return not self._over()
        for core in self._cores:
            if core != keep:
                beside = self.state if situation(self.state, core) != OFF else beside
                if not self._brought(core, OFF):
                    return not self._over()
        # Until somebody has seen that a core is off, its call may not have been processed: much is allowed then.
        if self.random.random() < _SEEN_OFF:
            for core in [core for core in self._cores if core in self.changed and core != keep]:
                self.changed.remove(core)
                self.turn += 1
                if not self._look(keep, core):
                    return False
        for _ in range(self.random.randint(1, _CALLS_WHEN_ALONE)):
            draft = self._that_differs(keep, beside)
            self.turn += 1
            if draft is not None and not self._call_and_probe(draft):
                return False
            if self._runners() != [keep]:
                break
        return True

    def _that_differs(self, core: int, other: Any) -> Draft | None:
        """A call that would be answered by another rule in another state: of those drawn, the one covered least."""
        found: Draft | None = None
        most = 0.0
        for _ in range(_PAIRS):
            draft = self._drawn(self.state, core, None, None)
            if draft.ends_life or draft.stops_caller:
                continue
            news = self._news(self.state, draft)
            if found is not None and news <= most:
                continue
            if self.owner.expected(other, draft.invocation).rule is not draft.expected.rule:
                found, most = draft, news
        return found

    # ---- what would show an unlawful effect

    def _probe(self, draft: Draft) -> bool:
        """Let the core that a call was about, and its caller, show where they are."""
        if draft.name == UNKNOWN.name or not self._runners():
            return True
        if not self._probe_core(draft.about):
            return False
        # Whoever must not have been stopped goes on as if nothing had happened.
        return self._everybody_answers() if self.random.random() < 0.15 else True

    def _probe_core(self, core: int) -> bool:
        runners = self._runners()
        others = [other for other in runners if other != core]
        now = situation(self.state, core)
        if now in ASLEEP and others:
            return self._wake(self.random.choice(others), core)
        if now == PENDING:
            # Two calls about it, before it runs, have to agree on what it is.
            for _ in range(self.random.choice((0, 0, 1, 2)) if runners else 0):
                draft = self._best([self.random.choice(runners)], core, call=self.random.choice(self.owner.active),
                                   may_stop=False)  # fmt: skip
                if draft is not None and not self._call(draft):
                    return False
                self.turn += 1
            self._settle(wait=True)
            return True
        if now == OFF and others:
            if self.random.random() < 0.5:
                return self._look(self.random.choice(others), core)
            return self._brought(core, RUNNING) or not self._over()
        if now == RUNNING and core in runners:
            draft = self._best([core], core, may_stop=len(runners) > 1)
            return True if draft is None or (draft.waits and not others) else self._call(draft)
        return True

    def _everybody_answers(self) -> bool:
        for core in self._runners():
            draft = self._best([core], core, may_stop=False)
            if draft is not None and not self._call(draft):
                return False
        return True

    # ---- ways

    def _brought(self, target: int, goal: str) -> bool:
        """Bring a core into a situation, as the model says; False where that did not work out."""
        return self._bring(target, goal) is True

    def _bring(self, target: int, goal: str) -> bool | None:
        """The same; None where no way was found, False where the life is over."""
        if target in self.doubtful:
            return None
        steps = route(self.owner.ways, situation(self.state, target), goal)
        if steps is None:
            return None
        for step in steps:
            way = self.random.choice(self.owner.ways[step])
            if not self._go(way, target):
                return None
            if situation(self.state, target) != step[1]:
                return None
        return True

    def _go(self, way: DraftWay, target: int) -> bool:
        runners = self._runners()
        others = [core for core in runners if core != target]
        if way.role == "settle":
            self._settle(wait=True)
            return True
        if way.role == "wake":
            return bool(others) and self._wake(self.random.choice(others), target)
        caller = target if way.role == "caller" else (self.random.choice(others) if others else target)
        if caller not in runners:
            return False
        args = self.owner.arguments_of(way, self.random, target, self._entry)
        draft = self._draft(caller, way.fn, args)
        if draft.ends_life or ((draft.stops_caller or draft.waits) and not [c for c in runners if c != caller]):
            return False
        going_on = self._call(draft)
        self.last = caller
        self.turn += 1
        return going_on

    def _look(self, core: int, target: int) -> bool:
        """Ask for the state of a core."""
        call = next((call for call in self.owner.calls if call.name == "AFFINITY_INFO"), None)
        if call is None:  # 0.1
            return True
        return self._call(self._draft(core, self.random.choice(call.ids()), (self.owner.machine.cores[target], 0)))

    def _make_sure(self, target: int) -> bool:
        """A core that may be off or on is on after this."""
        others = [core for core in self._runners() if core != target]
        ways = [way for way in self.owner.ways.get((OFF, PENDING), []) if way.role == "target"]
        if not others or not ways:
            return True
        way = self.random.choice(ways)
        args = self.owner.arguments_of(way, self.random, target, self._entry)
        going_on = self._call(self._draft(self.random.choice(others), way.fn, args))
        self._settle(wait=True)
        return going_on

    def _wake(self, core: int, target: int) -> bool:
        self._add(WakeStep(turn=self.turn, cpu=core, target=target))
        return self._woken(target)

    def _woken(self, core: int) -> bool:
        for _, state in self.owner.stepper.move("WAKEUP", self.state, core):
            self.state = state
            break
        self._settle()
        return True

    # ---- calls

    def _best(
        self, cores: Sequence[int], focus: int | None, *, call: Call | None = None, end: bool = False,
        may_stop: bool = True, state: Any = None,
    ) -> Draft | None:  # fmt: skip
        """Of a few calls drawn, the one that was covered least; `end`: only one that ends the life."""
        found: Draft | None = None
        most = 0.0
        state = self.state if state is None else state
        for _ in range(_CANDIDATES):
            drawn = self.random.choice(self.owner.ending) if end and call is None else call
            draft = self._drawn(state, self.random.choice(cores), focus, drawn)
            alone = len(self._runners()) == 1
            if end != draft.ends_life or (draft.stops_caller and not end and (alone or not may_stop)):
                continue
            if draft.waits and not may_stop:
                continue
            news = self._news(state, draft)
            if found is None or news > most:
                found, most = draft, news
        return found

    def _news(self, state: Any, draft: Draft) -> float:
        """How new a call would be: its rule, its cell, and its rule after the one before, each by how often it was.

        Shares are added, not counts: a rule that was never met is news however often its function was called.
        """
        memory = self.memory
        before = self.rule_about.get(draft.about, "")
        swept = [memory.words[word] for word in self._words(draft)]
        return (
            1 / (1 + memory.rules[draft.rule])
            + 1 / (1 + memory.cells[draft.name, situation(state, draft.about)])
            + 1 / (1 + memory.pairs[before, draft.rule])
            + (sum(1 / (1 + count) for count in swept) / len(swept) if swept else 0)
        )

    def _words(self, draft: Draft) -> list[tuple[str, int, int]]:
        """The arguments of a call that rules tell apart by their words."""
        pools = self.owner.pools.get(draft.name, ())
        return [
            (draft.name, place, word)
            for place, (pool, word) in enumerate(zip(pools, draft.args, strict=False))
            if pool.words and isinstance(word, int)
        ]

    def _drawn(self, state: Any, core: int, focus: int | None, call: Call | None) -> Draft:
        random, owner = self.random, self.owner
        call = random.choice(owner.calls) if call is None else call
        if call is UNKNOWN:
            fn = random.choice(owner.unknown_ids)
            args = tuple(random.getrandbits(64) for _ in range(random.randint(0, 3)))
            return owner.draft(state, core, fn, args)
        fn = random.choice(call.ids())
        wide = fn == call.fid64
        mpidr = None if focus is None else owner.machine.cores[focus]
        given: list[ArgumentValue] = []
        for pool in owner.pools[call.name]:
            value = pool.draw(random, wide, mpidr, self.used.get(pool.name, ()))
            given.append(self._entry(random.random() < 0.04) if value is None else value)
        if not wide and random.random() < 0.1:
            # What SMC32 calls ignore, and what nothing reads.
            given = [a if isinstance(a, EntrySlot) else a | random.getrandbits(32) << 32 for a in given]
        return owner.draft(state, core, fn, tuple(given))

    def _draft(self, core: int, fn: int, args: tuple[ArgumentValue, ...]) -> Draft:
        return self.owner.draft(self.state, core, fn, args)

    def _call(self, draft: Draft, returns: bool | None = None) -> bool:
        """Add the call; False where it ends the life."""
        expected = returns if returns is not None else draft.expected.completion is Completion.RETURNS
        caller = draft.invocation.caller
        step = CallStep(turn=self.turn, cpu=caller, fn=draft.invocation.fn, args=draft.args, returns=expected)
        self._add(step)
        self.before.append(step)
        # The state may have moved on since the draft was made, where several cores act in one turn.
        outcome = self.owner.expected(self.state, draft.invocation)
        self._remember(draft, outcome)
        if draft.ends_life:
            return False
        if outcome.rule.code is None or outcome.completion is not Completion.RETURNS:
            self._accepted(draft)
        before, self.state = self.state.power, outcome.state
        self.changed += [core for core, power in enumerate(self.state.power) if power != before[core]]
        return True

    def _accepted(self, draft: Draft) -> None:
        for pool, word in zip(self.owner.pools.get(draft.name, ()), draft.args, strict=False):
            if pool.name and isinstance(word, int) and word not in self.used.setdefault(pool.name, []):
                self.used[pool.name].append(word)

    def _remember(self, draft: Draft, outcome: Outcome) -> None:
        memory, rule = self.memory, outcome.rule.name
        memory.rules[rule] += 1
        memory.cells[draft.name, situation(self.state, draft.about)] += 1
        memory.pairs[self.rule_about.get(draft.about, ""), rule] += 1
        memory.words.update(self._words(draft))
        self.rule_about[draft.about] = rule

    def _starts(self, draft: Draft) -> set[int]:
        before, after = self.state.power, draft.expected.state.power
        return {core for core, power in enumerate(after) if power == PENDING and before[core] != power}

    def _settle(self, wait: bool = False) -> None:
        """Cores that were turned on begin to run, unless they were sent to an address that is not ours.

        `wait`: the program gives them the time; else they may be as late as they like.
        """
        stepper = self.owner.stepper
        moved = False
        for core in self._cores:
            for _, state in stepper.move("START", self.state, core):
                self.state, moved = state, True
            if self.state.activity[core] == "ENTERING":
                if self._is_ours(self.state.entry[core]):
                    words = (self.state.entry[core], self.state.context[core])
                    for _, state in stepper.move("ENTER", self.state, core, words):
                        self.state = state
                else:
                    self.budget = min(self.budget, 3)
        runners = self._runners()
        if moved and wait and runners:
            self.turn += 1
            cpu = self.last if self.last in runners else runners[0]
            microseconds = self.random.randint(*_SETTLING_MICROSECONDS)
            self._add(PauseStep(turn=self.turn, cpu=cpu, microseconds=microseconds))
            self.turn += 1

    # ---- small parts

    @property
    def _cores(self) -> range:
        return range(len(self.owner.machine.cores))

    def _idle(self, core: int) -> bool:
        return bool(self.state.activity[core] == RUNNING and self.state.power[core] == "ON")

    def _runners(self) -> list[int]:
        return [core for core in self._cores if self._idle(core) and core not in self.doubtful]

    def _over(self) -> bool:
        return self.state.system not in (RUNNING, "SUSPENDED")

    def _any_core(self) -> int:
        return self.random.randrange(len(self.owner.machine.cores))

    def _entry(self, misaligned: bool = False) -> EntrySlot:
        self.slot += 1
        return EntrySlot(self.slot, self.random.choice(OFFSETS) if misaligned else 0)

    @staticmethod
    def _is_ours(address: int) -> bool:
        return address >= SLOTS_BASE and address % SLOT_SIZE == 0 and address < SLOTS_BASE + 0x1_0000

    def _add(self, step: ProgramStep) -> None:
        self.made.append(step)


__all__ = ["DraftLife"]
