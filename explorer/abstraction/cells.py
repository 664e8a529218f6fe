"""The data abstraction: for each call, one set of registers per cell that the rules can tell apart.

Nothing here is written for a particular call. The rules of a call are walked for the parts that do
not read the state; two sets of registers belong to the same cell when every such part has the same
value for both. Candidates come from the same walk: constants that a register is compared with (and
their neighbours), bits that are masked or shifted out, the MPIDRs where a register names a core,
the ranges that a profile declares, and tokens where a register is only stored.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from psci.explorer.abstraction.registers import Abstraction, consequences, inlined, registers_of, stored, token
from psci.model.calls import UNKNOWN
from psci.model.declare import Call
from psci.model.errors import InputError
from psci.model.language.python import Compiler, define, in_tree, ranks
from psci.model.language.rules import CALLER, REGISTERS, Modality, Rule
from psci.model.language.sorts import CORE, NODE
from psci.model.language.terms import App, Function, Op, Quantified, Term, Value, Var, parts, subterms
from psci.model.machine import Alike, Machine
from psci.model.specification import Specification
from psci.model.step import SMC64_BIT, Invocation
from psci.model.symbols.machine import LOCAL_STATE

_SUCCESSES = (Modality.SUCCEEDS, Modality.MAY_SUCCEED)


@dataclass(frozen=True, slots=True)
class _View:
    """What one rule can see of the registers.

    `look` takes the symbols of a call. It gives None where the rule is out of reach whatever the
    state, else the values of the parts of the rule that do not read the state.
    """

    rule: Rule
    stateless: bool
    """The guard does not read the state: where the rule is in reach, it applies."""
    look: Callable[..., tuple[Any, ...] | None]


class Cells:
    """The invocations of every call on one machine, one for each cell."""

    def __init__(self, machine: Machine, specification: Specification, abstraction: Abstraction) -> None:
        self.machine = machine
        self.specification = specification
        self.abstraction = abstraction
        self.in_reach: set[Rule] = set()
        """The rules of the calls seen so far that apply to some registers in some state, as far as one can tell."""

    def of(self, call: Call, caller: int, named: Sequence[int] | None = None) -> tuple[Invocation, ...]:
        """The invocations of a call by one core; `named` are the MPIDRs that arguments may name, by default all."""
        only = None if named is None else tuple(named)
        found, in_reach = _found(self.machine.alike, self.specification, self.abstraction, call, caller, only)
        self.in_reach |= in_reach
        return found


@lru_cache(maxsize=512)
def _found(
    alike: Alike, specification: Specification, abstraction: Abstraction, call: Call, caller: int,
    named: tuple[int, ...] | None,
) -> tuple[tuple[Invocation, ...], frozenset[Rule]]:  # fmt: skip
    """The invocations of a call, and the rules that are in reach of some of them."""
    finder = _Finder(alike.machine, specification, abstraction)
    found = finder.of(call, caller, named)
    return found, frozenset(finder.in_reach)


class _Finder:
    """Tries the candidates, and keeps one for each cell."""

    def __init__(self, machine: Machine, specification: Specification, abstraction: Abstraction) -> None:
        self.machine = machine
        self.specification = specification
        self.abstraction = abstraction
        self.in_reach: set[Rule] = set()
        self._compiler = Compiler(self._apply, len(machine.cores), len(machine.tree.names))
        self._globals: dict[str, Any] = {
            "declared": _lookup(machine), "tree": machine.tree, "token": token, "rank": ranks(LOCAL_STATE),
        }  # fmt: skip

    def of(self, call: Call, caller: int, named: Sequence[int] | None) -> tuple[Invocation, ...]:
        rules = self.specification.of(call.name, self.machine.version)
        views = [self._view(call, rule) for rule in rules]
        registers = registers_of(call, rules, self.machine)
        values = [register.candidates(self.machine, self.abstraction, named) for register in registers]
        values += [(0,)] * (len(REGISTERS) - len(values))
        chosen: dict[tuple[Any, ...], Invocation] = {}
        for fid, wide in self._ids(call):
            for isa, world in itertools.product(self.abstraction.isas, self.abstraction.worlds):
                for x1, x2, x3 in itertools.product(*values):
                    if isa == "AARCH32" and (x1 | x2 | x3) >> 32:
                        continue
                    cell = self._cell(views, (caller, wide, x1, x2, x3, isa, world))
                    if cell is not None and cell not in chosen:
                        chosen[cell] = Invocation(caller, fid, x1, x2, x3, isa, world)
        return tuple(chosen.values())

    def _ids(self, call: Call) -> list[tuple[int, bool]]:
        """The ids under which the function can be called, and whether each is an SMC64 id."""
        if call is UNKNOWN:
            unused = next(fid for fid in range(0x8400_001F, 0, -1) if fid not in self.specification.call_of)
            return [(unused, False)]
        if self.machine.ids is not None:
            return [(fid, bool(fid & SMC64_BIT)) for fid, name in self.machine.ids.items() if name == call.name]
        ids = [(call.fid64, True), (call.fid32, False)]
        only_one = call.fid64 is None or call.fid32 is None
        widths = self.abstraction.widths
        return [(fid, wide) for fid, wide in ids if fid is not None and (only_one or wide in widths)]

    def _cell(self, views: Sequence[_View], symbols: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """What the rules can see of the registers; None for a call that breaks a duty of its caller."""
        seen: list[tuple[Modality, Any]] = []
        refused = False
        for view in views:
            rule, value = view.rule, view.look(*symbols)
            if value is not None:
                self.in_reach.add(rule)
                if view.stateless:
                    if rule.modality is Modality.GATE:
                        # the only outcome, whatever the other rules would see
                        return (rule.name,)
                    if rule.modality is Modality.CALLER_MUST and not self.abstraction.broken_duties:
                        return None
                    refused |= rule.modality is Modality.MUST_REFUSE
            seen.append((rule.modality, value))
        return tuple(value for modality, value in seen if not (refused and modality in _SUCCESSES))

    def _view(self, call: Call, rule: Rule) -> _View:
        conjuncts = rule.guard.arguments if isinstance(rule.guard, Op) and rule.guard.name == "and" else (rule.guard,)
        static = [self._compiler.expression(part) for part in conjuncts if _reads_no_state(part)]
        dynamic = [part for part in conjuncts if not _reads_no_state(part)]
        whole = [*((part, ()) for part in dynamic), *consequences(rule)]
        seen = [self._enumerated(*part) for term, bound in whole for part in _visible(term, bound)]
        seen += [f"token({self._compiler.expression(term)})" for term in stored(rule)]
        lines = self._compiler.abbreviations(call.terms)
        lines += [f"    if not ({' and '.join(static) or 'True'}): return None"]
        lines += [f"    return ({' '.join(text + ',' for text in seen)})"]
        look = define("look", "caller, wide, x1, x2, x3, caller_isa, caller_world", lines, self._globals)
        return _View(rule, not dynamic, look)

    def _enumerated(self, term: Term, variables: tuple[Var, ...]) -> str:
        """The term's value for every value of the variables that are bound around it."""
        source = self._compiler.expression(term)
        sizes = {CORE: len(self.machine.cores), NODE: len(self.machine.tree.names)}
        loops = " ".join(f"for {v.name} in range({sizes[v.sort]})" for v in variables)
        return f"tuple([{source} {loops}])" if loops else source

    def _apply(self, function: Function, _terms: tuple[Term, ...], sources: tuple[str, ...]) -> str:
        match function.kind:
            case "call":
                return function.name
            case "tree":
                return in_tree(function, sources)
        return f"declared({function.name!r}, ({' '.join(source + ',' for source in sources)}))"


