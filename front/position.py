"""A machine in one state: ask what a call may do there, take one of the outcomes, go on from where it leads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar, overload

from psci.explorer.abstraction.machines import small
from psci.explorer.runs.describe import action_text, changes
from psci.explorer.runs.events import events_of
from psci.explorer.search import SearchStep
from psci.explorer.system import MoveAction, Product, Transition
from psci.model.declare import Call
from psci.model.errors import InputError, UnknownName
from psci.model.events import Event
from psci.model.language.rules import ISA, WORLD, Completion, Modality, Rule
from psci.model.machine import Key, Machine, Undeclared
from psci.model.power.topology import Topology
from psci.model.specification import SPECIFICATION
from psci.model.step import Invocation, Stepper
from psci.model.symbols.readings import READINGS
from psci.model.symbols.state import FIELDS
from psci.model.tables.codes import signed, value_in_words
from psci.model.tables.facts import with_sections
from psci.model.tables.versions import V0_1, Version
from psci.model.tables.versions import version as version_named
from psci.oracle import profiles

Found = TypeVar("Found")
MOST_CORES_EACH = 8
"""With more cores than this, those that are in the same state are printed together."""
Profile = Mapping[str, Any] | Path | str


def machine(
    cpus: int | Sequence[int] | None = None,
    version: str = "1.3",
    *,
    profile: Profile | None = None,
    readings: Mapping[str, str] | None = None,
    clusters: Sequence[int] | None = None,
    ids: Mapping[str, int] | None = None,
) -> Position:
    """A machine after its cold boot.

    >>> machine(cpus=2)
    PSCI 1.3, 2 cores: core 0 ON, core 1 OFF

    Args:
        cpus: how many cores, or the MPIDR of each; by default as many as the clusters have, or two.
        version: the version of PSCI.
        profile: what the implementation declares: the name of a shipped profile, a file, or its fields. What a profile
            leaves out is open, and outcomes say what they assume of it. Without a profile the machine declares
            everything: all optional functions, and the most ordinary answers.
        readings: options of readings by name (`psci.readings`), where DEN0022 can be read in several ways.
        clusters: the number of cores of each cluster, where no profile describes the power domains; by default every
            core is a child of the system.
        ids: PSCI 0.1 only: the function ids that the device tree gives, by the names of the functions.

    Raises:
        InputError: one of them is not understood; the message says which.
    """
    sizes = _sizes(clusters)
    if sizes is not None and profile is not None:
        raise InputError("clusters: a profile describes its power domains itself, in `topology`")
    there = _cores(cpus, sum(sizes) if sizes else None)
    if not isinstance(version, str):
        raise InputError(f"version {version!r}: give a name, such as '1.3'")
    if readings is not None and not isinstance(readings, Mapping):
        raise InputError(f"readings {readings!r}: give options by the names of readings (psci.readings)")
    made = _plain(there, version, sizes) if profile is None else _declared_by(profile, there, version, readings)
    made = replace(made, declared={**made.declared, **dict(_chosen(readings))})
    named = _ids(ids, made.version)
    if named is not None:
        made = replace(made, ids=named)
    return Position(made, _stepper(made).initial(), ())


def _cores(cpus: object, clustered: int | None) -> int | Sequence[int]:
    """How many cores, or their MPIDRs; what clusters have together has to be the same number."""
    if cpus is None:
        return clustered or 2
    listed = isinstance(cpus, Sequence) and not isinstance(cpus, str | bytes) and all(type(c) is int for c in cpus)
    if type(cpus) is not int and not listed:
        raise InputError(f"cpus {cpus!r}: give a number of cores, or the MPIDR of each")
    found: Any = cpus
    count = found if type(cpus) is int else len(found)
    if clustered is not None and count != clustered:
        raise InputError(f"cpus: {count} cores, and {clustered} in the clusters: give one of the two")
    return found  # type: ignore[no-any-return]  # its type was looked at


def _sizes(clusters: object) -> Sequence[int] | None:
    if clusters is None:
        return None
    if isinstance(clusters, Sequence) and clusters and all(type(size) is int and size > 0 for size in clusters):
        return clusters
    raise InputError(f"clusters {clusters!r}: give the number of cores of each, such as [2, 2]")


def _ids(given: object, version: Version) -> dict[int, str] | None:
    """The functions of a device tree by their ids; None where DEN0022 fixes the ids."""
    if version != V0_1:
        if given is not None:
            raise InputError(f"ids: PSCI {version} fixes the function ids; only 0.1 takes them from the device tree")
        return None
    usual = ", ".join(f"'{call.name}': 0x{0x95C1_BA5E + i:x}" for i, call in enumerate(_of_device_trees()))
    if not isinstance(given, Mapping) or not given:
        raise InputError(f"ids: PSCI 0.1 takes its function ids from the device tree: give them, such as {{{usual}}}")
    names = [call.name for call in _of_device_trees()]
    for name, fid in given.items():
        if name not in names:
            raise InputError(f"ids: {name!r} is no function of PSCI 0.1; these are {', '.join(names)}")
        if type(fid) is not int or not 0 <= fid < 1 << 32:
            raise InputError(f"ids: {name} is {fid!r}: give a word of 32 bits")
    if len(set(given.values())) < len(given):
        raise InputError("ids: two functions have the same id")
    return {fid: name for name, fid in given.items()}


def _of_device_trees() -> list[Call]:
    return [call for call in SPECIFICATION.calls if call.exists_in(V0_1) and call.ids()]


def _plain(cpus: int | Sequence[int], version: str, clusters: Sequence[int] | None) -> Machine:
    shape = None if clusters is None else Topology.clusters(clusters)
    if not isinstance(cpus, int):
        return replace(small(len(cpus), version_named(version), topology=shape), cores=tuple(cpus))
    return small(cpus, version_named(version), topology=shape)


def _declared_by(
    profile: Profile, cpus: int | Sequence[int], version: str, readings: Mapping[str, str] | None
) -> Machine:
    if isinstance(profile, str) and profile in profiles.shipped():
        fields = profiles.named(profile)
    elif isinstance(profile, str | Path):
        fields = profiles.read(Path(profile))
    elif isinstance(profile, Mapping):
        fields = profile
    else:
        raise InputError(f"profile {profile!r}: give the name of a shipped one, a file, or fields")
    profiles.validate(fields)
    cores = tuple(range(cpus)) if isinstance(cpus, int) else tuple(cpus)
    return profiles.machine(fields, cores, psci=version, reading=readings)


def _chosen(readings: Mapping[str, str] | None) -> Iterator[tuple[str, Any]]:
    for name, option in (readings or {}).items():
        if name not in READINGS:
            raise InputError(f"reading {name!r}: there is none; choose one of {', '.join(READINGS)}")
        options = READINGS[name].options
        if option not in list(options):
            raise InputError(f"reading {name}: no option {option!r}; choose one of {', '.join(options)}")
        yield READINGS[name].symbol, options[option]


@cache
def _stepper(made: Machine) -> Stepper:
    return Stepper(made)


@cache
def _product(made: Machine) -> Product:
    return Product(made, without=frozenset())


@dataclass(frozen=True, slots=True)
class Answer:
    """One allowed outcome of a call, or one way in which a move of the environment happens."""

    before: Position
    transition: Transition
    assumes: Mapping[Key, Any]
    """What is taken of the implementation that its profile leaves open."""
    after: Position
    """The machine once this has happened."""

    @property
    def rule(self) -> Rule:
        """The rule that allows it."""
        return self.transition.rule

    @property
    def text(self) -> str:
        """The rule's sentence."""
        return self.rule.text

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts of DEN0022 that the rule rests on, each with its sections."""
        return tuple(with_sections(fact) for fact in self.rule.cites)

    @property
    def value(self) -> int | None:
        """The result as a signed number; None where the call does not return, waits, or has a choice of values."""
        return None if self.transition.value is None else signed(self.transition.value, 64)

    @property
    def result(self) -> str:
        """How the call ends, in words: `ON_PENDING (-5)`, `waits for a wakeup`; empty for a move."""
        match self.transition.completion:
            case None:
                return ""
            case Completion.NEVER:
                return "does not return"
            case Completion.WAITS:
                return "waits for a wakeup"
        if self.rule.code is not None:
            return self.rule.code.with_number()
        return "any of several values" if self.transition.value is None else value_in_words(self.transition.value, 64)

    @property
    def permitted(self) -> bool:
        """It is only permitted: another outcome is the plain one."""
        return self.rule.modality in (Modality.MAY_REFUSE, Modality.MAY_SUCCEED)

    @property
    def move(self) -> str | None:
        """The name of the move, such as START; None for a call."""
        action = self.transition.action
        return action.name if isinstance(action, MoveAction) else None

    @property
    def changes(self) -> tuple[str, ...]:
        """What it changes in the state: `power[1]: OFF -> ON_PENDING`."""
        return tuple(changes(self.before.state, self.after.state))

    @property
    def action(self) -> str:
        """Who does what: `core 0: CPU_ON(...)`, or the move."""
        return action_text(_product(self.before.machine), self.transition.action)

    def __repr__(self) -> str:
        notes = ["permitted"] if self.permitted else []
        notes += [f"if {_assumption(key, value)}" for key, value in self.assumes.items()]
        result = self.result or self.action
        return f"{result} by {self.rule.name}" + (f" ({', '.join(notes)})" if notes else "")

    def _repr_markdown_(self) -> str:
        lines = [f"**{self.result or self.action}** by `{self.rule.name}`: {self.text}", ""]
        lines += [f"- {line}" for line in (*self.changes, *self.facts)]
        return "\n".join(lines)


def _assumption(key: Key, value: Any) -> str:
    name, *arguments = key
    words = ", ".join(f"{argument:#x}" if type(argument) is int else str(argument) for argument in arguments)
    return f"{name}({words}) is {value}" if arguments else f"{name} is {value}"


class Answers(Sequence[Answer]):
    """All that may happen, each with its rule and where it leads; by number, by the name of a rule, or of a code."""

    def __init__(self, title: str, found: Sequence[Answer], broken: Sequence[Rule] = ()) -> None:
        self.title = title
        self.broken = tuple(broken)
        """The caller's duties that the call breaks."""
        self._found = tuple(found)

    @overload
    def __getitem__(self, key: int | str) -> Answer: ...

    @overload
    def __getitem__(self, key: slice) -> tuple[Answer, ...]: ...

    def __getitem__(self, key: int | str | slice) -> Answer | tuple[Answer, ...]:
        if not isinstance(key, str):
            return self._found[key]
        for answer in self._found:
            if key in (answer.rule.name, answer.rule.code and answer.rule.code.name, answer.action, answer.move):
                return answer
        there = ", ".join(dict.fromkeys(answer.rule.name for answer in self._found)) or "nothing"
        raise UnknownName(f"{self.title}: {key!r} is not allowed here; allowed: {there}")

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        lines = [f"{self.title}:", *(f"  {answer!r}" for answer in self._found)]
        lines += [f"  the caller breaks {rule.name}: {rule.text}" for rule in self.broken]
        return "\n".join(lines if self._found else [*lines, "  nothing: no rule answers"])

    def _repr_markdown_(self) -> str:
        rows = [f"| {a.result or a.action} | `{a.rule.name}` | {a.text} | {', '.join(a.rule.cites)} |" for a in self]
        return "\n".join([f"**{self.title}**", "", "| outcome | rule | | facts |", "|---|---|---|---|", *rows])


