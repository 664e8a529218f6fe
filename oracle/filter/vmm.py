"""The VMM half of a composition: a reference implementation that is written out from the rules.

The rules of the forwarded functions become one small Python module with no imports, in which everything that
the profile declares is folded in and every choice that the rules leave is made: an obligatory refusal before
a success, the first of several in the order of the specification, and no permission to refuse is ever used.
The module needs nothing of this package, so it runs wherever the machine is made: in the emulated host, or in
a VMM of your own. Its function `psci` returns a handler as `psci.oracle.peers.kvm.adapter.Handler` wants it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from psci.model.declare import Call
from psci.model.errors import InputError
from psci.model.language.python import Compiler
from psci.model.language.rules import CALLER_ISA, CALLER_WORLD, Completion, Modality, Rule
from psci.model.language.simplify import simplify
from psci.model.language.sorts import U64
from psci.model.language.terms import FALSE, TRUE, Const, Function, Term, disjunction, lift
from psci.model.machine import Machine
from psci.model.scenarios.filter import Composition
from psci.model.specification import SPECIFICATION, Specification
from psci.oracle.peers.kvm.adapter import Filter, Handler

MODULE = "psci_vmm"
OWNED = ((0x8000_0000, 0x8000_FFFF), (0xC000_0000, 0xC000_FFFF))
"""The Arm architecture calls, which KVM's filter refuses."""
SHUTDOWN, RESET, SUSPEND = 1, 2, 5
EVENTS = {
    "OFF": (SHUTDOWN, 0), "HIBERNATE": (SHUTDOWN, 1),
    "RESET": (RESET, 0), "WARM_RESET": (RESET, 1), "VENDOR_RESET": (RESET, 1),
}  # fmt: skip
"""KVM_SYSTEM_EVENT_* and flags, as KVM itself reports each kind of system call."""
MP_STATE_STOPPED = 5

_PROLOGUE = '''"""The functions of PSCI {version} that a VMM serves: {names}. Written out from the rules."""


def psci():
    """A handler for one machine."""
    return handler


def power(machine, caller, core):
    """What KVM knows of a core; it never shows ON_PENDING, and the caller is ON."""
    if core == caller:
        return "ON"
    vcpu = machine.vcpus[core]
    return "OFF" if vcpu.outside(vcpu.mp_state) == {stopped} else "ON"


def stop(machine, caller):
    """Take every other core out of the guest for good: nothing of it may run once the event is told."""
    for core, vcpu in enumerate(machine.vcpus):
        if core != caller:
            vcpu.kick()
            vcpu.mp_state()
'''
_EPILOGUE = '''

SERVED = {{{table}}}


def handler(machine, caller, fn, arguments):
    """What x0 holds after a forwarded call, or the end of the machine."""
    serve, wide = SERVED.get(fn, (None, False))
    if serve is None:
        return -1
    x1, x2, x3 = arguments[:3]
    value = serve(machine, caller, wide, x1, x2, x3)
    return value if wide else value & 0xFFFFFFFF
'''


class CannotServe(InputError):
    """A function that a VMM cannot serve with what KVM lets it read; the message says what it would take."""


def filters(ids: Iterable[int]) -> tuple[Filter, ...]:
    """The ranges of a filter that forwards these function ids: adjacent ids make one range.

    Raises:
        InputError: KVM refuses an id.
    """
    found: list[Filter] = []
    for fid in sorted(ids):
        owner = next((first for first, last in OWNED if first <= fid <= last), None)
        if owner is not None:
            raise InputError(
                f"{fid:#010x} cannot be forwarded: KVM refuses ranges that touch {owner:#x}-{owner + 0xFFFF:#x}; "
                "leave it to the kernel"
            )
        if found and found[-1].base + found[-1].count == fid:
            found[-1] = Filter(base=found[-1].base, count=found[-1].count + 1)
        else:
            found.append(Filter(base=fid))
    return tuple(found)


def handler(source: str) -> Handler:
    """The module as the KVM driver takes it."""
    return Handler(module=MODULE, function="psci", sources={MODULE: source})


def served(composition: Composition, specification: Specification = SPECIFICATION) -> list[Call]:
    """The functions that have an id in the filter."""
    return [call for call in specification.calls if composition.forwarded & set(call.ids())]


def source(composition: Composition, machine: Machine, specification: Specification = SPECIFICATION) -> str:
    """The module that serves the forwarded functions of a composition.

    Args:
        composition: the versions, and the ids that the VMM serves.
        machine: as the VMM knows it: the wanted version, the cores, and the kernel's profile with what the VMM adds.
        specification: the rules.

    Raises:
        CannotServe: a rule reads or changes what a VMM has no access to.
    """
    calls = served(composition, specification)
    writer = _Writer(machine, specification)
    bodies = "".join(f"\n\n{writer.function(call)}" for call in calls)
    table = ", ".join(
        f"{fid:#010x}: ({call.name.lower()}, {fid == call.fid64})"
        for call in calls
        for fid in call.ids()
        if fid in composition.forwarded
    )
    names = ", ".join(call.name for call in calls)
    head = _PROLOGUE.format(version=composition.want, names=names, stopped=MP_STATE_STOPPED)
    return head + bodies + _EPILOGUE.format(table=table)


