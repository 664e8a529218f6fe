"""What may happen unseen between two events: calls are decided, and silent moves take place.

Not every order of unseen steps has to be tried. A decision that changes nothing (a query, a
refusal) can be put off to the moment before the first change after which it is no longer open: the
same things are explained, by fewer configurations. So `Unseen` follows the steps that change the
state, and at each of them looks for the answers that would be lost by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from psci.model.errors import InputError
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.language.terms import Const
from psci.model.machine import Undeclared
from psci.model.step import Invocation, Outcome, Stepper, accepts
from psci.oracle.checker.configuration import Assumptions, Configuration, Pending

Judge: TypeAlias = Callable[[Configuration], bool | None]
"""True: this explains the event. False: neither this nor what follows from it can. None: go on from here."""

Branches: TypeAlias = tuple[tuple[Assumptions, tuple[Outcome, ...]], ...]
"""The outcomes of a call under each assumption that makes a difference to them."""

PERMISSIONS = (Modality.MAY_REFUSE, Modality.MAY_SUCCEED, Modality.AMENDS)
"""Rules that allow and do not oblige; what only they explain is counted."""

LIMIT_OF_EXPLANATIONS = 20_000
"""Above this many explanations at once the trace is not judged further."""

_LIMIT_OF_MEMORY = 50_000


class TooMany(InputError):
    """There are more explanations than can be kept."""


def everything(_configuration: Configuration) -> None:
    """Go on from each configuration: for `Unseen.reached`."""


class Unseen:
    """The unseen steps of one machine under one set of rules."""

    def __init__(self, stepper: Stepper) -> None:
        self.stepper = stepper
        self.widest = 1
        """The largest number of explanations held at once."""
        self._known: dict[tuple[Any, Invocation], Branches] = {}
        self._changes: dict[tuple[int, int], bool] = {}

    def reached(self, configurations: Iterable[Configuration], judge: Judge = everything) -> set[Configuration]:
        """All that unseen steps lead to, but for decisions that change nothing and can be put off.

        Where `judge` says True or False of a configuration, nothing that follows from it is looked at.
        """
        seen = set(configurations)
        frontier = list(seen)
        while frontier:
            configuration = frontier.pop()
            if judge(configuration) is None:
                self._add(self._steps(configuration), seen, frontier)
        return seen

    def answering(self, configurations: Iterable[Configuration], core: int, x0: int) -> tuple[
        set[Configuration], set[Rule]
    ]:  # fmt: skip
        """The explanations of a return of x0 to a core, with its call ended, and the rules that gave the answer.

        Of explanations that follow from each other by unseen steps only the first is returned.
        """
        found: set[Configuration] = set()
        rules: set[Rule] = set()
        seen = set(configurations)
        frontier = list(seen)
        while frontier:
            configuration = frontier.pop()
            pending = configuration.pending[core]
            activity = configuration.state.activity[core]
            if pending is None or activity == "STOPPED":
                continue
            if pending.outcome is None:
                go_on = self._answers(configuration, core, x0, found, rules, seen, frontier)
            elif pending.explains(x0, activity):
                found.add(configuration.with_pending(core, None))
                rules.add(pending.outcome.rule)
                go_on = False
            else:
                go_on = pending.outcome.completion is Completion.WAITS and accepts(pending.outcome, x0, pending.wide)
            if go_on:
                self._add(self._steps(configuration, core), seen, frontier)
        return found, rules

    def _answers(
        self, configuration: Configuration, core: int, x0: int,
        found: set[Configuration], rules: set[Rule], seen: set[Configuration], frontier: list[Configuration],
    ) -> bool:  # fmt: skip
        """Decide an awaited call at once, where that can lead to x0; returns whether others may have to move before."""
        state, calls = configuration.state, configuration.pending
        pending = calls[core]
        assert pending is not None
        left = (*calls[:core], None, *calls[core + 1 :])
        answered = False
        for assumptions, outcomes in self._outcomes(state, pending.call, configuration.assumptions):
            for outcome in outcomes:
                if outcome.completion is Completion.NEVER or not accepts(outcome, x0, pending.wide):
                    continue
                if outcome.completion is Completion.WAITS:
                    waiting = Pending(pending.call, pending.wide, outcome._replace(state=None))
                    after = Configuration(outcome.state, calls, assumptions, configuration.claimed)
                    after = after.with_pending(core, waiting)
                    self._add(self.with_lost_answers(configuration, after, core), seen, frontier)
                    continue
                if outcome.state.activity[core] != "RUNNING":
                    continue
                rules.add(outcome.rule)
                after = Configuration(outcome.state, left, assumptions, configuration.claimed)
                if outcome.state is state:
                    found.add(after)
                    plain = outcome.rule.modality not in PERMISSIONS
                    answered |= plain and assumptions is configuration.assumptions
                else:
                    found.update(self.with_lost_answers(configuration, after, core))
        # What others' steps lead to from here follows as well from an explanation just found, if that changed nothing.
        return not answered or self._may_change(pending, x0)

    def decisions(self, configuration: Configuration, core: int) -> Iterator[Configuration]:
        """Every way in which the pending call of a core can be decided, under every answer to what is undeclared."""
        pending = configuration.pending[core]
        assert pending is not None
        assert pending.outcome is None
        calls, claimed = configuration.pending, configuration.claimed
        for assumptions, outcomes in self._outcomes(configuration.state, pending.call, configuration.assumptions):
            for rule, completion, value, state in outcomes:
                after = None
                if completion is not Completion.NEVER:
                    after = Pending(pending.call, pending.wide, Outcome(rule, completion, value, None))
                yield Configuration(state, (*calls[:core], after, *calls[core + 1 :]), assumptions, claimed)

    def with_lost_answers(
        self, before: Configuration, after: Configuration, mover: int | None
    ) -> Iterable[Configuration]:
        """What a change leads to, also where calls of other cores got answers before it that it takes away.

        `mover` is the core whose own call or entry makes the change, or None.
        """
        found = [after]
        for core, pending in enumerate(before.pending):
            if pending is None or pending.outcome is not None or core == mover:
                continue
            if before.state.activity[core] != "RUNNING":
                continue
            for early in self.decisions(before, core):
                if early.state is before.state:
                    found += [lost for c in found if (lost := self._lost(c, early, core)) is not None]
        return found

    def _lost(self, after: Configuration, early: Configuration, core: int) -> Configuration | None:
        """`after` with the early answer of a core, or None where that answer is still open or impossible."""
        pending = after.pending[core]
        assumptions = after.assumptions.together(early.assumptions)
        if pending is None or pending.outcome is not None or assumptions is None:
            return None
        answered = after.assuming(assumptions).with_pending(core, early.pending[core])
        if after.state.activity[core] == "RUNNING" and any(late == answered for late in self.decisions(after, core)):
            return None
        return answered

    def _steps(self, configuration: Configuration, awaited: int | None = None) -> Iterator[Configuration]:
        """The steps that change the state, but for the decision of an awaited call."""
        state = configuration.state
        for core, pending in enumerate(configuration.pending):
            if core == awaited or pending is None or pending.outcome is not None:
                continue
            if state.activity[core] == "RUNNING":
                for after in self.decisions(configuration, core):
                    if after.state is not state:
                        yield from self.with_lost_answers(configuration, after, core)
        if not self.stepper.quiet(state):
            for _, moved in self.stepper.silent(state):
                yield from self.with_lost_answers(configuration, configuration.in_state(moved), None)

    def _add(self, steps: Iterable[Configuration], seen: set[Configuration], frontier: list[Configuration]) -> None:
        for after in steps:
            if after not in seen:
                seen.add(after)
                frontier.append(after)
        if len(seen) > self.widest:
            self.widest = len(seen)
            if self.widest > LIMIT_OF_EXPLANATIONS:
                raise TooMany(
                    f"more than {LIMIT_OF_EXPLANATIONS} explanations: split the trace, or overlap fewer calls"
                )

    def forget(self) -> None:
        """Forget what was worked out: something was learned about the implementation."""
        self._known.clear()

    def _outcomes(self, state: Any, call: Invocation, assumptions: Assumptions) -> Branches:
        if assumptions:
            return self._branches(state, call, assumptions)
        known = self._known.get((state, call))
        if known is None:
            if len(self._known) > _LIMIT_OF_MEMORY:
                self._known.clear()
            known = self._known[state, call] = self._branches(state, call, assumptions)
        return known

    def _branches(self, state: Any, call: Invocation, assumptions: Assumptions) -> Branches:
        """The outcomes of a call under every answer to what is undeclared; one branch where that does not matter."""
        try:
            return ((assumptions, self.stepper.allowed(state, call, assumptions).outcomes),)
        except Undeclared as missing:
            key = missing.key
        parts = {}
        for value in self.stepper.possible(key, assumptions):
            assumed = assumptions.having(key, value)
            parts[assumed] = self._branches(state, call, assumed)
        # what is allowed whatever the answer needs no assumption
        plain = [next((found for a, found in part if a is assumed), ()) for assumed, part in parts.items()]
        always = tuple(outcome for outcome in plain[0] if all(outcome in others for others in plain[1:]))
        branches = [(a, tuple(o for o in found if o not in always)) for part in parts.values() for a, found in part]
        return tuple((a, found) for a, found in ((assumptions, always), *branches) if found)

    def _may_change(self, pending: Pending, x0: int) -> bool:
        """Whether some rule that can return x0 to this call has an effect."""
        key = (pending.call.fn, x0)
        known = self._changes.get(key)
        if known is None:
            function, _ = self.stepper.function(pending.call.fn)
            rules = (
                () if function is None else self.stepper.specification.of(function.name, self.stepper.machine.version)
            )
            known = any(rule.effect.updates and _may_return(rule, x0, pending.wide) for rule in rules)
            self._changes[key] = known
        return known


def _may_return(rule: Rule, x0: int, wide: bool) -> bool:
    if rule.completion is Completion.RETURNS and isinstance(rule.value, Const):
        return accepts(Outcome(rule, rule.completion, int(rule.value.value), None), x0, wide)
    return rule.completion is not Completion.NEVER
