"""What may happen unseen between two events: calls are decided, and silent moves take place.

An unseen step is taken only where an event, or a later step that an event needs, depends on it: what
an event does not depend on can just as well happen after it (docs/decisions says why that is exact).
A decision that changes nothing (a query, a refusal) is not a step at all: each call under way keeps the
answers that it could have got since it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from psci.model.calls.conventions import HINT_BIT, NOT_PSCI, UNKNOWN
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.language.sorts import Enumeration
from psci.model.step import Outcome, accepts
from psci.model.symbols.state import FIELD_BY_NAME
from psci.oracle.checker.configuration import (
    NONE,
    Assumptions,
    Configuration,
    Pending,
    UnchangingAnswer,
    most_woken,
    replaced,
    widest,
)
from psci.oracle.checker.footprint import CONTROL, Context, Footprint, Location, may_return
from psci.oracle.checker.limits import Limits
from psci.oracle.checker.worlds import World, Worlds

PERMISSIONS = (Modality.MAY_REFUSE, Modality.MAY_SUCCEED, Modality.AMENDS)
"""Rules that allow and do not oblige; what only they explain is counted."""

SilentStep: TypeAlias = tuple[str, int]
"""The decision of a call ("", and its core), or a silent move (its name, and the core or node that moves)."""

SilentCone: TypeAlias = tuple[SilentStep, ...]
"""The steps that something can depend on, directly or by others."""

Explains: TypeAlias = Callable[[Configuration], bool | None]
"""True: this explains the event, and nothing after it has to be looked at. False: neither this nor what follows from
it can. None: go on from here."""

_LIMIT_OF_CONES = 1_000
_LIMIT_OF_ANSWERS = 10_000

_CONTROL_LOCATIONS = frozenset((name,) for name in CONTROL)


@dataclass(frozen=True, slots=True, eq=False)
class MoveTarget:
    """What an event depends on; each is made once, and compared by identity."""

    footprint: Footprint
    ends: bool = False
    """The event overwrites all but what it reads: a step matters only if it changes something of that."""
    once_going: Footprint | None = None
    """What it depends on once the system is no longer running, where that is less."""


def looks_at(*locations: Location, changes: Iterable[Location] = ()) -> MoveTarget:
    """The target of an event that looks at some parts of the state, and changes some."""
    return MoveTarget(Footprint(frozenset(locations), dict.fromkeys(changes)))


class _Reach(NamedTuple):
    """A step with what it can touch."""

    step: SilentStep
    footprint: Footprint
    own: frozenset[Location]
    """What the caller has to be doing: it may lose that by the step of another, and nobody waits for it."""
    contexts: tuple[Context, ...]
    """Those that it can lead to."""
    enabled: frozenset[Location]
    """What is written by the moves that become possible there."""
    opens: tuple[SilentStep, ...]
    """The silent moves that it may make possible."""


class Unseen:
    """The unseen steps of one machine under one set of rules."""

    def __init__(self, worlds: Worlds, limits: Limits) -> None:
        self.worlds = worlds
        self.stepper = worlds.stepper
        self.footprints = worlds.ground.footprints
        self.limits = limits
        self.widest = 1
        """The largest number of explanations held at once."""
        self._changes: dict[tuple[int, int], bool] = {}
        self._answerable: dict[tuple[int, int], bool] = {}
        self._waits: dict[int, bool] = {}
        self._reaches: dict[tuple[Any, ...], _Reach] = {}
        self._targets: dict[tuple[int, int], tuple[Footprint, MoveTarget]] = {}
        self._woken = [looks_at(("activity", core)) for core in range(len(self.stepper.machine.cores))]
        self._silent = [move.name for move in self.stepper.specification.moves if move.silent]
        self._by_node = {move.name for move in self.stepper.specification.moves if move.node is not None}
        self._listeners: dict[str, tuple[str, ...]] = {}
        """For each field, the silent moves whose guards read it."""
        for guard in worlds.ground.guards:
            for name in guard.fields:
                self._listeners[name] = (*self._listeners.get(name, ()), guard.name)
        self._simple = {guard.name for guard in worlds.ground.guards if guard.whole is not None}
        self._places = {guard.name: guard.places for guard in worlds.ground.guards}

    # ---- searching

    def reached(
        self, configurations: Iterable[Configuration], target: MoveTarget, explains: Explains, most: int | None = None
    ) -> set[Configuration]:
        """All that the steps lead to on which the target depends; with `most` about so many of them."""
        seen = set(configurations)
        frontier = [(configuration, self.cone(configuration, target)) for configuration in seen]
        while frontier and (most is None or len(seen) < most):
            configuration, cone = frontier.pop()
            if explains(configuration) is None:
                self._go_on(configuration, cone, target, None, seen, frontier)
        return seen

    def answering(
        self, configurations: Iterable[Configuration], core: int, x0: int
    ) -> tuple[set[Configuration], set[Rule]]:
        """The explanations of a return of x0 to a core, with its call ended, and the rules that gave the answer."""
        found: set[Configuration] = set()
        rules: set[Rule] = set()
        seen = set(configurations)
        frontier: list[tuple[Configuration, SilentCone | None]] = [(configuration, None) for configuration in seen]
        whole: MoveTarget | None = None
        while frontier:
            configuration, cone = frontier.pop()
            pending = configuration.call_of(core)
            activity = configuration.state.activity[core]
            if pending is None or activity == "STOPPED":
                continue
            if pending.outcome is None and not self._gives_anywhere(pending, x0):
                continue
            if pending.outcome is None:
                go_on = activity == "RUNNING" and self._answers(
                    configuration, core, pending, x0, found, rules, seen, frontier
                )
            elif pending.explains(x0, activity):
                found.add(configuration.with_pending(core, None))
                rules.add(pending.outcome.rule)
                go_on = False
            else:
                go_on = pending.outcome.completion is Completion.WAITS and accepts(pending.outcome, x0, pending.wide)
            if go_on and self._may_be_more(configuration, core):
                target = self.of_return(configuration, core, x0)
                whole = whole or target
                if cone is None:
                    cone = self.cone(configuration, target)
                self._go_on(configuration, cone, target, core, seen, frontier)
        return (self.first(found, whole) if whole is not None else found), rules

    def _may_be_more(self, configuration: Configuration, core: int) -> bool:
        """Whether any step is open but the decision of a core's call."""
        return len(configuration.calls) > 1 or bool(self.worlds.moves(configuration.world))

    def _answers(
        self, configuration: Configuration, core: int, pending: Pending, x0: int, found: set[Configuration],
        rules: set[Rule], seen: set[Configuration], frontier: list[tuple[Configuration, SilentCone | None]],
    ) -> bool:  # fmt: skip
        """Decide an awaited call at once, where that can lead to x0; returns whether others may have to move before."""
        world, assumptions = configuration.world, configuration.assumptions
        ended = configuration.with_pending(core, None)
        others_may = False
        for early in pending.early:
            if _gives(early.rule, early.value, x0, pending.wide):
                together = self.together(assumptions, early.needs)
                if together is not None:
                    found.add(ended if together is assumptions else ended.assuming(together))
                    rules.add(early.rule)
        for needs, results in self.worlds.outcomes(world, pending.call, assumptions):
            under = self.together(assumptions, needs)
            if under is None:
                continue
            answered = False
            for result in results:
                completion = result.completion
                if completion is Completion.NEVER or not _gives(result.rule, result.value, x0, pending.wide):
                    continue
                if completion is Completion.WAITS:
                    outcome = Outcome(result.rule, completion, result.value, None)
                    waiting = pending._replace(outcome=outcome, early=frozenset())
                    after = self._moved(configuration, result.world, ("", core)).with_pending(core, waiting)
                    self._add(after.assuming(under), None, seen, frontier)
                    continue
                if result.world.state.activity[core] != "RUNNING":
                    continue
                rules.add(result.rule)
                if result.world is world:
                    found.add(ended.assuming(under))
                    answered |= result.rule.modality not in PERMISSIONS
                else:
                    moved = self._moved(configuration, result.world, ("", core))
                    found.add(moved.with_pending(core, None).assuming(under))
            # What others' steps lead to from here follows as well from an explanation just found, if that changed
            # nothing; and under what is assumed here it may be that no state has this answer.
            if answered and under is assumptions:
                others_may = False
                break
            others_may |= not answered and self._can_give(pending, under, x0)
        return others_may or self._may_change(pending, x0)

    def decisions(self, configuration: Configuration, core: int) -> Iterator[Configuration]:
        """Every way in which the call of a core can change something, under every answer to what is undeclared."""
        pending = configuration.call_of(core)
        if pending is None or pending.outcome is not None or configuration.state.activity[core] != "RUNNING":
            return
        for needs, results in self.worlds.outcomes(configuration.world, pending.call, configuration.assumptions):
            under = self.together(configuration.assumptions, needs)
            if under is None:
                continue
            for rule, completion, value, world in results:
                if world is configuration.world and completion is not Completion.NEVER:
                    continue
                after = None
                if completion is not Completion.NEVER:
                    after = Pending(pending.call, pending.wide, outcome=Outcome(rule, completion, value, None))
                moved = self._moved(configuration, world, ("", core))
                yield Configuration(world, replaced(moved.calls, core, after), under, configuration.claimed)

    def steps(self, configuration: Configuration, step: SilentStep) -> Iterator[Configuration]:
        """What one step leads to."""
        name, index = step
        if not name:
            yield from self.decisions(configuration, index)
            return
        if step not in self.worlds.moves(configuration.world):
            return
        for needs, _, world in self.worlds.ways(configuration.world, name, index):
            under = self.together(configuration.assumptions, needs)
            if under is not None and world is not configuration.world:
                yield self._moved(configuration, world, step).assuming(under)

    def moved(self, configuration: Configuration, world: World, written: Iterable[Location]) -> Configuration:
        """The configuration after an event that changes the state: calls keep the answers that they could have got."""
        return self._keeping(configuration, world, Footprint(frozenset(), dict.fromkeys(written)), None)

    def _go_on(
        self, configuration: Configuration, cone: SilentCone, target: MoveTarget, awaited: int | None,
        seen: set[Configuration], frontier: list[Any],
    ) -> None:  # fmt: skip
        context = configuration.world.context
        for step in cone:
            if step == ("", awaited):
                continue
            for after in self.steps(configuration, step):
                # What matters to an event that overwrites the rest depends on what the system was already asked for.
                wider = cone if after.world.context == context and not target.ends else self.cone(after, target)
                self._add(after, wider, seen, frontier)

    def _add(
        self, after: Configuration, cone: SilentCone | None, seen: set[Configuration], frontier: list[Any]
    ) -> None:
        if after not in seen:
            seen.add(after)
            frontier.append((after, cone))
            self.limits.spend(len(seen))
            self.widest = max(self.widest, len(seen))

    # ---- answers that a call could have got

    def _moved(self, configuration: Configuration, world: World, step: SilentStep) -> Configuration:
        if len(configuration.calls) == (not step[0]):
            return configuration.in_world(world)
        reach = self._reach(configuration, step)
        return self._keeping(configuration, world, reach.footprint, None if step[0] else step[1])

    def _keeping(self, before: Configuration, world: World, footprint: Footprint, mover: int | None) -> Configuration:
        calls = before.calls
        for core, pending in before.calls:
            if core == mover or pending.outcome is not None or before.state.activity[core] != "RUNNING":
                continue
            own = self.footprints.of_call(pending.call, before.world.context)
            if not self._disturbs(footprint, own, before.world.context, world.context):
                continue
            lost = self._answers_now(before, pending) - self._answers_now(before.in_world(world), pending)
            if not lost <= pending.early:
                calls = replaced(calls, core, pending._replace(early=pending.early | lost))
        return Configuration(world, calls, before.assumptions, before.claimed)

    def _disturbs(self, writer: Footprint, reader: Footprint, before: Context, after: Context) -> bool:
        if not (writer.writes.keys() - _CONTROL_LOCATIONS).isdisjoint(reader.reads):
            return True
        return before != after and self.footprints.depends(reader.owner, before, after)

    def _answers_now(self, configuration: Configuration, pending: Pending) -> frozenset[UnchangingAnswer]:
        """The answers that would change nothing."""
        found = []
        for needs, results in self.worlds.outcomes(configuration.world, pending.call, configuration.assumptions):
            left = self._left(needs)
            if self._refuted(needs) or configuration.assumptions.together(left) is None:
                continue
            found += [
                UnchangingAnswer(r.rule, r.value, Assumptions(left) if left else NONE)
                for r in results
                if r.completion is Completion.RETURNS and r.world is configuration.world
            ]
        return frozenset(found)

    def together(self, assumptions: Assumptions, needs: Any) -> Assumptions | None:
        """The assumptions with what something needs, or None where that contradicts them or what was learned."""
        return None if self._refuted(needs) else assumptions.together(self._left(needs))

    def _refuted(self, needs: Any) -> bool:
        learned = self.stepper.learned
        return any(learned.get(key, value) != value for key, value in needs.items())

    def _left(self, needs: Any) -> Any:
        learned = self.stepper.learned
        if not needs or not any(key in learned for key in needs):
            return needs
        return {key: value for key, value in needs.items() if key not in learned}

    # ---- what an event depends on

    def of_return(self, configuration: Configuration, core: int, x0: int | None = None) -> MoveTarget:
        """What it depends on that a core's call returns x0, or anything."""
        pending = configuration.call_of(core)
        activity = ("activity", core)
        if pending is None or pending.outcome is not None:
            return self._woken[core]
        context = configuration.world.context
        if x0 is None:
            footprint = self.footprints.of_call(pending.call, context)
        else:
            footprint = self.footprints.of_answer(pending.call, context, x0, pending.wide)
        known = self._targets.get((core, id(footprint)))
        if known is None or known[0] is not footprint:
            whole = footprint
            if self._may_wait(pending.call.fn):
                whole = footprint._replace(reads=footprint.reads | {activity})
            known = self._targets[core, id(footprint)] = footprint, MoveTarget(whole)
        return known[1]

    def may_write(self, configuration: Configuration, core: int, place: Location) -> bool:
        """Whether the decision of a core's call, if it is open, may change a part of the state."""
        pending = configuration.call_of(core)
        if pending is None or pending.outcome is not None:
            return False
        return place in self.footprints.of_change(pending.call, configuration.world.context).writes

    def cone(self, configuration: Configuration, target: MoveTarget) -> SilentCone:
        """The steps that the target depends on, directly or by other steps."""
        open_calls = tuple([(core, pending.call) for core, pending in configuration.calls if pending.outcome is None])
        cones = configuration.world.cones
        known: SilentCone | None = cones.get((target, open_calls))
        if known is None:
            if len(cones) > _LIMIT_OF_CONES:
                cones.clear()
            known = cones[target, open_calls] = self._cone(configuration, target)
        return known

    def _cone(self, configuration: Configuration, target: MoveTarget) -> SilentCone:
        waiting = self._potential(configuration)
        if not waiting:
            return ()
        context = configuration.world.context
        inside: list[SilentStep] = []
        footprint = target.footprint
        if target.once_going is not None and context.system != "RUNNING":
            footprint = target.once_going
        if target.ends:
            waiting = _without_more_of_the_same(waiting, configuration.state.asked)
        frontier = [_Reach(("", -1), footprint, frozenset(), (context,), frozenset(), ())]
        while frontier and waiting:
            depends = frontier.pop()
            left = []
            for reach in waiting:
                if self._matters(reach, depends, context, target.ends):
                    inside.append(reach.step)
                    frontier.append(reach)
                else:
                    left.append(reach)
            waiting = left
        return tuple(inside)

    def _matters(self, step: _Reach, other: _Reach, context: Context, ends: bool) -> bool:
        """Whether a step may have to come before another: it feeds it, or cannot come after it."""
        # What the other's caller has to be doing is not among what it reads: a step can end that, and never begins it.
        mine, its = step.footprint, other.footprint
        if not (mine.writes.keys() - _CONTROL_LOCATIONS).isdisjoint(its.reads):
            return True
        if mine.overwrites(its) and not ends:
            return True
        if not step.enabled.isdisjoint(its.reads):
            return True
        if len(step.contexts) > 1 or step.contexts[0] != context:
            if not its.owner:
                if not _CONTROL_LOCATIONS.isdisjoint(its.reads):
                    return True
            elif any(self.footprints.depends(its.owner, context, after) for after in step.contexts):
                return True
        if ends:
            return False
        if not (its.writes.keys() - _CONTROL_LOCATIONS).isdisjoint(mine.reads | step.own):
            return True
        changes = len(other.contexts) > 1 or other.contexts[0] != context
        return changes and any(self.footprints.depends(mine.owner, context, after) for after in other.contexts)

    def _potential(self, configuration: Configuration) -> list[_Reach]:
        """The steps that are possible, or may become possible by others."""
        found: dict[SilentStep, _Reach] = {}
        waiting: list[SilentStep] = [
            ("", core)
            for core, pending in configuration.calls
            if pending.outcome is None and configuration.state.activity[core] == "RUNNING"
        ]
        waiting += self.worlds.moves(configuration.world)
        while waiting:
            step = waiting.pop()
            if step in found:
                continue
            reach = self._reach(configuration, step)
            if not reach.footprint.writes:
                continue
            found[step] = reach
            waiting += reach.opens
        return list(found.values())

    def _opened(self, footprint: Footprint) -> tuple[SilentStep, ...]:
        """The silent moves that a step with this footprint may make possible."""
        found: dict[SilentStep, None] = {}
        for location in footprint.writes:
            if location in _CONTROL_LOCATIONS:
                continue
            for name in self._listeners.get(location[0], ()):
                places = (location[1],) if name in self._simple and len(location) > 1 else range(self._places[name])
                found.update(((name, place), None) for place in places)
        return tuple(found)

    def _reach(self, configuration: Configuration, step: SilentStep) -> _Reach:
        name, index = step
        context = configuration.world.context
        if name:
            footprint = self.footprints.of_move(name, index, context)
            own: frozenset[Location] = frozenset()
        else:
            pending = configuration.call_of(index)
            assert pending is not None
            footprint = self.footprints.of_change(pending.call, context)
            own = frozenset({("activity", index)})
        key = (step, id(footprint))
        known = self._reaches.get(key)
        if known is None or known.footprint is not footprint:
            contexts, enabled = self._led_to(footprint, context)
            known = self._reaches[key] = _Reach(step, footprint, own, contexts, enabled, self._opened(footprint))
        return known

    def _led_to(self, footprint: Footprint, context: Context) -> tuple[tuple[Context, ...], frozenset[Location]]:
        written = [name for name in CONTROL if (name,) in footprint.writes]
        if not written:
            return (context,), frozenset()
        contexts = [context]
        for name in written:
            value = footprint.writes[(name,)]
            values = self._all(name) if value is None else (value,)
            contexts += [c._replace(**{name: new}) for c in contexts for new in values]
        contexts = list(dict.fromkeys(contexts))
        enabled: set[Location] = set()
        for after in contexts:
            for name in self._silent:
                if after != context and self.footprints.depends(name, context, after):
                    for place in range(self._places.get(name, 0)):
                        enabled |= self.footprints.of_move(name, place, after).writes.keys()
        return tuple(contexts), frozenset(enabled) - _CONTROL_LOCATIONS

    @staticmethod
    def _all(name: str) -> tuple[str, ...]:
        sort = FIELD_BY_NAME[name].range
        assert isinstance(sort, Enumeration)
        return sort.values

    # ---- leaving out what follows from other explanations

    def first(self, found: set[Configuration], target: MoveTarget) -> set[Configuration]:
        """The explanations without those that follow from others of them by one unseen step."""
        if len(found) > 1:
            follows = {
                after
                for configuration in found
                for step in self.cone(configuration, target)
                for after in self.steps(configuration, step)
                if after in found
            }
            found = found - follows
        return most_woken(widest(found)) if self.worlds.ground.more_wakeups_allow_more else widest(found)

    def _may_wait(self, fn: int) -> bool:
        known = self._waits.get(fn)
        if known is None:
            known = self._waits[fn] = any(rule.completion is Completion.WAITS for rule in self._rules(fn))
        return known

    def _may_change(self, pending: Pending, x0: int) -> bool:
        """Whether some rule that can return x0 to this call has an effect."""
        key = (pending.call.fn, x0)
        known = self._changes.get(key)
        if known is None:
            known = any(
                any(update.field.name in self.worlds.live for update in rule.effect.updates)
                and may_return(rule, x0, pending.wide)
                for rule in self._rules(pending.call.fn)
            )
            if len(self._changes) > _LIMIT_OF_ANSWERS:
                self._changes.clear()
            self._changes[key] = known
        return known

    def _can_give(self, pending: Pending, assumed: Assumptions, x0: int) -> bool:
        """Whether some state has this answer, under what is assumed."""
        return any(may_return(rule, x0, pending.wide) for rule in self.footprints.applicable(pending.call, assumed))

    def _gives_anywhere(self, pending: Pending, x0: int) -> bool:
        """Whether some rule can return x0 to this call in some state."""
        key = (pending.call.fn, x0)
        known = self._answerable.get(key)
        if known is None:
            known = any(
                rule.modality is not Modality.CALLER_MUST and may_return(rule, x0, pending.wide)
                for rule in self._rules(pending.call.fn)
            )
            if len(self._answerable) > _LIMIT_OF_ANSWERS:
                self._answerable.clear()
            self._answerable[key] = known
        return known

    def _rules(self, fn: int) -> tuple[Rule, ...]:
        function, _ = self.stepper.function(fn)
        names = [UNKNOWN.name, NOT_PSCI.name] if function is None or fn & HINT_BIT else []
        names += [] if function is None else [function.name]
        return tuple(r for name in names for r in self.stepper.specification.of(name, self.stepper.machine.version))


def _without_more_of_the_same(steps: list[_Reach], asked: tuple[str, ...]) -> list[_Reach]:
    """The steps, less what changes nothing for a system that goes down: one more core that asks for the same."""
    kinds = {kind for kind in asked if kind != "NONE"}
    if not kinds:
        return steps
    return [step._replace(footprint=_less(step.footprint, kinds)) for step in steps]


def _less(footprint: Footprint, kinds: set[str]) -> Footprint:
    writes = {place: value for place, value in footprint.writes.items() if place[0] != "asked" or value not in kinds}
    return footprint if len(writes) == len(footprint.writes) else footprint._replace(writes=writes)


def _gives(rule: Rule, value: int | None, x0: int, wide: bool) -> bool:
    return accepts(Outcome(rule, rule.completion, value, None), x0, wide)


__all__ = ["PERMISSIONS", "MoveTarget", "Unseen", "looks_at"]