def _lookup(machine: Machine) -> Callable[[str, tuple[Value, ...]], Value]:
    """What the machine declares; remembered, since every candidate asks."""

    @cache
    def declared(name: str, arguments: tuple[Value, ...]) -> Value:
        value = machine.value(name, arguments)
        if value is None:
            raise InputError(
                f"the machine leaves {name}{arguments or ''} open: an explored machine has to declare everything "
                "(psci.explorer.abstraction.machines.small)"
            )
        return value

    return declared


def _reads_no_state(term: Term) -> bool:
    return not any(isinstance(sub, App) and sub.function.kind == "state" for sub in subterms(term))


def _visible(term: Term, bound: tuple[Var, ...] = ()) -> Iterator[tuple[Term, tuple[Var, ...]]]:
    """The largest subterms that read the call but not the state, each with the variables that are bound around it."""
    if isinstance(term, Quantified):
        bound = (*bound, term.variable)
    if _reads_no_state(term):
        symbols = [sub.function for sub in inlined(term) if isinstance(sub, App) and sub.function.kind == "call"]
        if any(symbol is not CALLER for symbol in symbols):
            free = {sub.name for sub in subterms(term) if isinstance(sub, Var)}
            inner = {sub.variable.name for sub in subterms(term) if isinstance(sub, Quantified)}
            yield term, tuple(v for v in bound if v.name in free - inner)
        return
    for part in parts(term):
        yield from _visible(part, bound)
