"""A witness for every rule: the shortest way to its first use, over machines that differ in what they declare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from psci.explorer.abstraction.cells import Cells
from psci.explorer.abstraction.cone import cone
from psci.explorer.abstraction.machines import clustered, combinations, made_for, small, variants
from psci.explorer.abstraction.registers import PLAIN, Abstraction
from psci.explorer.goals.goal import Goal
from psci.explorer.search import SearchStep, explore
from psci.explorer.system import Product, State, Transition
from psci.model.calls import UNKNOWN
from psci.model.language.rules import Modality, Rule
from psci.model.language.terms import App, fields_read, subterms
from psci.model.machine import Machine
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation
from psci.model.tables.versions import VERSIONS, Version

EVERYTHING = Abstraction(isas=("AARCH64", "AARCH32"), worlds=("NORMAL", "SECURE"), broken_duties=True)
"""The abstraction in which every kind of caller makes also the calls that it should not make."""


ENDS = frozenset({"LOSE_POWER", "SIGNAL", "SYSTEM_OFF", "SYSTEM_RESET", "SYSTEM_OFF2", "SYSTEM_RESET2", "MEM_PROTECT"})
"""Calls and moves that are left out at first: most rules need no second life of the machine."""
RuleKey: TypeAlias = tuple[str, Version, Version]
"""A rule's name and versions: rules of different versions may share a name."""


