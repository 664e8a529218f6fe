"""Rules: one sentence of the specification each, attached to a call or to a move of the environment.

Every rule has the same parts in the same order: name, modality, guard, outcome, effect, citations.
A rule's function runs once, when its module is read, on symbols for the machine `m`, the state `s`
and the call; what it returns is data.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace

from psci.model.language.effects import NOTHING, Effect
from psci.model.language.sorts import BOOL, CORE, U32, U64, Enumeration
from psci.model.language.terms import TRUE, Function, Operand, Term, Var, choose, extend, lift, low32
from psci.model.tables.codes import Code
from psci.model.tables.versions import Version


class Modality(enum.Enum):
    """How a rule binds (facts, section 0)."""

    GATE = "gate"
    """Where it applies, its outcome is the only one."""
    MUST_REFUSE = "must refuse"
    MAY_REFUSE = "may refuse"
    SUCCEEDS = "succeeds"
    """One of the successes; allowed where no refusal is obligatory."""
    MAY_SUCCEED = "may succeed"
    """A success that DEN0022 permits beside the plain one; its use is counted."""
    AMENDS = "amends"
    """Allowed beside everything else: a listed deviation of one implementation."""
    CALLER_MUST = "caller must"
    """The caller's duty; where it is broken and no obligatory rule answers, nothing is promised."""


class Completion(enum.Enum):
    """How a call ends for its caller."""

    RETURNS = "returns"
    WAITS = "waits"
    """For a wakeup; then it returns SUCCESS, or the core is entered."""
    NEVER = "does not return"


RESULT = Var("result", U64)
"""The value that a call returns, in the condition of a rule that leaves a choice of values."""


@dataclass(frozen=True, slots=True)
class Case:
    """When a rule applies and what it then does."""

    guard: Term
    effect: Effect = NOTHING
    value: Term | None = None
    constraint: Term | None = None

    def then(self, effect: Effect) -> Case:
        """With this effect."""
        return replace(self, effect=effect)

    def returning(self, value: Term) -> Case:
        """With this result: a word of 64 bits, or of 32 bits that is zero-extended."""
        return replace(self, value=extend(value) if value.sort == U32 else lift(value, U64))

    def returning_any(self, condition: Callable[[Term], Term] | None = None) -> Case:
        """With any result (UNDEFINED in DEN0022), or any that satisfies the condition."""
        return replace(self, constraint=TRUE if condition is None else condition(RESULT))


def when(condition: Operand) -> Case:
    """A rule that applies where the condition holds."""
    return Case(lift(condition, BOOL))


always = when(TRUE)
"""A rule without a condition of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule of a call or of a move."""

    name: str
    modality: Modality
    guard: Term
    completion: Completion
    value: Term | None
    """The result as a term (U64), where the rule fixes it."""
    constraint: Term | None
    """A condition on RESULT, where the rule leaves a choice."""
    effect: Effect
    cites: tuple[str, ...]
    since: Version
    until: Version
    text: str
    code: Code | None = None
    frees: bool = False
    """A duty of the caller without which nothing is promised, not even a refusal."""

    def applies_to(self, version: Version) -> bool:
        """Whether the rule belongs to this version."""
        return self.since <= version <= self.until


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call, in the order of x1, x2, x3 (facts, table 1.5)."""

    name: str
    native: bool
    """True: as wide as the function id says. False: 32 bits in both."""


def u32(name: str) -> Argument:
    """A 32-bit argument, also in the SMC64 function."""
    return Argument(name, native=False)


def native(name: str) -> Argument:
    """An argument of 32 bits in the SMC32 function and of 64 bits in the SMC64 function."""
    return Argument(name, native=True)


ISA = Enumeration("ISA", ("AARCH64", "AARCH32"))
WORLD = Enumeration("World", ("NORMAL", "REALM", "SECURE"))

CALLER = Function("caller", (), CORE, "call", "The core that makes the call.")
WIDE = Function("wide", (), BOOL, "call", "The call uses an SMC64 function id.")
CALLER_ISA = Function("caller_isa", (), ISA, "call", "The execution state of the caller.")
CALLER_WORLD = Function("caller_world", (), WORLD, "call", "The security state of the caller.")
REGISTERS = tuple(Function(f"x{i}", (), U64, "call", f"Register x{i} as the caller set it.") for i in (1, 2, 3))
CALL_SYMBOLS = (CALLER, WIDE, CALLER_ISA, CALLER_WORLD, *REGISTERS)


class CallTerms:
    """The call at hand, as terms; arguments are attributes, narrowed as the function id says (5.2.1)."""

    def __init__(self, arguments: tuple[Argument, ...]) -> None:
        self.caller = CALLER()
        self.wide = WIDE()
        self.isa = CALLER_ISA()
        self.world = CALLER_WORLD()
        self._arguments = {argument.name: _narrowed(argument, i) for i, argument in enumerate(arguments)}

    def __getattr__(self, name: str) -> Term:
        arguments: dict[str, Function] = self.__dict__.get("_arguments", {})
        if name not in arguments:
            raise AttributeError(f"the call has no argument {name!r}; it has {', '.join(arguments) or 'none'}")
        return arguments[name]()

    def arguments(self) -> tuple[Function, ...]:
        """The arguments, in the order of x1, x2, x3."""
        return tuple(self._arguments.values())

    def upper_half(self, register: int) -> Term:
        """Bits [63:32] of x1, x2 or x3, right-aligned."""
        return REGISTERS[register - 1]() >> 32


def _narrowed(argument: Argument, position: int) -> Function:
    register = REGISTERS[position]()
    if argument.native:
        term = choose(WIDE(), register, extend(low32(register)))
        return Function(argument.name, (), U64, "call", "As wide as the function id says.", term)
    return Function(argument.name, (), U32, "call", "The low 32 bits.", low32(register))
