"""What the rules of a call do with its registers, and which values of a register may therefore matter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from psci.model.declare import Call
from psci.model.language.rules import REGISTERS, Rule
from psci.model.language.sorts import U64, BitVector
from psci.model.language.terms import App, Const, Function, Op, Term, Var, parts, subterms
from psci.model.machine import Machine

ENTRY_POINTS = (0x4000_0000, 0x4001_0000)
"""Entry points that a caller may name; they stand for all addresses that are usable."""
CONTEXTS = (0x11, 0x22)
"""Context ids, and any other word that the rules only store."""
_TOKENS = frozenset((*ENTRY_POINTS[1:], *CONTEXTS[1:]))
ABSENT_CORES = (0x00FF_FFFF, 0xFF_00FF_FFFF)
"""MPIDRs that name no core of an explored machine, nor an affinity instance above one; the first fits 32 bits."""
_ALL = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Abstraction:
    """How finely data is told apart. Every number of it multiplies the states."""

    entry_points: int = 1
    contexts: int = 1
    isas: tuple[str, ...] = ("AARCH64",)
    worlds: tuple[str, ...] = ("NORMAL",)
    widths: tuple[bool, ...] = (True, False)
    """Which function ids are used where a call has two: SMC64 (True), SMC32 (False)."""
    broken_duties: bool = False
    """Also make the calls that no caller should make."""


PLAIN = Abstraction()


@dataclass(slots=True)
class Register:
    """What the rules do with one register."""

    constants: set[int] = field(default_factory=set)
    shifts: set[int] = field(default_factory=lambda: {0})
    declared: set[int] = field(default_factory=set)
    names_core: bool = False
    is_address: bool = False
    is_stored: bool = False

    def candidates(
        self, machine: Machine, abstraction: Abstraction, named: Sequence[int] | None = None
    ) -> tuple[int, ...]:
        """Values that may fall into different cells, the plainest first; `named` are the MPIDRs, by default all."""
        left_out = set() if named is None else set(machine.cores) - set(named)
        found: list[int] = sorted(self.declared - left_out)
        if self.names_core:
            found += [
                *(machine.cores if named is None else named),
                *(m for m in ABSENT_CORES if m not in machine.core_of),
            ]
        if self.is_address:
            found += ENTRY_POINTS[: abstraction.entry_points] + tuple(first for first, _ in machine.unusable or ())
            if "AARCH32" in abstraction.isas:
                # bit 0 selects T32 at the entry of an AArch32 core (6.4.3.5)
                found.append(ENTRY_POINTS[0] | 1)
        elif self.is_stored:
            found += CONTEXTS[: abstraction.contexts]
        plain = self.is_address or self.is_stored or self.names_core
        return tuple(dict.fromkeys(found if plain and not self.constants else [*found, *self._words(not plain)]))

    def _words(self, pairs: bool) -> list[int]:
        """Words around every constant, at every position that is shifted out, and unions of pairs of these."""
        around = {0}
        for constant, shift in itertools.product(self.constants, self.shifts):
            lowest_bit = constant & -constant
            around.update((c << shift) & _ALL for c in (constant, constant + 1, constant - 1, lowest_bit))
        if pairs and len(around) <= 40:
            around |= {a | b for a, b in itertools.combinations(around, 2)}
        return sorted(around, key=lambda word: (word.bit_count() > 33, word))


def registers_of(call: Call, rules: Sequence[Rule], machine: Machine) -> list[Register]:
    """What the rules do with each argument's register."""
    registers = [Register() for _ in call.terms.arguments()]
    for rule in rules:
        terms = [rule.guard, *(term for term, _ in consequences(rule))]
        if rule.constraint is not None:
            terms.append(rule.constraint)
        for term in terms:
            _note(term, registers, machine)
        for word in stored(rule):
            for i in _registers_in(word):
                registers[i].is_stored = True
    return registers


def _registers_in(term: Term) -> list[int]:
    symbols = {sub.function for sub in inlined(term) if isinstance(sub, App)}
    return [i for i, register in enumerate(REGISTERS) if register in symbols]


def _note(term: Term, registers: list[Register], machine: Machine) -> None:
    """Record what a term compares, shifts and looks up."""
    inside = [i for i in _registers_in(term) if i < len(registers)]
    if not inside:
        return
    match term:
        case Op(name="eq" | "ult" | "ule", arguments=operands):
            names_core = any(isinstance(s, App) and s.function.name == "mpidr" for o in operands for s in subterms(o))
            for i in inside:
                registers[i].names_core |= names_core
                if not names_core:
                    registers[i].constants.update(*(_constants(operand) for operand in operands))
        case Op(name="shr", arguments=(_, Const(value=int(shift)))):
            for i in inside:
                registers[i].shifts.add(shift)
        case App(function=function, arguments=arguments) if function.kind == "machine":
            _note_lookup(function, arguments, registers, machine)
    for part in parts(term):
        _note(part, registers, machine)


def _constants(term: Term) -> Iterator[int]:
    """The words that stand in a term, but for the distances of shifts and what is compared further in."""
    match term:
        case Const(value=int(value), sort=BitVector()):
            yield value
        case Op(name="shr", arguments=(shifted, _)):
            yield from _constants(shifted)
        case Op(name="if", arguments=(_, then, otherwise)):
            yield from (*_constants(then), *_constants(otherwise))
        case Op(name="band" | "bor" | "add" | "sub" | "zext" | "low", arguments=operands):
            for operand in operands:
                yield from _constants(operand)


def _note_lookup(function: Function, arguments: tuple[Term, ...], registers: list[Register], machine: Machine) -> None:
    """A register that is an argument of something the machine declares: the declared values are candidates."""
    for position, argument in enumerate(arguments):
        for i in _registers_in(argument):
            if i >= len(registers):
                continue
            registers[i].names_core |= function.name in ("is_core", "core_of")
            registers[i].is_address |= function.name == "address_unusable"
            for key in machine.declared:
                if isinstance(key, tuple) and key[0] == function.name and isinstance(key[position + 1], int):
                    registers[i].declared.add(int(key[position + 1]))


def consequences(rule: Rule) -> Iterator[tuple[Term, tuple[Var, ...]]]:
    """What a rule answers and changes, with the variables bound around it; but not the words that it only stores."""
    if rule.value is not None:
        yield rule.value, ()
    for update in rule.effect.updates:
        for index, value in update.points:
            for term in index if _is_argument(value) else (*index, value):
                yield term, ()
        if update.everywhere is not None:
            yield update.everywhere, update.binders


def stored(rule: Rule) -> Iterator[Term]:
    """The words that a rule only stores."""
    for update in rule.effect.updates:
        for _, value in update.points:
            if _is_argument(value):
                yield value


def _is_argument(term: Term) -> bool:
    return isinstance(term, App) and term.function.kind == "call" and term.sort == U64


def token(word: int) -> int:
    """The token that a stored word is one of; the rules cannot tell a word that is none from the first token."""
    return word if word & ~1 in _TOKENS else word & 1 if word & ~1 == ENTRY_POINTS[0] else 0


def inlined(term: Term) -> Iterator[Term]:
    """The term and everything in it, abbreviations written out."""
    for sub in subterms(term):
        yield sub
        if isinstance(sub, App) and sub.function.definition is not None:
            yield from inlined(sub.function.definition)


__all__ = [
    "CONTEXTS",
    "ENTRY_POINTS",
    "PLAIN",
    "Abstraction",
    "Register",
    "consequences",
    "inlined",
    "registers_of",
    "stored",
    "token",
]