class _Writer:
    """Writes the rules of calls as Python."""

    def __init__(self, machine: Machine, specification: Specification) -> None:
        self.machine = machine
        self.specification = specification
        self.compiler = Compiler(self._apply, len(machine.cores), len(machine.tree.names))

    def function(self, call: Call) -> str:
        """The function that serves a call."""
        head = f"def {call.name.lower()}(machine, caller, wide, x1, x2, x3):"
        lines = [head, f'    """{call.name}, {call.section}."""']
        for argument in call.terms.arguments():
            assert argument.definition is not None
            lines.append(f"    a_{argument.name} = {self._expression(argument.definition)}")
        for rule in self._in_order(call):
            guard = self._folded(rule.guard)
            if guard is FALSE:
                continue
            answer = self._answer(rule)
            lines.append(f"    # {rule.name}: {', '.join(rule.cites)}")
            if guard is TRUE:
                return "\n".join([*lines, *(f"    {line}" for line in answer)]) + "\n"
            lines += [f"    if {self._expression(guard)}:", *(f"        {line}" for line in answer)]
        return "\n".join([*lines, "    return -1"]) + "\n"

    def _in_order(self, call: Call) -> Iterator[Rule]:
        """Gates, then obligatory refusals, then successes; permissions are not used."""
        rules = [rule for rule in self.specification.of(call.name, self.machine.version) if rule.guard is not FALSE]
        for modality in (Modality.GATE, Modality.MUST_REFUSE, Modality.SUCCEEDS):
            yield from (rule for rule in rules if rule.modality is modality)

    def _answer(self, rule: Rule) -> tuple[str, ...]:
        if rule.completion is Completion.RETURNS:
            if rule.effect.updates:
                raise CannotServe(f"{rule.name} changes {_fields(rule)}, which is the kernel's: leave it to the kernel")
            value = rule.value if rule.value is not None else Const(0, U64)
            return (f"return {self._expression(value)}",)
        kind = _kind(rule)
        if rule.completion is Completion.WAITS:
            if "system" not in {update.field.name for update in rule.effect.updates}:
                raise CannotServe(f"{rule.name} waits for a wakeup, which a VMM does not see: leave it to the kernel")
            return "stop(machine, caller)", f"raise Stop({SUSPEND}, 0)"
        if kind is None:
            raise CannotServe(f"{rule.name} stops one core, which only the kernel can: leave it to the kernel")
        event, flags = EVENTS[kind]
        return "stop(machine, caller)", f"raise Stop({event}, {flags})"

    def _expression(self, term: Term) -> str:
        """A term as Python, its numbers in hex."""
        text = self.compiler.expression(self._folded(term))
        return re.sub(r"(?<![\w.])\d{3,}\b", lambda number: f"{int(number[0]):#x}", text)

    def _folded(self, term: Term) -> Term:
        """The term with what the machine declares in its place."""
        return simplify(term, self._declared)

    def _declared(self, function: Function, arguments: tuple[Term, ...]) -> Term | None:
        if function.kind == "call":
            known = {CALLER_ISA.name: "AARCH64", CALLER_WORLD.name: "NORMAL"}.get(function.name)
            return None if known is None else lift(known, function.range)
        if function.kind == "state" and function.name == "asked":
            # this VMM stops every vCPU when it accepts a system call: nobody calls after that
            return lift("NONE", function.range)
        if function.kind != "machine" or function.name in ("mpidr", "is_core", "core_of"):
            return None
        if function.name == "address_unusable":
            address = arguments[0]
            return disjunction(*((address >= first) & (address <= last) for first, last in self.machine.unusable or ()))
        constants = tuple(term.value for term in arguments if isinstance(term, Const))
        whole = len(constants) == len(arguments)
        value = self.machine.value(function.name, constants if whole else ("",) * len(arguments))
        return None if value is None else Const(value, function.range)

    @staticmethod
    def _apply(function: Function, _terms: tuple[Term, ...], sources: tuple[str, ...]) -> str:
        if function.kind == "call":
            return function.name
        if function.kind == "state" and function.name == "power":
            return f"power(machine, caller, {sources[0]})"
        if function.kind == "machine":
            raise CannotServe(f"{function.name} is not declared: the VMM has to know the kernel's profile")
        raise CannotServe(f"the rules read {function.name}, which KVM does not show: leave the function to the kernel")


def _kind(rule: Rule) -> str | None:
    """The kind of system call that a rule accepts."""
    for update in rule.effect.updates:
        if update.field.name == "asked":
            value = update.points[0][1]
            return str(value.value) if isinstance(value, Const) else None
    return None


def _fields(rule: Rule) -> str:
    return ", ".join(update.field.name for update in rule.effect.updates)


__all__ = ["CannotServe", "filters", "handler", "served", "source"]
