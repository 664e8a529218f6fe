"""From the ways that a search found to a small set of sequences: extended, given answers, chosen or left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from psci.explorer.abstraction.registers import CONTEXTS, ENTRY_POINTS, Register, registers_of
from psci.explorer.runs.events import CAUSES, SEEN
from psci.explorer.runs.machine_event import machine_event
from psci.explorer.search import SearchStep
from psci.explorer.system import MoveAction, Product, State, Transition
from psci.model.calls import UNKNOWN
from psci.model.calls.affinity_info import AFFINITY_INFO
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.machine import Machine
from psci.model.step import Invocation
from psci.oracle.peers.program import EntrySlot
from psci.oracle.suite.expectation import Expectation, arrived
from psci.oracle.suite.search import (
    ASLEEP,
    LEFT_OUT,
    acts,
    answer_goals,
    goals_of,
    runner,
    search,
    settle,
    why_unreached,
)
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

SLOTS = ENTRY_POINTS[0]
SLOT_SIZE = 0x1000
"""Where the entry slots of a sequence are on the explored machine."""
CONTEXT = 0xC0DE_0001
"""The context id of the first call of a sequence that has one; each has its own."""


def suite(machine: Machine) -> Suite:
    """The smallest set of sequences that was found, shortest first.

    Args:
        machine: what the implementation declares; it has to declare everything (`small` does).
    """
    product = Product(machine, without=LEFT_OUT)
    found = search(product)
    registers = {
        call.name: registers_of(call, product.specification.of(call.name, machine.version), machine)
        for call in product.specification.calls
    }
    # Two goals of one step have the same way; a rule is a tree, and its hash is not wanted.
    ways = {tuple((s.transition.action, s.transition.rule.name, s.after) for s in w): w for w in found.ways.values()}
    candidates = sorted(ways.values(), key=len)
    sequences = [_Builder(product, registers, (*way, *_probes(product, way))).sequence() for way in candidates]
    chosen = _named(sorted(_cover(_same_together(sequences)), key=lambda s: (len(s.steps), s.name)))
    reached = {goal for sequence in chosen for goal in sequence.covers}
    left = [rule for rule in _in_reach(product) if f"rule {rule.name}" not in reached]
    unreached = {rule.name: why_unreached(machine, rule) for rule in left}
    return Suite(machine=machine, event=machine_event(machine), sequences=tuple(chosen), unreached=unreached)


def _in_reach(product: Product) -> Iterator[Rule]:
    for call in (*product.specification.calls, UNKNOWN):
        for rule in product.specification.of(call.name, product.machine.version):
            if rule in product.cells.in_reach and rule.modality is not Modality.CALLER_MUST:
                yield rule


def _same_together(sequences: Iterable[SuiteSequence]) -> list[SuiteSequence]:
    """Ways that a tester cannot tell apart are one sequence."""
    found: dict[tuple[SuiteStep, ...], SuiteSequence] = {}
    for sequence in sequences:
        known = found.setdefault(sequence.steps, sequence)
        found[sequence.steps] = replace(known, covers=known.covers | sequence.covers)
    return list(found.values())


def _cover(sequences: Iterable[SuiteSequence]) -> list[SuiteSequence]:
    """A greedy set cover: always the sequence that reaches most of what is left for its steps."""
    left = {goal for sequence in sequences for goal in sequence.covers}
    pool, chosen = list(sequences), []
    while left:
        best = max(pool, key=lambda s: (len(s.covers & left) / len(s.steps), -len(s.steps)))
        chosen.append(best)
        left -= best.covers
    for sequence in sorted(chosen, key=lambda s: -len(s.steps)):
        others = Counter(goal for other in chosen if other is not sequence for goal in other.covers)
        if sequence.covers <= set(others):
            chosen.remove(sequence)
    return chosen


def _named(sequences: Sequence[SuiteSequence]) -> list[SuiteSequence]:
    """Each with a name of its own: what its last calls come to."""
    uses: Counter[str] = Counter()
    found = []
    for sequence in sequences:
        uses[sequence.name] += 1
        number = uses[sequence.name]
        found.append(replace(sequence, name=f"{sequence.name}-{number}" if number > 1 else sequence.name))
    return found


def _probes(product: Product, way: Sequence[SearchStep]) -> Iterator[SearchStep]:
    """What shows an unlawful effect: whoever was started or sleeps is waited for, and all others are asked about."""
    state: State = way[-1].after
    for step in settle(product, state):
        yield step
        state = step.after
    for core in range(len(product.machine.cores)):
        for name in ("SIGNAL", "ENTER"):
            if name == "SIGNAL" and state.activity[core] not in ASLEEP:
                continue
            act = next((t for t in acts(product, state) if _is(t, name, core)), None)
            if act is not None:
                for step in (SearchStep(state, act), *settle(product, act.target)):
                    yield step
                    state = step.after
    asking = runner(product, state) if state.system == "RUNNING" else None
    for core in range(len(product.machine.cores)):
        if asking is not None and core != asking:
            for transition in acts(product, state):
                call = transition.action
                if isinstance(call, Invocation) and _asks(product, call, asking, core):
                    yield SearchStep(state, transition)
                    break


def _is(transition: Transition, name: str, core: int) -> bool:
    action = transition.action
    return isinstance(action, MoveAction) and action.name == name and action.place == core


def _asks(product: Product, call: Invocation, asking: int, core: int) -> bool:
    function, wide = product.stepper.function(call.fn)
    return function is AFFINITY_INFO and wide and (call.caller, call.x1, call.x2) == (
        asking, product.machine.cores[core], 0,
    )  # fmt: skip


class _Builder:
    """Turns a way of the search into a sequence."""

    def __init__(
        self, product: Product, registers: Mapping[str, Sequence[Register]], way: Sequence[SearchStep]
    ) -> None:
        self.product = product
        self.registers = registers
        self.way = way
        self.expectation = Expectation(product)
        self.covers: set[str] = set()
        self.named = 0

    def sequence(self) -> SuiteSequence:
        """The sequence."""
        steps = tuple(step for part in self.way for step in self._steps(part))
        calls = [step for step in steps if isinstance(step, SuiteCall)]
        probes = sum(1 for call in reversed(calls) if call.function == AFFINITY_INFO.name) if len(calls) > 1 else 0
        told = calls[-1 - min(probes, 1)] if calls else None
        words = f"{told.function} {told.path.text}" if told else "boot"
        name = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
        return SuiteSequence(name=name, steps=steps, covers=frozenset(self.covers))

    def _steps(self, part: SearchStep) -> Iterator[SuiteStep]:
        self.covers |= {goal for goal in goals_of(self.product, part) if not goal.startswith("rule ")}
        action = part.transition.action
        if isinstance(action, Invocation):
            yield self._call(part, action)
            return
        for arrival in arrived(part.before, part.transition):
            yield self._await(arrival.core)
        match action.name:
            case "SIGNAL":
                by = runner(self.product, part.before) if part.before.system == "RUNNING" else None
                self.expectation.move("SIGNAL", action.place, action.parameters)
                yield SuiteWake(cpu=action.place, by=by)
            case "GO_DOWN":
                kinds = [action.parameters, *self.expectation.possible_moves("GO_DOWN")]
                events = dict.fromkeys(SEEN[str(kind)] for (kind,) in kinds if kind in SEEN)
                self.expectation.move("GO_DOWN", action.place, action.parameters)
                yield SuiteSystem(events=tuple(events))
            case "BOOT":
                self.expectation.move("BOOT", action.place, action.parameters)
                yield SuiteBoot(cause=CAUSES.get(part.before.kind, "cold"))

    def _await(self, core: int) -> SuiteAwait:
        found = self.expectation.arrivals(core)
        entries = tuple((EntrySlot((pc - SLOTS) // SLOT_SIZE), x0) for pc, x0 in (a.entry for a in found if a.entry))
        return SuiteAwait(cpu=core, returns=0 if any(a.entry is None for a in found) else None, entries=entries)

    def _call(self, part: SearchStep, abstract: Invocation) -> SuiteCall:
        completion = part.transition.completion
        assert completion is not None
        call, args = self._concrete(abstract)
        answers = self.expectation.call(call)
        for answer, how in answers:
            for rule in answer.rules:
                self.covers |= {f"rule {rule}", *answer_goals(rule, how, answer.value)}
        value = part.transition.value if completion is Completion.RETURNS else None
        goes_on = next(n for n, (answer, how) in enumerate(answers) if how is completion and answer.value == value)
        self.expectation.answered(call, completion, value)
        function, _ = self.product.stepper.function(call.fn)
        wide = self.product.stepper.result_is_wide(call)
        return SuiteCall(
            cpu=call.caller, function=function.name if function else UNKNOWN.name, fn=call.fn, wide=wide, args=args,
            answers=tuple(answer for answer, _ in answers), goes_on=goes_on,
        )  # fmt: skip

    def _concrete(self, call: Invocation) -> tuple[Invocation, tuple[SuiteArgument, ...]]:
        """The call with an entry point and a context id of its own, and its arguments by their meaning."""
        function, _ = self.product.stepper.function(call.fn)
        if function is None:
            return call, ()
        machine = self.product.machine
        words, args = [call.x1, call.x2, call.x3], list[SuiteArgument]()
        slot = self.named
        for place, register in enumerate(self.registers[function.name]):
            word = words[place]
            if register.names_core and not register.constants and word in machine.core_of:
                args.append(CoreName(machine.core_of[word]))
            elif register.is_address and word == ENTRY_POINTS[0]:
                words[place] = SLOTS + SLOT_SIZE * slot
                args.append(EntrySlot(slot))
                self.named = slot + 1
            elif register.is_stored and word == CONTEXTS[0]:
                words[place] = CONTEXT + slot
                args.append(words[place])
            else:
                args.append(word)
        return call._replace(x1=words[0], x2=words[1], x3=words[2]), tuple(args)


__all__ = ["CONTEXT", "SLOTS", "SLOT_SIZE", "suite"]
