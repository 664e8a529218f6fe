"""What a faulty implementation is: the reference, wrong in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from psci.model.language.effects import Effect
from psci.model.language.rules import Completion, Rule
from psci.model.language.terms import FALSE, U64, Const, Term
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation, Outcome
from psci.model.tables.codes import Code
from psci.oracle.reference.choices import Refuses
from psci.oracle.reference.implementation import Implementation
from psci.oracle.reference.peer import ModelPeer, declaration

if TYPE_CHECKING:
    from psci.oracle.reference.serve import ReferenceServer

Amend = Callable[[Specification], Specification]


@dataclass(frozen=True, slots=True)
class Fault:
    """A wrong implementation."""

    name: str
    sentence: str
    sort: str
    """What sort of mistake it is."""
    amend: Amend = lambda specification: specification
    """What is wrong in its rules..."""
    kind: type[Implementation] = Implementation
    """...or between them."""
    psci: str = "1.3"
    profile: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What it declares beside having everything."""
    clusters: bool = False
    """Its cores stand in clusters of two."""

    def declared(self) -> dict[str, Any]:
        """Its whole profile."""
        return {**declaration(self.psci), **self.profile}

    def mpidrs(self, cpus: int) -> tuple[int, ...]:
        """The MPIDR of each of so many cores."""
        return tuple((core // 2 << 8 | core % 2) if self.clusters else core for core in range(cpus))

    def server(self, seed: int = 0, refuses: Refuses = Refuses.SOMETIMES) -> ReferenceServer:
        """The fault as a program that speaks the protocol."""
        from psci.oracle.reference.serve import ReferenceServer

        return ReferenceServer(
            self.psci, kind=self.kind, specification=self.amend(SPECIFICATION), profile=self.declared(), seed=seed,
            refuses=refuses, mpidrs=self.mpidrs, name=f"psci's reference with the fault {self.name}",
        )  # fmt: skip

    def peer(self, seed: int = 0, refuses: Refuses = Refuses.SOMETIMES) -> ModelPeer:
        """The fault in this process."""
        return ModelPeer(
            self.psci, kind=self.kind, specification=self.amend(SPECIFICATION), seed=seed, refuses=refuses,
            mpidrs=self.mpidrs, profile=self.declared(),
        )  # fmt: skip


# ---- wrong in a rule


def each(name: str, change: Callable[[Rule], Rule]) -> Amend:
    """Every rule of a name (there may be one for each version) changed."""

    def amend(specification: Specification) -> Specification:
        found = specification
        for rule in specification.every_rule():
            if rule.name == name:
                found = found.replacing(rule, change(rule))
        if found is specification:
            raise KeyError(name)
        return found

    return amend


def dropped(name: str) -> Amend:
    """A rule is missing."""
    return each(name, lambda rule: replace(rule, guard=FALSE))


def guarded(name: str, guard: Callable[[Term], Term]) -> Amend:
    """A rule asks for something else."""
    return each(name, lambda rule: replace(rule, guard=guard(rule.guard)))


def answering(name: str, code: Code) -> Amend:
    """A rule gives another code."""
    word = Const(code.word(64), U64)
    return each(name, lambda rule: replace(rule, code=code, value=word, constraint=None))


def with_value(name: str, value: int) -> Amend:
    """A rule gives another value."""
    return each(name, lambda rule: replace(rule, value=Const(value, U64), constraint=None))


def ending(name: str, completion: Completion, value: int = 0) -> Amend:
    """A rule's call ends in another way."""
    return each(name, lambda rule: replace(rule, completion=completion, value=Const(value, U64)))


def forgetting(name: str, *fields: str) -> Amend:
    """A rule does not write some of its fields."""
    return each(name, lambda rule: replace(rule, effect=_effect(rule, lambda field: field not in fields)))


def writing_before_refusing(refusal: str, success: str, *fields: str) -> Amend:
    """A refusal leaves behind what the success writes, or some fields of it: written before the check that refuses."""

    def amend(specification: Specification) -> Specification:
        effect = _effect(specification.rule(success), lambda field: not fields or field in fields)
        return each(refusal, lambda rule: replace(rule, effect=effect))(specification)

    return amend


def both(*amends: Amend) -> Amend:
    """One mistake that shows in several rules."""

    def amend(specification: Specification) -> Specification:
        for one in amends:
            specification = one(specification)
        return specification

    return amend


def _effect(rule: Rule, keeps: Callable[[str], bool]) -> Effect:
    return Effect(tuple(update for update in rule.effect.updates if keeps(update.field.name)))


# ---- wrong between the rules


class Faulty(Implementation):
    """What mistakes between the rules need: who is called, about whom, with which answer."""

    def name_of(self, invocation: Invocation) -> str:
        """The name of the function."""
        function, _ = self.stepper.function(invocation.fn)
        return function.name if function else ""

    def wide(self, invocation: Invocation) -> bool:
        """Whether the call has an SMC64 id."""
        return self.stepper.function(invocation.fn)[1]

    def target(self, invocation: Invocation) -> int | None:
        """The core that x1 names."""
        return self.machine.core_of.get(invocation.x1 if self.wide(invocation) else invocation.x1 & 0xFFFF_FFFF)

    def answer(self, invocation: Invocation, word: int) -> Outcome:
        """An answer that no rule gives, without an effect."""
        rule = self.stepper.specification.rules[self.name_of(invocation) or "UNKNOWN"][0]
        return Outcome(rule, Completion.RETURNS, word & 0xFFFF_FFFF_FFFF_FFFF, self.state)

    def refused(self, invocation: Invocation, code: Code) -> Outcome:
        """A refusal that no rule gives, without an effect."""
        return self.answer(invocation, code.word(64))

    def put(self, field: str, core: int, value: Any) -> None:
        """Write a field of a core."""
        values = list(getattr(self.state, field))
        values[core] = value
        self.state = self.state._replace(**{field: tuple(values)})


def succeeded(outcome: Outcome) -> bool:
    """Whether a call returned SUCCESS, or does not return."""
    return outcome.completion is not Completion.RETURNS or outcome.value == 0


__all__ = [
    "Fault", "Faulty", "answering", "both", "dropped", "each", "ending", "forgetting", "guarded", "succeeded",
    "with_value", "writing_before_refusing",
]  # fmt: skip
