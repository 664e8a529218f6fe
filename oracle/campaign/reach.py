"""Which rules an implementation can show at all, as far as its declarations tell."""

from __future__ import annotations

from collections.abc import Iterator

from psci.model.calls import UNKNOWN
from psci.model.language.rules import CALLER_ISA, CALLER_WORLD, Modality, Rule
from psci.model.language.terms import App, Const, Op, Quantified, Term, Value
from psci.model.machine import Machine
from psci.model.specification import Specification


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
    match term:
        case Const(value=constant):
            return constant
        case App(function=function) if function == CALLER_ISA:
            return "AARCH64"
        case App(function=function) if function == CALLER_WORLD:
            return "NORMAL"
        case App(function=function, arguments=arguments) if function.kind == "machine":
            known = tuple(value(argument, machine) for argument in arguments)
            return None if None in known else machine.value(function.name, tuple(v for v in known if v is not None))
        case Op(name=name, arguments=arguments):
            return _operator(name, [value(argument, machine) for argument in arguments])
        case Quantified(body=body):
            # There is at least one core and one node.
            return value(body, machine)
    return None


def _operator(name: str, values: list[Value | None]) -> Value | None:
    match name:
        case "not":
            return None if values[0] is None else not values[0]
        case "and":
            return False if False in values else True if None not in values else None
        case "or":
            return True if True in values else False if None not in values else None
        case "if":
            if values[0] is None:
                return values[1] if values[1] == values[2] else None
            return values[1] if values[0] else values[2]
        case "eq":
            return None if None in values else values[0] == values[1]
    return None
