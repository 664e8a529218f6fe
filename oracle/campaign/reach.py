"""Which rules an implementation can show at all, as far as its declarations tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from psci.model.calls import UNKNOWN
from psci.model.language.rules import CALLER_ISA, CALLER_WORLD, Modality, Rule
from psci.model.language.simplify import simplify
from psci.model.language.terms import Const, Function, Term, Value
from psci.model.machine import Machine
from psci.model.specification import Specification

_CALLER: Mapping[str, Value] = {CALLER_ISA.name: "AARCH64", CALLER_WORLD.name: "NORMAL"}
"""The callers that a campaign has."""


def in_reach(machine: Machine, specification: Specification) -> list[str]:
    """The names of the rules of calls that AArch64 callers of this machine in the Normal world may see applied.

    Duties of callers are left out, and so is every rule that the machine's declarations exclude.
    """
    calls = [call.name for call in specification.calls if call.exists_in(machine.version)]
    return [rule.name for name in (*calls, UNKNOWN.name) for rule in _of_call(name, machine, specification)]


def _of_call(name: str, machine: Machine, specification: Specification) -> Iterator[Rule]:
    rules = [r for r in specification.of(name, machine.version) if r.modality is not Modality.CALLER_MUST]
    gates = [rule for rule in rules if rule.modality is Modality.GATE and value(rule.guard, machine) is True]
    for rule in gates or rules:
        if value(rule.guard, machine) is not False:
            yield rule


def value(term: Term, machine: Machine) -> Value | None:
    """What a term is whatever the state and the arguments; None where that depends on them or on what is undeclared."""

    def known(function: Function, arguments: tuple[Term, ...]) -> Term | None:
        caller = _CALLER.get(function.name)
        if caller is not None:
            return Const(caller, function.range)
        if function.kind != "machine":
            return None
        values = tuple(argument.value for argument in arguments if isinstance(argument, Const))
        declared = machine.value(function.name, values) if len(values) == len(arguments) else None
        return None if declared is None else Const(declared, function.range)

    found = simplify(term, known)
    return found.value if isinstance(found, Const) else None
