"""Three cores on two clusters whose platform has a fixed table of power states; everything else is left open.

A run that a solver finds on it is a run on a machine that a profile can describe, so that it can be written as a trace
and judged by the oracle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import z3

from psci.explorer.abstraction.machines import UNUSABLE
from psci.model.calls import CALLS, UNKNOWN
from psci.model.calls.migrate_info_type import MIGRATE_INFO_TYPE
from psci.model.calls.psci_features import SMCCC_VERSION
from psci.model.declare import Call, Move
from psci.model.language.rules import CALLER, CALLER_WORLD, WIDE, WORLD
from psci.model.language.sorts import BOOL, CORE, Enumeration
from psci.model.language.terms import Function, Value
from psci.model.machine import DEFAULTS, Key, Machine
from psci.model.power.states import PowerState, declare_nodes, declare_states
from psci.model.power.topology import Topology
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.machine import MACHINE, MACHINE_SYMBOLS
from psci.model.tables.versions import V0_1, V1_0, VERSIONS
from psci.proofs.encoding.bounded import Bounded
from psci.proofs.encoding.domain import Expression, Meaning, NamedFormula
from psci.proofs.encoding.terms import Scope
from psci.proofs.replay.concrete import ModelValues

SHAPE = Topology.clusters((2, 1))
"""The power domains of three cores: two clusters in a system."""
MPIDRS = (0x0, 0x1, 0x1_0000_0000)
"""The last one can be named by SMC64 calls only (Aff3)."""
_STANDBY, _RETENTION, _POWERDOWN = "STANDBY", "RETENTION", "POWERDOWN"
# what a state is of: the core, the cluster (level 1), the system (level 2), and the highest level that is claimed
_ORIGINAL = (
    (0x0000_0000, _STANDBY, None, None, 0), (0x0000_0004, _STANDBY, None, None, 1),
    (0x0000_0002, _RETENTION, None, None, 0),
    (0x0001_0000, _POWERDOWN, None, None, 0), (0x0001_0004, _POWERDOWN, None, None, 1),
    (0x0001_0005, _POWERDOWN, None, None, 2),
    (0x0100_0000, _STANDBY, _STANDBY, None, 1), (0x0100_0001, _RETENTION, _RETENTION, None, 1),
    (0x0101_0003, _POWERDOWN, _STANDBY, None, 1), (0x0101_0002, _POWERDOWN, _RETENTION, None, 1),
    (0x0101_0000, _POWERDOWN, _POWERDOWN, None, 1),
    (0x0200_0000, _STANDBY, _STANDBY, _STANDBY, 2), (0x0200_0001, _RETENTION, _RETENTION, _RETENTION, 2),
    (0x0201_0000, _POWERDOWN, _POWERDOWN, _RETENTION, 2), (0x0201_0001, _POWERDOWN, _POWERDOWN, _POWERDOWN, 2),
)  # fmt: skip
_EXTENDED = tuple(
    (number | (0x4000_0000 if core == _POWERDOWN else 0), core, *others)
    for number, (_, core, *others) in enumerate(_ORIGINAL, start=1)
)


def _power_state(word: int, core: str, cluster: str | None, system: str | None, claimed: int) -> PowerState:
    levels = {level: state for level, state in ((1, cluster), (2, system)) if state is not None}
    return PowerState(word, core, levels, claimed)


POWER_STATES: Mapping[bool, tuple[PowerState, ...]] = {
    False: tuple(_power_state(*row) for row in _ORIGINAL),
    True: tuple(_power_state(*row) for row in _EXTENDED),  # type: ignore[arg-type]  # rows of the same kind
}
"""What is valid in the extended format (True) and in the original one."""
TABLED = ("state_valid", "described", "retention", "requested", "claims", "counted_level", "counted_node", "names_node",
          "named_level")  # fmt: skip
"""The symbols that the tables decide."""
CONSTANT: Mapping[str, Value] = {"addresses_declared": True, "last_in_level_bits": 0}
"""Symbols that are the same on every machine of this platform."""
UNIFORM = ("checks_upper_halves", "protected_range")
"""Symbols that have one value for all arguments."""
DERIVED = frozenset(
    {
        "mpidr",
        "is_core",
        "core_of",
        "boot_core",
        "psci_version",
        "address_unusable",
        "addresses_declared",
        *TABLED,
        "last_in_level_bits",
    }
)
"""The symbols that are not a choice of the machine."""


@dataclass(frozen=True)
class ReplaySetting:
    """What of a model is not in its steps."""

    machine: Machine
    worlds: Mapping[int, str]
    """The security state of each core whose callers are not in the Normal world."""


class Platform(Bounded):
    """Three cores and the tables; a core's callers stay in one security state."""

    mpidrs = MPIDRS

    def __init__(self, specification: Specification = SPECIFICATION) -> None:
        super().__init__(len(MPIDRS), SHAPE, specification=specification)
        self.tables: Mapping[bool, dict[str | Key, Value]] = {
            extended: {**dict(declare_states(states, MPIDRS, SHAPE)), **dict(declare_nodes(MPIDRS, SHAPE))}
            for extended, states in POWER_STATES.items()
        }
        self.world = Function("world", (CORE,), WORLD, "machine", "The security state of a core's callers.")

    def _symbol(self, function: Function) -> Meaning:
        if function.name in TABLED:
            return lambda *arguments: self._tabled(function, arguments)
        if function.name == "address_unusable":
            return lambda address: self.disjunction(
                z3.And(z3.UGE(address, first), z3.ULE(address, last)) for first, last in UNUSABLE
            )
        if function.name in CONSTANT:
            constant = self.constant(CONSTANT[function.name], function.range)
            return lambda: constant
        if function.name in UNIFORM:
            one = super()._symbol(Function(function.name, (), function.range, "machine", function.doc))
            return lambda *_: one()
        return super()._symbol(function)

    def _tabled(self, function: Function, arguments: tuple[Expression, ...]) -> Expression:
        extended = self.symbol(_nullary("extended_state_id"))()
        return z3.If(extended, self._in_table(True, function, arguments), self._in_table(False, function, arguments))

    def _in_table(self, extended: bool, function: Function, arguments: tuple[Expression, ...]) -> Expression:
        table = self.tables[extended]
        default = table.get(function.name, DEFAULTS.get(function.name, False))
        found = self.constant(default, function.range)
        for key, value in table.items():
            if isinstance(key, tuple) and key[0] == function.name:
                here = z3.And(*(a == self.constant(k, s) for a, k, s in zip(arguments, key[1:], function.domain)))  # noqa: B905  # one key an argument
                found = z3.If(here, self.constant(value, function.range), found)
        return found

    def limits(self) -> list[Expression]:
        """What holds of a machine that a profile can describe."""
        kind = self.symbol(_nullary("trusted_os"))()
        uniprocessor = kind != self.constant("MP_OR_NONE", _nullary("trusted_os").range)
        typed = self.symbol(MACHINE.has)(z3.BitVecVal(MIGRATE_INFO_TYPE.key, 32, self.context))
        beta = self.symbol(_nullary("beta_hibernate_type"))()
        newer = [self.symbol(_nullary(name))() for name in ("extended_state_id", "osi_supported")]
        of_1_0 = z3.Implies(z3.Or(*newer), self.between(V1_0, VERSIONS[-1]))
        since_0_2 = self.between(MIGRATE_INFO_TYPE.since, VERSIONS[-1])
        return [z3.Implies(z3.And(uniprocessor, since_0_2), typed), z3.ULE(beta, 1), of_1_0]

    def telling(self) -> list[Expression]:
        """The machine on which most can be seen.

        Every function of its version, both modes, stray wakeups that reset, and a context id as wide as its call.
        """
        has = self.symbol(MACHINE.has)
        there = [
            z3.Implies(self.between(call.since, call.until), has(z3.BitVecVal(call.key, 32, self.context)))
            for call in CALLS
        ]
        osi = z3.Implies(self.between(V1_0, VERSIONS[-1]), self.symbol(_nullary("osi_supported"))())
        return [*there, osi, self._is("stray_wakeup", "RESET"), self._is("context_width", "FUNCTION_ID")]

    def _is(self, name: str, value: str) -> Expression:
        symbol = _nullary(name)
        return self.symbol(symbol)() == self.constant(value, symbol.range)

    def of_step(self, owner: Call | Move, scope: Scope) -> Iterator[NamedFormula]:
        """A call that a trace can show: its core stays in one security state, and in 0.1 its function has an id."""
        if isinstance(owner, Call):
            call = scope.call
            own = self.symbols("m", self.world)(call[CALLER.name]())
            yield "the core's security state", own == call[CALLER_WORLD.name]()
            if owner.name != UNKNOWN.name:
                there, wide = scope.term(owner.is_present(MACHINE)), self._wide_in_0_1(owner)
                one_id = z3.And(there, call[WIDE.name]() == wide)
                yield "in 0.1 a function has one id, if it is there", z3.Implies(self.is_version(V0_1), one_id)

    def _wide_in_0_1(self, call: Call) -> Expression:
        """The id that the device tree gives a function is one that is an SMC64 id since 0.2."""
        return self.symbols("m", Function(f"wide id of {call.name}", (), BOOL, "machine", "Of an SMC64 function."))()

    def setting(self, reading: ModelValues) -> ReplaySetting:
        """The machine of a model, with everything declared."""
        version = VERSIONS[int(reading.model.eval(self.rank, model_completion=True).as_long())]
        extended = bool(reading.declaration(_nullary("extended_state_id"), ()))
        declared: dict[str | Key, Value] = dict(self.tables[extended])
        for symbol in MACHINE_SYMBOLS:
            if symbol.kind == "machine" and symbol.name not in DERIVED:
                declared |= self._declared(symbol, reading)
        ids = None
        if version == V0_1:
            there = [call for call in CALLS if call.exists_in(version) and declared.get(("has", call.key))]
            ids = {}
            for call in there:
                wide = reading.value(self._wide_in_0_1(call), BOOL) and call.fid64 is not None
                ids[call.fid64 if wide and call.fid64 is not None else call.key] = call.name
        machine = Machine(version, MPIDRS, 0, SHAPE, declared, UNUSABLE, ids=ids)
        worlds = reading.table(self.symbols("m", self.world), self.world)
        return ReplaySetting(machine, {core: str(world) for (core,), world in worlds.items() if world != "NORMAL"})

    def _declared(self, symbol: Function, reading: ModelValues) -> dict[str | Key, Value]:
        if not symbol.domain or symbol.name in UNIFORM:
            return {symbol.name: reading.value(self.symbol(symbol)(*[None] * len(symbol.domain)), symbol.range)}
        # no rule asks for more than these, but an explored machine has to declare everything
        found: dict[str | Key, Value] = {symbol.name: False} if symbol.range == BOOL else {}
        for arguments in _arguments(symbol, len(MPIDRS)):
            found[(symbol.name, *arguments)] = reading.declaration(symbol, arguments)
        return found


def _arguments(symbol: Function, cores: int) -> list[tuple[Value, ...]]:
    """Every argument of a symbol that the rules can give it."""
    (sort,) = symbol.domain
    if sort == CORE:
        return [(core,) for core in range(cores)]
    if symbol.name == "has":
        return [(fid,) for fid in dict.fromkeys((*(fid for call in CALLS for fid in call.ids()), SMCCC_VERSION))]
    if symbol.name == "affinity_level_supported":
        return [(level,) for level in (1, 2, 3)]
    assert isinstance(sort, Enumeration), symbol.name
    return [(value,) for value in sort.values]


def _nullary(name: str) -> Function:
    return next(symbol for symbol in MACHINE_SYMBOLS if symbol.name == name)
