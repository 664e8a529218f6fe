"""A witness for every rule: the shortest way to its first use, over machines that differ in what they declare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from psci.explorer.goals import Goal
from psci.explorer.machines import small, variants
from psci.explorer.registers import Abstraction
from psci.explorer.search import Step, explore
from psci.explorer.system import Product, State, Transition
from psci.model.language.rules import Modality, Rule
from psci.model.language.terms import App, subterms
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation
from psci.model.versions import VERSIONS, Version

EVERYTHING = Abstraction(isas=("AARCH64", "AARCH32"), worlds=("NORMAL", "SECURE"), broken_duties=True)
"""The abstraction in which every kind of caller makes also the calls that it should not make."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A first use of a rule."""

    rule: Rule
    product: Product
    differs: str
    """What the machine declares out of the ordinary; empty for the ordinary one."""
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which rules are used, and how; rules are told apart by identity, since versions share names."""

    witnesses: Mapping[Rule, Witness]
    never: tuple[Rule, ...]
    """Rules that no explored machine ever uses."""


@dataclass(slots=True)
class _Search:
    """One exploration that remembers the first use of each rule that is still wanted."""

    product: Product
    wanted: set[Rule]
    found: dict[Rule, tuple[State, Transition]] = field(default_factory=dict)

    @property
    def duties(self) -> bool:
        """A duty of the caller is still wanted."""
        return any(rule.modality is Modality.CALLER_MUST for rule in self.wanted)

    def watch(self, state: State, transition: Transition) -> bool:
        """Note the rules of a transition, and the duties that its call breaks; stop when nothing is wanted."""
        self._note(transition.rule, state, transition)
        action = transition.action
        if self.duties and isinstance(action, Invocation):
            for rule in self.product.stepper.allowed(state, action).broken:
                self._note(rule, state, transition)
        return not self.wanted

    def _note(self, rule: Rule, state: State, transition: Transition) -> None:
        if rule in self.wanted:
            self.wanted.discard(rule)
            self.found[rule] = state, transition


def coverage(
    specification: Specification = SPECIFICATION,
    versions: Iterable[Version] = VERSIONS,
    cpus: int = 2,
    limit: int = 200,
) -> Coverage:
    """Look for a witness of every rule of these versions, the newest version first.

    The ordinary machine comes first; a machine that declares one thing otherwise is then asked only
    for the rules that read what it declares. On each machine the calls that callers should make come
    first, in all reachable states; then those that they should not make, in the first `limit` states.

    Args:
        specification: the rules.
        versions: the versions whose rules are looked at.
        cpus: how many cores the machines have.
        limit: the number of states in which every kind of caller makes every call.
    """
    newest_first = sorted(versions, reverse=True)
    order = [rule for rule in specification.every_rule() if any(rule.applies_to(v) for v in newest_first)]
    wanted = set(order)
    witnesses: dict[Rule, Witness] = {}
    for version in newest_first:
        for differs, machine in variants(small(cpus, version)):
            for abstraction, most in ((Abstraction(), None), (EVERYTHING, limit)):
                here = {rule for rule in wanted if rule.applies_to(version) and (not differs or _reads(rule, differs))}
                if here:
                    product = Product(machine, specification, abstraction, frozenset())
                    for witness in _search(product, here, differs, most):
                        wanted.discard(witness.rule)
                        witnesses[witness.rule] = witness
    found = {rule: witnesses[rule] for rule in order if rule in witnesses}
    return Coverage(found, tuple(rule for rule in order if rule in wanted))


def _search(product: Product, rules: set[Rule], differs: str, limit: int | None) -> Iterator[Witness]:
    search = _Search(product, {rule for rule in rules if product.in_reach(rule)})
    if search.wanted:
        done = explore(product, Goal("rules", "Every rule is used.", of_step=search.watch), limit=limit)
        numbers = {state: number for number, state in enumerate(done.states)}
        for rule, (state, transition) in search.found.items():
            yield Witness(rule, product, differs, (*done.path_to(numbers[state]), Step(state, transition)))


def _reads(rule: Rule, differs: str) -> bool:
    """Whether the rule's guard reads the symbol with which a variant begins."""
    symbol = differs.partition(" ")[0]
    return any(isinstance(sub, App) and sub.function.name == symbol for sub in subterms(rule.guard))


__all__ = ["EVERYTHING", "Coverage", "Witness", "coverage"]
