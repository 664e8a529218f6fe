"""What becomes of every fact: it is modelled, checked elsewhere, or out of the model's scope for a stated reason.

Rules and readings cite their facts themselves. The tables below hold the rest, and nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.readings import READINGS
from psci.model.tables.facts import FACTS, Fact

MODELLED, CHECKED, OUT_OF_SCOPE = "modelled", "checked elsewhere", "out of scope"
KINDS = (MODELLED, CHECKED, OUT_OF_SCOPE)

# fmt: off
BESIDE_RULES: Mapping[str, str] = {
    "model/tables/codes.py": "RET-1",
    "model/step.py: a result is as wide as the function id": "RET-2 CPU_SUSPEND-31",
    "model/step.py: a call is decided in one step": "SM-10 OSI-7 OSI-15 OSI-16",
    "model/language/rules.py: arguments are narrowed as the function id says": "SMC-7",
    "model/machine.py: what a version does not make optional is there": "VERSION-6",
    "model/symbols/machine.py: what an implementation declares never changes": "FEAT-9",
    "model/tables/versions.py: rules are selected by `since` and `until`": (
        "VERSION-3 REV-2 REV-7 REV-8 REV-9 REV-11 REV-13"
    ),
    "model/power/topology.py": "PD-1 PD-10 PD-13 PSTATE-9",
    "model/symbols/state.py: the state is that of the caller-visible system": "SM-9",
    "model/symbols/state.py: what a core does": "SM-20",
    "model/power/domains.py": "SM-25 PD-7 PD-12 PC-4 PC-7 PC-11 OSI-10 OSI-11 OSI-18",
    "oracle/profiles: a power_state and the local states that it stands for": (
        "PSTATE-7 PSTATE-11 PD-8"
    ),
    "oracle/profiles: a uniprocessor Trusted OS needs MIGRATE_INFO_TYPE": "RET-10",
}
"""Facts that no rule cites because they are how the model is built, by the place that holds them."""

ELSEWHERE: Mapping[str, str] = {
    "properties: stated over the rules and proved": (
        "PROP-1 PROP-2 PROP-3 PROP-4 PROP-5 PROP-6 PROP-7 PROP-8 PROP-9 PROP-10 PROP-11 PROP-12 PROP-13 PROP-14 PROP-15"
        " PROP-16 PROP-17 PROP-18"
    ),
    "explorer/questions/liveness.py: the retry loop of 6.6": "SM-11 SM-12 SM-13",
    "oracle/checker/checker.py: only a core that runs makes calls": "SM-16",
    "oracle/checker/entry.py: the registers at the first instruction": "ENTRY-1 ENTRY-7 ENTRY-9 ENTRY-12",
    "oracle/checker/entry.py: the registers that a call leaves alone": "SMC-11",
    "oracle/peers/stub: the conduit instruction with immediate 0": "SMC-1",
    "explorer/questions/hibernation.py and model/scenarios/hibernation.py: a guest, its host and the next boot": (
        "OFF2-15 OFF2-16 OFF2-17 OFF2-21 OFF2-22 OFF2-23 OFF2-24 OFF2-25"
    ),
}
"""Facts that something else holds implementations or the rules to, by the place that does."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What the model does not speak about, and why."""

    name: str
    reason: str
    facts: str