@dataclass(frozen=True, eq=False)
class Position:
    """A machine in one state, and the way that led there from its cold boot.

    It never changes: taking an outcome gives another position.
    """

    machine: Machine
    state: Any
    steps: tuple[SearchStep, ...]

    def call(
        self, name: str, *, cpu: int | None = None, smc64: bool = True, isa: str = "AARCH64", world: str = "NORMAL",
        **arguments: int,
    ) -> Answers:  # fmt: skip
        """What a call may do here.

        >>> machine(cpus=2).call("CPU_ON", target_cpu=1, entry_point_address=0x40000000, context_id=42)
        core 0: CPU_ON(target_cpu=0x1, entry_point_address=0x40000000, context_id=0x2a):
          SUCCESS (0) by CPU_ON.accepted
          DENIED (-3) by CPU_ON.denied_for_now (permitted)
          INTERNAL_FAILURE (-6) by CPU_ON.cannot_be_powered (permitted)

        Args:
            name: a function of PSCI, such as CPU_ON.
            cpu: the index of the calling core; default: the boot core.
            smc64: use the SMC64 function id where there is one.
            isa: the execution state of the caller, AARCH64 or AARCH32.
            world: its security state, NORMAL, REALM or SECURE.
            arguments: by their names in DEN0022; those that are left out are 0.

        Raises:
            InputError: there is no such function, core or argument, or that core runs no code.
        """
        core = self.machine.boot if cpu is None else cpu
        self._runs(core)
        call = _function(name)
        for what, given, sort in (("isa", isa, ISA), ("world", world, WORLD)):
            if given not in sort.values:
                raise InputError(f"{what} {given!r}: choose one of {', '.join(sort.values)}")
        if not isinstance(smc64, bool):
            raise InputError(f"smc64 {smc64!r}: give True or False")
        fn = self._id(call, wide=smc64 and isa == "AARCH64")
        x1, x2, x3 = self._values(call, arguments)
        invocation = Invocation(core, fn, x1, x2, x3, isa, world)
        broken: dict[str, Rule] = {}

        def allowed(machine: Machine) -> list[Transition]:
            found = _stepper(machine).allowed(self.state, invocation)
            broken.update({rule.name: rule for rule in found.broken})
            return [Transition(invocation, *outcome) for outcome in found.outcomes]

        title = action_text(_product(self.machine), invocation)
        # what is only permitted stands behind the plain outcomes
        found = sorted(self._answers(allowed), key=lambda answer: answer.permitted)
        return Answers(title, found, list(broken.values()))

    def moves(self) -> Answers:
        """What may happen here without a call: a core starts or wakes up, power is lost, the machine boots."""
        moves = self._answers(lambda machine: list(_product(machine).moves(self.state)))
        return Answers("without a call", list(moves))

    def take(self, answer: Answer) -> Position:
        """The machine once an outcome of this position has happened.

        Raises:
            InputError: the outcome belongs to another position.
        """
        if not isinstance(answer, Answer):
            raise InputError(f"take: {answer!r} is not an outcome: give one of what `call` or `moves` returned")
        before = answer.before
        if (before.machine.alike, before.state, before.steps) != (self.machine.alike, self.state, self.steps):
            raise InputError("take: this outcome belongs to another position; ask this one again")
        return answer.after

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The way from the boot to here as the events of a trace, as a tester would have seen them."""
        return tuple(events_of(_product(self.machine), self.steps))

    def _id(self, call: Call, wide: bool) -> int:
        if self.machine.ids is None:
            return call.fid64 if wide and call.fid64 is not None else call.key
        for fid, name in self.machine.ids.items():
            if name == call.name:
                return fid
        raise InputError(
            f"{call.name}: `ids` gives no function id for it, only for {', '.join(self.machine.ids.values())}"
        )

    def _runs(self, core: int) -> None:
        if type(core) is not int or not 0 <= core < len(self.machine.cores):
            raise InputError(f"core {core}: the machine has the cores 0 to {len(self.machine.cores) - 1}")
        if core not in _product(self.machine).callers(self.state):
            raise InputError(f"core {core} runs no caller code here ({self._core(core)}), so it makes no call")

    def _values(self, call: Call, arguments: Mapping[str, int]) -> tuple[int, int, int]:
        names = [argument.name for argument in call.arguments]
        for name, value in arguments.items():
            if name not in names:
                raise InputError(f"{call.name} has no argument {name!r}; it has {', '.join(names) or 'none'}")
            if type(value) is not int or not 0 <= value < 1 << 64:
                shown = f"{value:#x}" if type(value) is int else repr(value)
                raise InputError(f"{call.name}: {name} is {shown}: give a word of 64 bits")
        x1, x2, x3, *_ = *(arguments.get(name, 0) for name in names), 0, 0, 0
        return x1, x2, x3

    def _answers(self, possible: Callable[[Machine], list[Transition]]) -> Iterator[Answer]:
        for assumed, made, transitions in _under(self.machine, {}, possible):
            for transition in transitions:
                after = Position(made, transition.target, (*self.steps, SearchStep(self.state, transition)))
                yield Answer(self, transition, assumed, after)

    def _core(self, core: int) -> str:
        power, activity = self.state.power[core], self.state.activity[core]
        usual = {("ON", "RUNNING"), ("OFF", "STOPPED"), ("ON_PENDING", "STOPPED")}
        return power if (power, activity) in usual else f"{power} and {activity.lower()}"

    def _told(self, core: int) -> str:
        return f"core {core} {self._core(core)}"

    def _grouped(self) -> Iterator[str]:
        """Neighbours that are in the same state, together."""
        for words, cores in groupby(range(len(self.machine.cores)), self._core):
            first, *others = cores
            yield f"cores {first} to {others[-1]} {words}" if others else self._told(first)

    def __repr__(self) -> str:
        count = len(self.machine.cores)
        cores = ", ".join(self._grouped() if count > MOST_CORES_EACH else map(self._told, range(count)))
        system = "" if self.state.system == "RUNNING" else f" system {self.state.system.lower()};"
        return f"PSCI {self.machine.version}, {count} core{'s' if count > 1 else ''}:{system} {cores}"

    def _repr_markdown_(self) -> str:
        plain = [f for f in FIELDS if not f.domain]
        cells = "\n".join(f"| {field.name} | {getattr(self.state, field.name)} |" for field in plain)
        cores = "\n".join(f"| core {core} | {self._core(core)} |" for core in range(len(self.machine.cores)))
        return f"PSCI {self.machine.version} after {len(self.steps)} steps\n\n| | |\n|---|---|\n{cores}\n{cells}"


def _function(name: str) -> Call:
    known = {call.name: call for call in SPECIFICATION.calls}
    if name not in known:
        import difflib

        near = difflib.get_close_matches(str(name).upper(), known, 3, 0.4) or list(known)[:5]
        raise InputError(f"unknown function {name!r}: did you mean {', '.join(near)}?")
    return known[name]


def _under(
    made: Machine, assumed: dict[Key, Any], ask: Callable[[Machine], Found]
) -> Iterator[tuple[dict[Key, Any], Machine, Found]]:
    """What an asker finds under every answer to what it needs to know and the machine leaves open."""
    try:
        found = ask(made)
    except Undeclared as missing:
        for value in _stepper(made).possible(missing.key):
            told = replace(made, declared={**made.declared, missing.key: value})
            yield from _under(told, {**assumed, missing.key: value}, ask)
    else:
        yield assumed, made, found


__all__ = ["Answer", "Answers", "Position", "machine"]
