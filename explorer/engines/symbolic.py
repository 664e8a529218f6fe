"""All states at once, as a decision diagram: exact counts for as many cores as are sold."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from psci.explorer.engines.cache import cache_folder, keep_diagram, kept_diagram
from psci.explorer.engines.diagrams import BinaryDiagram, DiagramCommand, Diagrams
from psci.explorer.engines.question import EngineAnswer, Progress, ReachabilityQuestion
from psci.explorer.lowering.commands import count_of
from psci.explorer.lowering.concrete import ValueNumbers, assignments
from psci.explorer.lowering.formulas import Variable

MANY_CORES = 12
"""From this number of cores on, the steps of one core are one relation; below, one by one is faster."""


@dataclass(frozen=True)
class Symbolic:
    """The engine; `layers` asks for the diameter where nobody looks for a goal."""

    layers: bool = True
    counting: bool = True
    name = "symbolic"

    def answer(self, question: ReachabilityQuestion, progress: Progress) -> EngineAnswer:
        """Answer a question."""
        return _Run(question, progress, self.layers, self.counting).answer()


class _Run:
    """One question."""

    def __init__(self, question: ReachabilityQuestion, progress: Progress, layers: bool, counting: bool) -> None:
        self.begun = time.perf_counter()
        self.question = question
        self.progress = progress
        self.layers = layers
        self.counting = counting
        self.interrupted = False
        self.lowered = question.lowered
        self.diagrams = Diagrams(self.lowered)
        self.goal = self.diagrams.node(question.goal_formula(), question.spoken_of)

    def answer(self) -> EngineAnswer:
        diagrams = self.diagrams
        if self.question.goal is not None or not self.layers:
            reached = self._reached(stop=None if self.goal == diagrams.false else self.goal)
            if self.interrupted or reached & self.goal == diagrams.false:
                return self._counted(reached, None)
        return self._by_layers()

    # ---- reachability

    def _reached(self, stop: BinaryDiagram | None = None) -> BinaryDiagram:
        """Every reachable state, in whatever order is fastest; or some, with one of those to stop at."""
        many = len(self.lowered.product.machine.cores) >= MANY_CORES
        steps = [*self._relations()] if many else [partial(self._apply, event) for event in self.diagrams.events]
        states = self._kept_states() | self.diagrams.initial()
        idle = number = 0
        try:
            while idle < len(steps):
                following = steps[number % len(steps)](states)
                idle = idle + 1 if following == states else 0
                states = following
                number += 1
                if number % len(steps) == 0:
                    self.progress(f"round {number // len(steps)}, {len(states):,} nodes")
                    if stop is not None and states & stop != self.diagrams.false:
                        return states
        except KeyboardInterrupt:
            self.interrupted = True
            keep_diagram(self.diagrams.manager, states, self._file)
        return states

    @cached_property
    def _file(self) -> Path:
        """Where the states of an interrupted run are kept."""
        return cache_folder() / f"states-{self.lowered.digest()}.json"

    def _kept_states(self) -> BinaryDiagram:
        """What an interrupted run has reached: all of it is reachable, so this one goes on from there."""
        states = kept_diagram(self.diagrams.manager, self._file)
        return self.diagrams.false if states is None else states

    def _apply(self, event: DiagramCommand, states: BinaryDiagram) -> BinaryDiagram:
        return states | self.diagrams.image(states, event)

    def _relations(self) -> Iterator[Callable[[BinaryDiagram], BinaryDiagram]]:
        """For each core what it can do to itself as one step, the last core first; then what changes several cores."""
        diagrams = self.diagrams
        groups: dict[int | None, list[DiagramCommand]] = defaultdict(list)
        rest = []
        for event in diagrams.events:
            cores = {v[1] for v, _ in assignments(self.lowered, event.command, event.cores) if self._is_of_core(v)}
            if len(cores) > 1:
                rest.append(event)
            else:
                groups[next(iter(cores), None)].append(event)
        for _, events in sorted(groups.items(), key=lambda pair: -1 if pair[0] is None else -2 - pair[0]):
            yield partial(diagrams.related, *diagrams.relation(events))
        for event in rest:
            yield partial(self._apply, event)

    def _is_of_core(self, variable: Variable) -> bool:
        of_core = self.lowered.field_named(variable[0]).domain[:1]
        return bool(of_core) and of_core[0].name == "Core" and variable in self.diagrams.bits

    # ---- layers

    def _by_layers(self) -> EngineAnswer:
        """Breadth first; each layer is kept where somebody looks for a shortest way."""
        diagrams = self.diagrams
        layer = reached = diagrams.initial()
        layers = [layer]
        while layer & self.goal == diagrams.false:
            following = diagrams.false
            for event in diagrams.events:
                following |= diagrams.image(layer, event)
            layer = following & ~reached
            if layer == diagrams.false:
                return self._counted(reached, len(layers) - 1)
            reached |= layer
            layers.append(layer)
            self.progress(f"layer {len(layers) - 1}, {len(reached):,} nodes")
        way: list[ValueNumbers] = [diagrams.pick(layer & self.goal)]
        for before in reversed(layers[:-1]):
            way.append(self._origin(before, way[-1]))
        way.reverse()
        return EngineAnswer(
            "symbolic", diagrams.count(reached), None, None, len(layers) - 1,
            time.perf_counter() - self.begun, False, self.question.steps(way), details=self._details(reached),
        )  # fmt: skip

    def _origin(self, layer: BinaryDiagram, values: ValueNumbers) -> ValueNumbers:
        """A state of a layer from which one step leads to this one."""
        diagrams = self.diagrams
        target = diagrams.single(dict(values))
        for event in diagrams.events:
            origins = diagrams.origins(target, event) & layer
            if origins != diagrams.false:
                return diagrams.pick(origins)
        raise AssertionError("a layer that nothing leads to")

    # ---- counts

    def _counted(self, states: BinaryDiagram, diameter: int | None) -> EngineAnswer:
        counting = self.counting and not self.interrupted
        transitions = self._labelled(states) if counting else None
        distinct = self._distinct(states) if counting else None
        return EngineAnswer(
            "symbolic", self.diagrams.count(states), transitions, distinct, diameter,
            time.perf_counter() - self.begun, not self.interrupted, interrupted=self.interrupted,
            details=self._details(states),
        )  # fmt: skip

    def _details(self, states: BinaryDiagram) -> tuple[tuple[str, object], ...]:
        return (("nodes", len(states)), ("library", self.diagrams.library))

    def _labelled(self, states: BinaryDiagram) -> int:
        """Each label for one choice of cores: the reachable states are the same for every other."""
        many: dict[tuple[int, tuple[int, ...]], int] = defaultdict(int)
        for label in self.lowered.labels:
            many[label.guard, label.named] += 1
        total = 0
        for (guard, named), times in many.items():
            cores = next(iter(self.lowered.instances(named)))
            count = self.diagrams.count(states & self.diagrams.node(guard, cores))
            total += times * count_of(self.lowered.members, named) * count
        return total

    def _distinct(self, states: BinaryDiagram) -> int:
        """Pairs of a state and another one: of commands that lead to the same state the first one counts."""
        total = 0
        earlier: list[DiagramCommand] = []
        by_command: dict[int, list[DiagramCommand]] = defaultdict(list)
        for event in self.diagrams.events:
            by_command[id(event.command)].append(event)
        effects = {id(event): dict(self._effect(event)) for event in self.diagrams.events}
        for command in self.lowered.commands:
            events = by_command[id(command)]
            if not events:
                continue
            enabled = states & events[0].guard
            for other in earlier:
                same = self._meet(effects[id(events[0])], effects[id(other)])
                if same is not None:
                    enabled &= ~(other.guard & same)
            total += count_of(self.lowered.members, command.named) * self.diagrams.count(enabled)
            earlier += events
        return total

    def _effect(self, event: DiagramCommand) -> Iterator[tuple[Variable, int]]:
        for variable, number in assignments(self.lowered, event.command, event.cores):
            if variable in self.diagrams.bits:
                yield variable, number

    def _meet(self, one: dict[Variable, int], other: dict[Variable, int]) -> BinaryDiagram | None:
        """The states from which two effects lead to the same state; None where no step is the same."""
        shared = one.keys() & other.keys()
        if not shared or any(one[variable] != other[variable] for variable in shared):
            return None
        differ = (*(one.items() - other.items()), *(other.items() - one.items()))
        return self.diagrams.all_of(self.diagrams.value(variable, number) for variable, number in differ)


__all__ = ["Symbolic"]