@dataclass(frozen=True, slots=True)
class RuleWitness:
    """A first use of a rule."""

    rule: Rule
    product: Product
    differs: str
    """What the machine declares out of the ordinary; empty for the ordinary one."""
    steps: tuple[SearchStep, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which rules are used, and how; rules are told apart by identity, since versions share names."""

    witnesses: Mapping[Rule, RuleWitness]
    never: tuple[Rule, ...]
    """Rules that no explored machine ever uses."""


@dataclass(slots=True)
class _Search:
    """One exploration that remembers the first use of each rule that is still wanted."""

    product: Product
    wanted: set[RuleKey]
    found: dict[RuleKey, tuple[State, Transition]] = field(default_factory=dict)

    def watch(self, state: State, transition: Transition) -> bool:
        """Note the rules of a transition, and the duties that its call breaks; stop when nothing is wanted."""
        self._note(transition.rule, state, transition)
        action = transition.action
        if self.product.abstraction.broken_duties and isinstance(action, Invocation):
            for rule in self.product.stepper.allowed(state, action).broken:
                self._note(rule, state, transition)
        return not self.wanted

    def _note(self, rule: Rule, state: State, transition: Transition) -> None:
        if _key(rule) in self.wanted:
            self.wanted.discard(_key(rule))
            self.found[_key(rule)] = state, transition


def coverage(
    specification: Specification = SPECIFICATION,
    versions: Iterable[Version] = VERSIONS,
    cpus: int = 2,
    limit: int = 4_000,
) -> Coverage:
    """Look for a witness of every rule of these versions, the newest version first.

    The ordinary machine comes first; a machine that declares one thing otherwise is then asked only
    for the rules that depend on what it declares, then one that declares several things otherwise, then one with
    clusters, and last one that is made for the rule.
    On each machine the calls that callers should make come first; then those that they should not make.

    Args:
        specification: the rules.
        versions: the versions whose rules are looked at.
        cpus: how many cores the machines have.
        limit: how many states of each cone are searched; a tenth of it where every kind of caller makes every call.
    """
    newest_first = sorted(versions, reverse=True)
    order = [rule for rule in specification.every_rule() if any(rule.applies_to(v) for v in newest_first)]
    wanted = set(order)
    witnesses: dict[Rule, RuleWitness] = {}
    for version in newest_first:
        for differs, machine in variants(small(cpus, version)):
            for rules in _by_owner(rule for rule in order if rule in wanted and rule.applies_to(version)):
                here = [rule for rule in rules if not differs or _depends(specification, rule, differs)]
                for witness in _search_machine(specification, machine, differs, here, limit):
                    wanted.discard(witness.rule)
                    witnesses[witness.rule] = witness
        for rule in [rule for rule in order if rule in wanted and rule.applies_to(version)]:
            for differs, machine in combinations(small(cpus, version), _symbols(rule)):
                for witness in _search_machine(specification, machine, differs, [rule] * (rule in wanted), limit):
                    wanted.discard(rule)
                    witnesses[rule] = witness
        domains = [r for r in order if r in wanted and r.applies_to(version) and "ancestor" in _symbols(r)]
        for rules in _by_owner(domains):
            # more nodes, more states before the first that such a rule speaks about
            for witness in _search_machine(specification, clustered(cpus, version), "clusters", rules, 4 * limit):
                wanted.discard(witness.rule)
                witnesses[witness.rule] = witness
        for rule in [rule for rule in order if rule in wanted and rule.applies_to(version)]:
            owner = next((call for call in specification.calls if rule.name.startswith(f"{call.name}.")), None)
            for differs, machine in made_for(cpus, version, owner, _symbols(rule)):
                left = [rule] * (rule in wanted)
                for witness in _search_machine(specification, machine, differs, left, 4 * limit):
                    wanted.discard(rule)
                    witnesses[rule] = witness
    found = {rule: witnesses[rule] for rule in order if rule in witnesses}
    return Coverage(found, tuple(rule for rule in order if rule in wanted))


def _by_owner(rules: Iterable[Rule]) -> list[list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        found.setdefault(rule.name.partition(".")[0], []).append(rule)
    return list(found.values())


def _search_machine(
    specification: Specification, machine: Machine, differs: str, rules: list[Rule], limit: int
) -> Iterator[RuleWitness]:
    """Look for rules of one call or move, first with calls that callers should make, then with all."""
    proper = _in_reach(specification, machine, PLAIN, [r for r in rules if r.modality is not Modality.CALLER_MUST])
    others = _in_reach(specification, machine, EVERYTHING, [rule for rule in rules if rule not in proper])
    found: set[Rule] = set()
    for abstraction, within, without, most in (
        (PLAIN, proper, ENDS, limit),
        (PLAIN, proper, frozenset[str](), limit),
        (EVERYTHING, others, frozenset[str](), limit // 10),
    ):
        left = [rule for rule in within if rule not in found]
        if left:
            for witness in _search(specification, machine, left, abstraction, without, most):
                found.add(witness.rule)
                yield replace(witness, differs=differs)


def _search(
    specification: Specification,
    machine: Machine,
    rules: list[Rule],
    abstraction: Abstraction,
    without: frozenset[str],
    limit: int,
) -> Iterator[RuleWitness]:
    """Search the cone of influence of some rules of one call or move."""
    owner = rules[0].name.partition(".")[0]
    interest = fields_read(*(rule.guard for rule in rules))
    inside = cone(specification, machine, interest, without - {owner}, keep={owner}, queries=False).specification
    product = Product(machine, inside, abstraction, frozenset())
    named = {_key(rule): rule for rule in rules}
    search = _Search(product, set(named))
    done = explore(product, Goal("rules", "Every rule is used.", of_step=search.watch), limit=limit)
    numbers = {state: number for number, state in enumerate(done.states)}
    for key, (state, transition) in search.found.items():
        steps = (*done.path_to(numbers[state]), SearchStep(state, transition))
        yield RuleWitness(named[key], product, "", steps)


def _in_reach(
    specification: Specification, machine: Machine, abstraction: Abstraction, rules: list[Rule]
) -> list[Rule]:
    """The rules that some registers allow with what the machine declares; all rules of a move."""
    call = next((c for c in (*specification.calls, UNKNOWN) if rules and rules[0].name.startswith(f"{c.name}.")), None)
    if call is None:
        return rules
    cells = Cells(machine, specification, abstraction)
    cells.of(call, machine.boot)
    return [rule for rule in rules if rule in cells.in_reach]


def _key(rule: Rule) -> RuleKey:
    return rule.name, rule.since, rule.until


def _depends(specification: Specification, rule: Rule, differs: str) -> bool:
    """Whether a rule reads what a variant declares otherwise, or a field that is changed by a rule that does."""
    symbol = differs.partition(" ")[0]
    if _mentions(rule, symbol):
        return True
    fields = fields_read(rule.guard)
    return any(
        _mentions(other, symbol)
        for other in specification.every_rule()
        if any(update.field.name in fields for update in other.effect.updates)
    )


def _mentions(rule: Rule, symbol: str) -> bool:
    return symbol in _symbols(rule)


def _symbols(rule: Rule) -> frozenset[str]:
    """What the rule asks the machine."""
    return frozenset(sub.function.name for sub in subterms(rule.guard) if isinstance(sub, App))


__all__ = ["EVERYTHING", "Coverage", "RuleWitness", "coverage"]
