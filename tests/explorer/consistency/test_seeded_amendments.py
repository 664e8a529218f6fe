"""Forty and more amendments, each a mistake that an author can make, and the finding that tells of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import pytest

from psci.explorer.consistency.checking import CheckQuestion, owners_of, redundant, unused
from psci.explorer.consistency.conflicts import refuted
from psci.explorer.consistency.discovery import features_against_behaviour
from psci.explorer.consistency.findings import RulesFinding
from psci.explorer.consistency.prototypes import prototypes
from psci.explorer.consistency.settings import ENDS, DeclaredSetting, ordinary, others
from psci.explorer.consistency.walk import Walk
from psci.model.language.sorts import U64
from psci.model.language.terms import TRUE, Const, negation
from psci.model.specification import SPECIFICATION, Specification
from psci.model.tables.codes import (
    ALREADY_ON,
    DENIED,
    INVALID_PARAMETERS,
    NOT_PRESENT,
    Code,
)
from psci.model.tables.versions import V0_1, V0_2, V1_0, V1_1, V1_3, Version
from psci.properties.claims import CLAIMS

Change = Callable[[Specification], Specification]


def dropped(name: str) -> Change:
    return lambda specification: specification.replacing(specification.rule(name))


def changed(name: str, **parts: object) -> Change:
    return lambda specification: specification.replacing(
        specification.rule(name),
        replace(specification.rule(name), **parts),  # type: ignore[arg-type]  # parts of a rule
    )


def widened(name: str) -> Change:
    return changed(name, guard=TRUE)


def answering(name: str, code: Code) -> Change:
    return changed(name, code=code, value=Const(code.word(64), U64))


def beside(name: str, code: Code, cites: tuple[str, ...] = ("RET-1",)) -> Change:
    """A second rule with the same condition and another code."""

    def add(specification: Specification) -> Specification:
        value = Const(code.word(64), U64)
        again = replace(specification.rule(name), name=f"{name}_too", code=code, value=value, cites=cites)
        return specification.adding(again)

    return add


def without_guard_effect(name: str) -> Change:
    from psci.model.language.effects import NOTHING

    return changed(name, effect=NOTHING)


@dataclass(frozen=True)
class Seed:
    """One mistake, where it is looked for, and the id of the finding."""

    change: Change
    finding: str
    owners: tuple[str, ...] = ()
    declared: str = ""
    version: Version = V1_3
    ask: str = "walk"
    without: frozenset[str] = ENDS


def gap(name: str) -> Seed:
    owner = name.partition(".")[0]
    return Seed(dropped(name), f"gap.{owner}.no-answer", (owner,))


def proto(change: Change, finding: str, version: Version = V1_3) -> Seed:
    return Seed(change, f"prototype.{finding}", version=version, ask="prototypes")


def claim(change: Change, finding: str) -> Seed:
    return Seed(change, f"conflict.{finding}", ask="claim")


SEEDS: dict[str, Seed] = {
    # a clause dropped
    "CPU_ON has no success": gap("CPU_ON.accepted"),
    "CPU_ON has no answer to a bad target": gap("CPU_ON.target_invalid"),
    "CPU_ON has no answer to a core that is ON": gap("CPU_ON.already_on"),
    "CPU_ON has no answer to a core that is ON_PENDING": gap("CPU_ON.on_pending"),
    "CPU_OFF has no success": gap("CPU_OFF.turned_off"),
    "CPU_FREEZE has no success": gap("CPU_FREEZE.frozen"),
    "AFFINITY_INFO does not know ON": gap("AFFINITY_INFO.on"),
    "AFFINITY_INFO does not know ON_PENDING": gap("AFFINITY_INFO.on_pending"),
    "AFFINITY_INFO does not know OFF": gap("AFFINITY_INFO.off"),
    "AFFINITY_INFO has no answer to an absent core": gap("AFFINITY_INFO.instance_absent"),
    "SYSTEM_OFF has no success": gap("SYSTEM_OFF.off"),
    "SYSTEM_RESET has no success": gap("SYSTEM_RESET.reset"),
    "SYSTEM_OFF2 has no success": gap("SYSTEM_OFF2.hibernate"),
    "SYSTEM_RESET2 has no warm reset": gap("SYSTEM_RESET2.warm_reset"),
    "SYSTEM_SUSPEND has no success": Seed(
        lambda s: dropped("SYSTEM_SUSPEND.early_return")(dropped("SYSTEM_SUSPEND.suspended")(s)),
        "gap.SYSTEM_SUSPEND.no-answer", ("SYSTEM_SUSPEND",)),
    "MEM_PROTECT has no success": gap("MEM_PROTECT.switched"),
    "MIGRATE_INFO_TYPE has no success": gap("MIGRATE_INFO_TYPE.kind"),
    "NODE_HW_STATE does not know a node that runs": gap("NODE_HW_STATE.running"),
    "the mode cannot stay as it is": gap("PSCI_SET_SUSPEND_MODE.mode_unchanged"),
    "a Trusted OS that is elsewhere is forgotten": Seed(
        dropped("MIGRATE.not_resident"), "gap.MIGRATE.no-answer", ("MIGRATE",), "trusted_os = UP_MIGRATABLE"),
    # a guard widened
    "ON_PENDING for every core": Seed(
        widened("CPU_ON.on_pending"), "order.CPU_ON.CPU_ON-6.CPU_ON-7", ("CPU_ON",)),
    "every target is invalid": Seed(widened("CPU_ON.target_invalid"), "dead.CPU_ON.accepted", ("CPU_ON",), ask="dead"),
    "SYSTEM_SUSPEND is always refused": Seed(
        widened("SYSTEM_SUSPEND.other_core_not_off"), "dead.SYSTEM_SUSPEND.suspended", ("SYSTEM_SUSPEND",), ask="dead"),
    "every type is unknown": Seed(
        widened("SYSTEM_OFF2.type_unknown"), "dead.SYSTEM_OFF2.hibernate", ("SYSTEM_OFF2",), ask="dead"),
    "no instance exists": Seed(
        widened("AFFINITY_INFO.instance_absent"), "dead.AFFINITY_INFO.off", ("AFFINITY_INFO",), ask="dead"),
    "success beside every refusal": Seed(
        changed("MEM_PROTECT_CHECK_RANGE.not_protected", guard=TRUE),
        "dead.MEM_PROTECT_CHECK_RANGE.protected", ("MEM_PROTECT_CHECK_RANGE",), ask="dead"),
    # a code contradicted
    "ALREADY_ON and DENIED": Seed(
        beside("CPU_ON.already_on", DENIED), "order.CPU_ON.CPU_ON-6.RET-1", ("CPU_ON",)),
    "INVALID_PARAMETERS and NOT_PRESENT for a bad target": Seed(
        beside("CPU_ON.target_invalid", NOT_PRESENT), "order.CPU_ON.CPU_ON-4.RET-1", ("CPU_ON",)),
    "two codes for the cookie": Seed(
        beside("SYSTEM_OFF2.cookie_set", DENIED), "order.SYSTEM_OFF2.OFF2-6.RET-1", ("SYSTEM_OFF2",)),
    "two codes for a bad mode": Seed(
        beside("PSCI_SET_SUSPEND_MODE.mode_invalid", DENIED), "order.PSCI_SET_SUSPEND_MODE.MODE-2.RET-1",
        ("PSCI_SET_SUSPEND_MODE",)),
    "two codes for an absent instance": Seed(
        beside("AFFINITY_INFO.instance_absent", NOT_PRESENT), "order.AFFINITY_INFO.AFF-6.RET-1", ("AFFINITY_INFO",)),
    "two codes for another core that is ON": Seed(
        beside("SYSTEM_SUSPEND.other_core_not_off", ALREADY_ON), "order.SYSTEM_SUSPEND.RET-1.SYSSUSP-3",
        ("SYSTEM_SUSPEND",)),
    "CPU_OFF answers ALREADY_ON": proto(
        answering("CPU_OFF.trusted_os_resident", ALREADY_ON), "CPU_OFF.ALREADY_ON.unlisted"),
    "CPU_OFF never answers DENIED": proto(
        answering("CPU_OFF.trusted_os_resident", ALREADY_ON), "CPU_OFF.DENIED.never"),
    "CPU_FREEZE is not denied": proto(dropped("CPU_FREEZE.trusted_os_resident"), "CPU_FREEZE.DENIED.never"),
    "SYSTEM_OFF2 is denied": proto(answering("SYSTEM_OFF2.cookie_set", DENIED), "SYSTEM_OFF2.DENIED.unlisted"),
    "NODE_HW_STATE answers NOT_PRESENT": proto(
        answering("NODE_HW_STATE.node_absent", NOT_PRESENT), "NODE_HW_STATE.NOT_PRESENT.unlisted"),
    "MEM_PROTECT_CHECK_RANGE answers INVALID_PARAMETERS": proto(
        answering("MEM_PROTECT_CHECK_RANGE.not_protected", INVALID_PARAMETERS),
        "MEM_PROTECT_CHECK_RANGE.INVALID_PARAMETERS.unlisted"),
    "no physical reason is given": proto(
        lambda s: dropped("CPU_ON.target_disabled")(dropped("CPU_ON.cannot_be_powered")(s)),
        "CPU_ON.INTERNAL_FAILURE.never"),
    "nothing is pending": proto(answering("CPU_ON.on_pending", ALREADY_ON), "CPU_ON.ON_PENDING.never"),
    # a version forgotten
    "INVALID_ADDRESS already in 0.2": proto(
        changed("CPU_ON.entry_unusable", since=V0_2), "CPU_ON.INVALID_ADDRESS.unlisted", V0_2),
    "INVALID_ADDRESS of CPU_SUSPEND already in 0.2": proto(
        changed("CPU_SUSPEND.entry_unusable_or_unused", since=V0_2), "CPU_SUSPEND.INVALID_ADDRESS.unlisted", V0_2),
    "NOT_PRESENT already in 0.1": proto(
        changed("MIGRATE.not_resident", since=V0_1), "MIGRATE.NOT_PRESENT.unlisted", V0_1),
    "the errata's codes stay": proto(
        changed("CPU_ON.denied_in_0_1", until=V1_0), "CPU_ON.DENIED.unlisted", V1_0),
    "INTERNAL_FAILURE already in 0.1": proto(
        changed("CPU_ON.cannot_be_powered", since=V0_1), "CPU_ON.INTERNAL_FAILURE.unlisted", V0_1),
    "SYSTEM_RESET2 is never refused in 1.1": Seed(
        changed("SYSTEM_RESET2.warm_reset", since=V1_3), "gap.SYSTEM_RESET2.no-answer",
        ("SYSTEM_RESET2",), version=V1_1),
    # an answer of PSCI_FEATURES broken
    "PSCI_FEATURES says nothing of SYSTEM_OFF2": Seed(
        lambda s: s.replacing(next(r for r in s.rules["PSCI_FEATURES"]
                                   if r.name == "PSCI_FEATURES.SYSTEM_OFF2_implemented" and r.applies_to(V1_3))),
        "gap.PSCI_FEATURES.no-answer", ("PSCI_FEATURES",)),
    "PSCI_FEATURES denies CPU_FREEZE": Seed(
        widened("PSCI_FEATURES.CPU_FREEZE_absent"), "discovery.CPU_FREEZE.features.denies", ask="features"),
    "PSCI_FEATURES denies MEM_PROTECT": Seed(
        changed("PSCI_FEATURES.MEM_PROTECT_absent",
                guard=negation(SPECIFICATION.rule("PSCI_FEATURES.MEM_PROTECT_absent").guard)),
        "discovery.MEM_PROTECT.features.denies", ask="features"),
    "CPU_FREEZE is reported and absent": Seed(
        lambda s: s.adding(replace(s.rule("CPU_FREEZE.absent"), name="CPU_FREEZE.never_there", guard=TRUE)),
        "discovery.CPU_FREEZE.features.reports", ask="features"),
    # a promise of one fact against another
    "a core turns off under its Trusted OS": claim(dropped("CPU_OFF.trusted_os_resident"), "MIGRATE-12.CPU_OFF-3"),
    "a started core stays OFF for AFFINITY_INFO": claim(
        changed("AFFINITY_INFO.off", guard=TRUE), "AFF-13.CPU_ON-6"),
    "SYSTEM_OFF2 is denied while others run": claim(
        answering("SYSTEM_OFF2.cookie_set", DENIED), "OFF2-19.OFF2-7"),
    "SYSTEM_SUSPEND while the resident core is ON": claim(
        dropped("SYSTEM_SUSPEND.other_core_not_off"), "SYSSUSP-11.CPU_OFF-3"),
    # a rule said twice
    "the cookie is said twice": Seed(
        lambda s: s.adding(replace(s.rule("SYSTEM_OFF2.cookie_set"), name="SYSTEM_OFF2.cookie_again")),
        "redundant.SYSTEM_OFF2.cookie_again", ("SYSTEM_OFF2",), ask="redundant"),
    "the target is said twice": Seed(
        lambda s: s.adding(replace(s.rule("CPU_ON.target_invalid"), name="CPU_ON.target_again")),
        "redundant.CPU_ON.target_again", ("CPU_ON",), ask="redundant"),
}  # fmt: skip


def setting_of(seed: Seed) -> DeclaredSetting:
    base = ordinary(seed.version, 2)
    symbol = seed.declared.partition(" ")[0]
    return next(one for one in others(base, (symbol,)) if one.differs == seed.declared) if symbol else base


def asked(seed: Seed, specification: Specification) -> set[str]:
    """The ids of what is found in the place where the seed is looked for."""
    found: list[RulesFinding]
    match seed.ask:
        case "prototypes":
            found = list(prototypes(specification, seed.version))
        case "features":
            found = list(features_against_behaviour(specification, seed.version))
        case "claim":
            fact = seed.finding.split(".")[1]
            claims = [claim for claim in CLAIMS if claim.cites[0] == fact]
            found = [f for f in (refuted(specification, seed.version, claim) for claim in claims) if f is not None]
        case _:
            walk = Walk(setting_of(seed), specification, seed.owners, limit=150 if not seed.declared else 600)
            found = list(walk.findings())
            question = CheckQuestion(specification, seed.version)
            if seed.ask == "dead":
                found += unused(question, walk.used, owners_of(question), (seed.finding.partition(".")[2],))
            if seed.ask == "redundant":
                found += redundant(question, walk.used, walk.alone)
    return {finding.id for finding in found}


@pytest.mark.parametrize("name", SEEDS)
def test_a_seeded_mistake_is_found_and_was_not_there_before(name: str) -> None:
    seed = SEEDS[name]
    assert seed.finding in asked(seed, seed.change(SPECIFICATION))
    looked_for = seed.finding if seed.ask in ("claim", "dead") else ""
    assert seed.finding not in before(seed.ask, seed.owners, seed.declared, seed.version, looked_for)


@cache
def before(ask: str, owners: tuple[str, ...], declared: str, version: Version, finding: str) -> frozenset[str]:
    """What is found in the rules as they are; shared by the seeds that are looked for in the same place."""
    return frozenset(asked(Seed(lambda s: s, finding, owners, declared, version, ask), SPECIFICATION))


def test_there_are_forty_seeds_and_more() -> None:
    assert len(SEEDS) == 56
