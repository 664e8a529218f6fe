"""Implementations that are wrong on purpose, to show that the oracle catches them and says why.

Each differs from the reference implementation in one place: in a rule, or in what it does between the rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from psci.model.language.effects import NOTHING
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.language.terms import FALSE, TRUE, U64, Const
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation, Outcome
from psci.model.tables.codes import ALREADY_ON, INVALID_ADDRESS, INVALID_PARAMETERS, ON_PENDING, SUCCESS, Code
from psci.oracle.reference.implementation import Implementation


@dataclass(frozen=True, slots=True)
class Fault:
    """A wrong implementation."""

    name: str
    sentence: str
    facts: tuple[str, ...]
    """What a finding about it names; empty where silence is all that shows, which blames nobody."""
    specification: Specification = SPECIFICATION
    kind: type[Implementation] = Implementation
    psci: str = "1.3"
    profile: Mapping[str, Any] = field(default_factory=dict, hash=False)


def amended(name: str, **changes: Any) -> Specification:
    """The specification with every rule of a name changed."""
    found = SPECIFICATION
    for rule in SPECIFICATION.every_rule():
        if rule.name == name:
            found = found.replacing(rule, replace(rule, **changes))
    return found


def dropped(name: str) -> Specification:
    """The specification without a rule."""
    return amended(name, guard=FALSE)


def answering(name: str, code: Code, **changes: Any) -> Specification:
    """The specification in which a rule gives another answer."""
    return amended(name, code=code, value=Const(code.word(64), U64), constraint=None, **changes)


def with_value(name: str, value: int) -> Specification:
    """The specification in which a rule gives another value."""
    return amended(name, value=Const(value, U64))


# ---- wrong between the rules


class _Named(Implementation):
    """Finds calls by the names of their functions."""

    def name_of(self, invocation: Invocation) -> str:
        function, _ = self.stepper.function(invocation.fn)
        return function.name if function else ""

    def target(self, invocation: Invocation) -> int | None:
        _, wide = self.stepper.function(invocation.fn)
        return self.machine.core_of.get(invocation.x1 if wide else invocation.x1 & 0xFFFF_FFFF)

    def refused(self, invocation: Invocation, code: Code) -> Outcome:
        """An answer that no rule gives, without an effect."""
        rule = self.stepper.specification.rules[self.name_of(invocation)][0]
        return Outcome(rule, Completion.RETURNS, code.word(64), self.state)


class _LosesEntries(Implementation):
    """A core that was turned on never runs."""

    def entry(self, core: int) -> tuple[int, int] | None:
        return None


class _SwapsContexts(_Named):
    """A core is entered with the context id of the CPU_ON before."""

    def prepare(self) -> None:
        self._contexts: list[int] = []

    def call(self, invocation: Invocation) -> Outcome:
        outcome = super().call(invocation)
        if self.name_of(invocation) == "CPU_ON" and outcome.value == 0:
            self._contexts.append(invocation.x3)
        return outcome

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        return found if found is None or len(self._contexts) < 2 else (found[0], self._contexts[-2])


class _TruncatesContexts(Implementation):
    """Only 32 bits of a context id arrive."""

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        return found if found is None else (found[0], found[1] & 0xFFFF_FFFF)


class _EntersTwice(Implementation):
    """A core that runs is entered again."""

    def prepare(self) -> None:
        self._again: dict[int, tuple[int, int]] = {}

    def entry(self, core: int) -> tuple[int, int] | None:
        return super().entry(core) or self._again.get(core)

    def entered(self, core: int) -> None:
        found = super().entry(core)
        super().entered(core)
        if found is None:
            del self._again[core]
        else:
            self._again[core] = found


class _RemembersOn(_Named):
    """CPU_ON takes a core for ON that ever was."""

    def prepare(self) -> None:
        self._seen: set[int] = set()

    def call(self, invocation: Invocation) -> Outcome:
        target = self.target(invocation)
        if self.name_of(invocation) == "CPU_ON" and target in self._seen:
            return self.refused(invocation, ALREADY_ON)
        outcome = super().call(invocation)
        if self.name_of(invocation) == "CPU_ON" and outcome.value == 0 and target is not None:
            self._seen.add(target)
        return outcome


class _CachesAffinityInfo(_Named):
    """AFFINITY_INFO gives its first answer for ever."""

    def prepare(self) -> None:
        self._answers: dict[Invocation, Outcome] = {}

    def call(self, invocation: Invocation) -> Outcome:
        if self.name_of(invocation) != "AFFINITY_INFO":
            return super().call(invocation)
        key = invocation._replace(caller=0)
        if key not in self._answers:
            self._answers[key] = super().call(invocation)
        return self._answers[key]._replace(state=self.state)


class _LosesWakeups(Implementation):
    """A wakeup event for a suspended core is forgotten."""

    def wakes(self, core: int) -> bool:
        return False


class _RunsOn(Implementation):
    """A core runs on after the system went down."""

    def survivors(self, running: Sequence[int]) -> Sequence[int]:
        return running[:1]


class _ExtendsErrorsByZeros(Implementation):
    """Errors of SMC64 calls are 32 bits wide."""

    def result(self, value: int, wide: bool) -> int:
        return value & 0xFFFF_FFFF if value >> 63 else value


# ---- the list


def _second_cpu_on_wins() -> Specification:
    """A CPU_ON for a core that is ON_PENDING is accepted, and its entry point counts."""
    accepted = SPECIFICATION.rule("CPU_ON.accepted")
    pending = SPECIFICATION.rule("CPU_ON.on_pending")
    value = Const(SUCCESS.word(64), U64)
    return SPECIFICATION.replacing(pending, replace(pending, code=SUCCESS, value=value, effect=accepted.effect))


def _accepts_any_mpidr() -> Specification:
    """A CPU_ON for a core that does not exist is accepted, and nothing happens."""
    return answering("CPU_ON.target_invalid", SUCCESS)


def _absent_all_the_same(name: str) -> Specification:
    """The call itself says NOT_SUPPORTED, whatever PSCI_FEATURES says."""
    return amended(f"{name}.absent", guard=TRUE)


def _hibernates_whatever(rule: str) -> Specification:
    """SYSTEM_OFF2 does not look at one of its arguments."""
    return dropped(f"SYSTEM_OFF2.{rule}")


def _refuses_type_1() -> Specification:
    """SYSTEM_OFF2 knows type 0 only, as in the alpha."""
    alpha = SPECIFICATION.rule("SYSTEM_OFF2.type_unknown_to_the_alpha")
    final = SPECIFICATION.rule("SYSTEM_OFF2.type_unknown")
    return SPECIFICATION.replacing(final, replace(final, guard=alpha.guard))


def _keeps_cores_on() -> Specification:
    """A reset leaves the power state of the cores as it was."""
    rules = SPECIFICATION.rules["BOOT"]
    found = SPECIFICATION
    for rule in rules:
        found = found.replacing(rule, _without(rule, "power"))
    return found


def _without(rule: Rule, *fields: str) -> Rule:
    updates = tuple(update for update in rule.effect.updates if update.field.name not in fields)
    return replace(rule, effect=replace(rule.effect, updates=updates))


def _denied_in_1_1() -> Specification:
    """CPU_ON has a code of 1.2."""
    rule = SPECIFICATION.rule("CPU_ON.cannot_be_powered")
    newer = SPECIFICATION.rule("CPU_ON.denied_by_policy")
    denied = replace(rule, modality=Modality.MUST_REFUSE, code=newer.code, value=newer.value)
    return SPECIFICATION.replacing(rule, denied)


def _suspends_beside_others() -> Specification:
    """SYSTEM_SUSPEND does not care about other cores."""
    rule = SPECIFICATION.rule("SYSTEM_SUSPEND.other_core_not_off")
    return SPECIFICATION.replacing(rule, replace(rule, code=SUCCESS, value=Const(0, U64), effect=NOTHING))


UP_FIXED: Mapping[str, Any] = {"trusted_os": "up_fixed"}
KNOWN: Mapping[str, Any] = {"unusable": [], "policy_denies": []}
OFF2: Mapping[str, Any] = {"functions": {"SYSTEM_OFF2": True}}

FAULTS: tuple[Fault, ...] = (
    Fault("loses-entries", "A core that was turned on never runs.", (), kind=_LosesEntries),
    Fault("loses-wakeups", "A wakeup event for a suspended core is forgotten.", (), kind=_LosesWakeups),
    Fault("swaps-contexts", "A core gets the context id of another CPU_ON.", ("CPU_ON-17",), kind=_SwapsContexts),
    Fault("truncates-contexts", "A 64-bit context id is cut to 32 bits.", ("CPU_ON-22",), kind=_TruncatesContexts),
    Fault("enters-twice", "A core that runs is entered again.", ("SM-8",), kind=_EntersTwice),
    Fault(
        "remembers-on", "CPU_ON takes a core for ON that ever was.", ("AFF-13",), kind=_RemembersOn, profile=KNOWN
    ),
    Fault("caches-affinity-info", "AFFINITY_INFO answers from a stale copy.", ("AFF-2",), kind=_CachesAffinityInfo),
    Fault("runs-on", "A core runs on after the system went down.", ("SYS-4",), kind=_RunsOn),
    Fault("zero-extends", "Errors of SMC64 calls are 32 bits wide.", ("CPU_ON-4",), kind=_ExtendsErrorsByZeros),
    Fault(
        "second-cpu-on-wins", "A second CPU_ON replaces the entry of the first.", ("CPU_ON-7",),
        _second_cpu_on_wins(), profile=KNOWN,
    ),
    Fault("accepts-any-mpidr", "CPU_ON succeeds for a core that is not there.", ("CPU_ON-4",), _accepts_any_mpidr()),
    Fault(
        "hides-on-pending", "AFFINITY_INFO shows ON_PENDING as OFF.", ("AFF-4",),
        with_value("AFFINITY_INFO.on_pending", 1),
    ),
    Fault(
        "forgets-denied", "CPU_OFF turns off the core of a Trusted OS.", ("AFF-2",),
        dropped("CPU_OFF.trusted_os_resident"), profile=UP_FIXED,
    ),
    Fault("refuses-type-1", "SYSTEM_OFF2 knows type 0 only.", ("OFF2-3",), _refuses_type_1(), profile=OFF2),
    Fault("ignores-cookie", "SYSTEM_OFF2 takes any cookie.", ("OFF2-6",), _hibernates_whatever("cookie_set")),
    Fault("ignores-type", "SYSTEM_OFF2 takes any type.", ("OFF2-5",), _hibernates_whatever("type_unknown")),
    Fault(
        "announces-what-is-absent", "PSCI_FEATURES announces SYSTEM_OFF2, and the call is NOT_SUPPORTED.", ("OFF2-7",),
        _absent_all_the_same("SYSTEM_OFF2"), profile=OFF2,
    ),
    Fault(
        "newer-code", "A 1.1 implementation denies CPU_ON, which is new in 1.2.", ("CPU_ON-1",), _denied_in_1_1(),
        psci="1.1", profile=KNOWN,
    ),
    Fault("keeps-cores-on", "After a reset the other cores are what they were.", ("AFF-3",), _keeps_cores_on()),
    Fault(
        "already-on-means-pending", "CPU_ON of a running core is ON_PENDING.", ("CPU_ON-6",),
        answering("CPU_ON.already_on", ON_PENDING), profile=KNOWN,
    ),
    Fault(
        "wrong-level", "AFFINITY_INFO takes any level.", ("AFF-15",), answering("AFFINITY_INFO.level_invalid", SUCCESS)
    ),
    Fault(
        "suspends-beside-others", "SYSTEM_SUSPEND succeeds while other cores are on.", ("SYSSUSP-4",),
        _suspends_beside_others(), profile={"functions": {"SYSTEM_SUSPEND": True}},
    ),
    Fault(
        "unknown-is-invalid", "An unknown function id has INVALID_PARAMETERS.", ("SMC-9",),
        answering("UNKNOWN.no_function", INVALID_PARAMETERS),
    ),
    Fault(
        "cpu-on-0-2-newer-code", "A 0.2 implementation has INVALID_ADDRESS, which is new in 1.0.", ("REV-3",),
        answering("CPU_ON.entry_unusable_before_1_0", INVALID_ADDRESS),
        psci="0.2", profile={"unusable": [["0x0", "0xffff"], ["0x80000000", "0xffffffffffffffff"]]},
    ),
)  # fmt: skip
"""Every wrong implementation."""


def fault_named(name: str) -> Fault:
    raise NotImplementedError