OUTSIDE: tuple[Subject, ...] = (
    Subject(
        "caches and coherency", "the model has one token for memory and no caches; no call's answer depends on them",
        "MEMP-9 MEMC-5 CPU_SUSPEND-17 CPU_OFF-9 CPU_ON-14 OFF-10 PD-11 ENTRY-10 OSI-20",
    ),
    Subject(
        "registers and devices of a core",
        "neither a call nor a trace event shows them; the oracle checks those that one can show",
        "ENTRY-3 ENTRY-4 ENTRY-6 ENTRY-8 ENTRY-14 ENTRY-19 CTX-1 CTX-2 CTX-3 CTX-4 CTX-5 CTX-6 CTX-7 "
        "CTX-8",
    ),
    Subject(
        "how levels of software hand a call on",
        "the model is one implementation as its caller sees it; composition is a separate reader",
        "CPU_SUSPEND-19 ENTRY-16 ENTRY-17 ENTRY-20 SMC-13 SMC-15 SMC-16 SMC-21",
    ),
    Subject(
        "inside of the Secure world",
        "how firmware and Trusted OS talk to each other is not visible to a Normal-world caller",
        "CPU_OFF-5 CPU_OFF-16 MIGRATE-14 MIG_CPU-6 OFF-7 TOS-4 TOS-9 TOS-10",
    ),
    Subject(
        "firmware tables", "ACPI and FDT tell the caller; a profile is the model's form of what they say",
        "PSTATE-13 HWSTATE-7 SMC-20",
    ),
    Subject(
        "hardware: power, heat, wakeup sources",
        "duties of the platform that no sequence of calls can show to be broken",
        "FREEZE-5 FREEZE-6 DSUSP-6 SM-26 PD-9",
    ),
    Subject(
        "what an implementation keeps for itself",
        "data in non-volatile storage and error syndromes are not read by any call",
        "OFF-8 RESET2-12",
    ),
    Subject(
        "duties and habits of the caller", "no answer of the implementation depends on whether they are kept",
        "CPU_SUSPEND-16 CPU_SUSPEND-22 CPU_SUSPEND-30 CPU_OFF-6 CPU_OFF-8 CPU_ON-3 AFF-9 MIGRATE-9 MIG_CPU-4 OFF-5"
        " OFF-6 RESET2-11 FREEZE-8 FREEZE-12 SYSSUSP-8 SYSSUSP-14 MODE-8 STAT-14",
    ),
    Subject(
        "named implementations", "behaviour of one implementation is not a rule; a peer's profile and quirks hold it",
        "AFF-14 OFF-11 SYSSUSP-13 SMC-6 SMC-10",
    ),
    Subject(
        "background", "a reason, a purpose, a numbering or a date",
        "FEAT-8 VERSION-4 FREEZE-11 REV-0 REV-16 REV-17",
    ),
)
"""What is left out, by subject."""
# fmt: on


@dataclass(frozen=True, slots=True)
class FactEntry:
    """What becomes of one fact."""

    fact: Fact
    kind: str
    where: tuple[str, ...]
    """Rules, readings or places; the subject, for a fact that is out of scope."""
    reason: str = ""


@cache
def account(specification: Specification = SPECIFICATION) -> Mapping[str, FactEntry]:
    """What becomes of every fact that has an entry, by its id."""
    found = {fact: FactEntry(FACTS[fact], MODELLED, where) for fact, where in citations(specification).items()}
    for place, facts in BESIDE_RULES.items():
        for fact in facts.split():
            found.setdefault(fact, FactEntry(FACTS[fact], MODELLED, (place,)))
    for place, facts in ELSEWHERE.items():
        for fact in facts.split():
            found.setdefault(fact, FactEntry(FACTS[fact], CHECKED, (place,)))
    for subject in OUTSIDE:
        for fact in subject.facts.split():
            found.setdefault(fact, FactEntry(FACTS[fact], OUT_OF_SCOPE, (subject.name,), subject.reason))
    return {fact: found[fact] for fact in FACTS if fact in found}


def citations(specification: Specification = SPECIFICATION) -> Mapping[str, tuple[str, ...]]:
    """The rules, PSCI_FEATURES answers and readings that cite each fact."""
    found: dict[str, list[str]] = {}
    for name, cites in _citing(specification):
        for fact in cites:
            found.setdefault(fact, []).append(name)
    return {fact: tuple(dict.fromkeys(names)) for fact, names in found.items()}


def _citing(specification: Specification) -> Iterator[tuple[str, tuple[str, ...]]]:
    for rule in specification.every_rule():
        yield rule.name, rule.cites
    for call in specification.calls:
        for answer in call.declared_answers:
            yield f"PSCI_FEATURES of {call.name}", answer.cites
    for reading in READINGS.values():
        # a property stands beside a reading to say what the reading gives up, not because the reading states it
        yield f"reading {reading.name}", tuple(fact for fact in reading.cites if not fact.startswith("PROP-"))


def tables() -> Iterator[tuple[str, str]]:
    """Every entry of the tables of this module: where it stands, and the fact."""
    for place, facts in (*BESIDE_RULES.items(), *ELSEWHERE.items()):
        yield from ((place, fact) for fact in facts.split())
    for subject in OUTSIDE:
        yield from ((subject.name, fact) for fact in subject.facts.split())


def counts(entries: Mapping[str, FactEntry]) -> Mapping[str, int]:
    """How many facts are of each kind."""
    return {kind: sum(entry.kind == kind for entry in entries.values()) for kind in KINDS}
