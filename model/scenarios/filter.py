"""Two implementations behind one conduit: a kernel, and a VMM that takes over some of its function ids.

This is what KVM's SMCCC filter makes (KVM_ARM_VM_SMCCC_FILTER): calls with the forwarded ids leave the
kernel, and the VMM answers them; the kernel serves the rest, by the rules of its own version. The cores and
their power states are the kernel's. To the guest there is one machine, and it has to conform to one version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from psci.model.calls import CALLS
from psci.model.calls.psci_features import PSCI_FEATURES
from psci.model.calls.psci_version import PSCI_VERSION
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.declare import Call, Move
from psci.model.errors import InputError
from psci.model.language.effects import Update
from psci.model.language.rules import Modality, Rule
from psci.model.language.terms import App, Term, Value, fields_read, subterms
from psci.model.machine import Key, Machine
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import NO_CHOICES, Allowed, Invocation, Stepper
from psci.model.tables.versions import Version

TRIVIAL = frozenset({"psci_version", "mpidr", "is_core", "core_of", "boot_core"})
"""Symbols of a machine that any VMM knows, because it made the machine."""


def usual_offer(kernel: Version, want: Version) -> tuple[Call, ...]:
    """What a VMM adds where nothing is said: SYSTEM_OFF2, if the wanted version has it and the kernel's does not."""
    return (SYSTEM_OFF2,) if SYSTEM_OFF2.exists_in(want) and not SYSTEM_OFF2.exists_in(kernel) else ()


def function_named(name: str, want: Version) -> Call:
    """The function of that name.

    Raises:
        InputError: there is none, or the wanted version does not have it.
    """
    known = {call.name: call for call in CALLS if call.exists_in(want)}
    if name not in known:
        raise InputError(f"--vmm {name}: PSCI {want} has no such function; choose from {', '.join(known)}")
    return known[name]


@dataclass(frozen=True)
class Composition:
    """A kernel, the version that kernel and VMM together are to be, and what the VMM takes over."""

    kernel: Version
    want: Version
    offered: tuple[Call, ...]
    """The functions that the VMM serves beside those that tell about the implementation."""
    forwarded: frozenset[int]
    """The function ids that reach the VMM."""

    def __post_init__(self) -> None:
        if self.want < self.kernel:
            raise InputError(f"--want {self.want}: older than the kernel's {self.kernel}; ask the kernel for it")

    def without(self, fid: int) -> Composition:
        """The same with one id less in the filter."""
        return replace(self, forwarded=self.forwarded - {fid})

    def machines(self, cores: tuple[int, ...], declared: Mapping[str | Key, Value]) -> tuple[Machine, Machine]:
        """The machine as the kernel knows it, and as guest and VMM know it.

        Args:
            cores: MPIDRs.
            declared: what both declare: the kernel's profile.
        """
        kernel = dict(declared)
        whole = dict(declared)
        for call in CALLS:
            offered = call in self.offered
            if call.optional and not call.exists_in(self.kernel):
                whole["has", call.key] = offered
            elif offered:
                kernel["has", call.key], whole["has", call.key] = False, True
        # neither KVM nor our VMM knows an address that is unusable
        return (
            Machine(self.kernel, cores, declared=kernel, unusable=()),
            Machine(self.want, cores, declared=whole, unusable=()),
        )


@dataclass(frozen=True)
class Composed:
    """Kernel and VMM as one implementation: the same states, and for each id the rules of the side that serves it."""

    composition: Composition
    cores: tuple[int, ...]
    declared: Mapping[str | Key, Value]
    specification: Specification = SPECIFICATION

    @cached_property
    def kernel(self) -> Stepper:
        """The kernel's rules."""
        return Stepper(self.composition.machines(self.cores, self.declared)[0], self.specification)

    @cached_property
    def vmm(self) -> Stepper:
        """The VMM's rules: those of the wanted version, with the kernel's profile and what the VMM adds."""
        return Stepper(self.composition.machines(self.cores, self.declared)[1], self.specification)

    def side(self, fn: int) -> Stepper:
        """Who serves a function id."""
        return self.vmm if fn in self.composition.forwarded else self.kernel

    def allowed(self, state: Any, call: Invocation) -> Allowed:
        """What a call may do."""
        return self.side(call.fn).allowed(state, call, NO_CHOICES)


@dataclass(frozen=True, slots=True)
class Needs:
    """What serving a function takes, read off its rules."""

    profile: tuple[str, ...]
    """Symbols of the machine that the rules ask about."""
    reads: tuple[str, ...]
    """Fields of the state that they read."""
    writes: tuple[str, ...]
    """Fields of the state that they change."""


def needs(call: Call, version: Version, specification: Specification = SPECIFICATION) -> Needs:
    """What the side that serves a call has to know, to read and to change, by the rules of a version."""
    rules = [rule for rule in specification.of(call.name, version) if rule.modality is not Modality.CALLER_MUST]
    terms = [term for rule in rules for term in terms_of(rule)]
    symbols = {sub.function for term in terms for sub in subterms(term) if isinstance(sub, App)}
    profile = {symbol.name for symbol in symbols if symbol.kind == "machine"} - TRIVIAL
    if any(symbol.kind == "tree" for symbol in symbols):
        profile.add("topology")
    writes = {update.field.name for rule in rules for update in rule.effect.updates}
    return Needs(tuple(sorted(profile)), tuple(sorted(fields_read(*terms))), tuple(sorted(writes)))


def terms_of(rule: Rule) -> tuple[Term, ...]:
    """Every term of a rule, those of its effect included."""
    found = tuple(term for term in (rule.guard, rule.value, rule.constraint) if term is not None)
    return (*found, *(term for update in rule.effect.updates for term in terms_of_update(update)))


def terms_of_update(update: Update) -> tuple[Term, ...]:
    """Every term of an update: indices and new values."""
    points = tuple(term for index, value in update.points for term in (*index, value))
    return points if update.everywhere is None else (*points, update.everywhere)


def carried(composition: Composition) -> tuple[str, ...]:
    """The functions whose presence the VMM has to know once PSCI_FEATURES is forwarded: it cannot ask the kernel."""
    optional = (call.name for call in CALLS if call.optional and call.exists_in(composition.kernel))
    return ("SMCCC_VERSION", *optional)


def differing_rules(
    owner: Call | Move, kernel: Version, want: Version, specification: Specification = SPECIFICATION
) -> tuple[Rule, ...]:
    """The rules of a call that only one of two versions has."""
    return tuple(
        rule for rule in specification.rules[owner.name] if rule.applies_to(kernel) is not rule.applies_to(want)
    )


def claimed_set(offered: Iterable[Call]) -> frozenset[int]:
    """The set that is usually named: the two functions that tell about the implementation, and what is offered."""
    return frozenset(fid for call in (PSCI_VERSION, PSCI_FEATURES, *offered) for fid in call.ids())


__all__ = [
    "Composed", "Composition", "Needs", "carried", "claimed_set", "differing_rules", "function_named", "needs",
    "terms_of", "terms_of_update", "usual_offer",
]  # fmt: skip
