"""The solver finds what was broken on purpose, in every state that the invariants leave."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from psci.cli import main
from psci.model.language.terms import FALSE
from psci.model.specification import SPECIFICATION, Specification
from psci.model.tables.versions import V1_3
from psci.proofs.encoding.rules import owner_named
from psci.proofs.questions.consistency import (
    AMBIGUITY,
    DEAD,
    FEATURES,
    GAP,
    ConsistencyFinding,
    Rules,
    ambiguities,
    dead_rules,
    features,
    gaps,
    redundant_rules,
)

SCHEMAS = Path(main.__file__).with_name("schemas")


def rules_of(name: str, specification: Specification = SPECIFICATION) -> Rules:
    return Rules(owner_named(specification, name), specification, V1_3)


def without(name: str) -> Specification:
    return SPECIFICATION.replacing(SPECIFICATION.rule(name))


def test_a_dropped_success_is_a_gap_with_an_example_that_the_stepper_confirms() -> None:
    (gap,) = gaps(rules_of("SYSTEM_OFF2", without("SYSTEM_OFF2.hibernate")))
    assert (gap.kind, gap.subject, gap.counts) == (GAP, "SYSTEM_OFF2", True)
    assert gap.versions == ("1.3",)
    assert gap.example[-1] == "the stepper allows: nothing"


@pytest.mark.parametrize("name", ["CPU_ON", "CPU_SUSPEND", "AFFINITY_INFO", "SYSTEM_OFF2", "PSCI_SET_SUSPEND_MODE"])
def test_version_1_3_has_no_gap(name: str) -> None:
    assert list(gaps(rules_of(name))) == []


def test_two_obligatory_refusals_are_an_ambiguity_with_an_example() -> None:
    found = {finding.subject: finding for finding in ambiguities(rules_of("CPU_ON"))}
    both = found["CPU_ON.entry_unusable, CPU_ON.already_on"]
    assert both.kind == AMBIGUITY
    assert not both.counts
    assert both.example[-1] == "the stepper allows: CPU_ON.already_on, CPU_ON.entry_unusable"


def test_a_rule_that_never_applies_is_dead_and_counts() -> None:
    rule = SPECIFICATION.rule("CPU_OFF.trusted_os_resident")
    changed = SPECIFICATION.replacing(rule, replace(rule, guard=FALSE))
    (finding,) = [f for f in dead_rules(rules_of("CPU_OFF", changed)) if f.counts]
    assert (finding.kind, finding.subject) == (DEAD, "CPU_OFF.trusted_os_resident")


def test_a_rule_made_for_every_function_is_dead_for_the_mandatory_ones_and_explained() -> None:
    found = [finding for finding in dead_rules(rules_of("PSCI_FEATURES")) if finding.kind == DEAD]
    assert "PSCI_FEATURES.CPU_ON_absent" in {finding.subject for finding in found}
    assert not any(finding.counts for finding in found)


def test_a_rule_said_twice_is_redundant() -> None:
    rule = SPECIFICATION.rule("SYSTEM_OFF2.cookie_set")
    twice = SPECIFICATION.adding(replace(rule, name="SYSTEM_OFF2.cookie_set_again"))
    found = {finding.subject for finding in redundant_rules(rules_of("SYSTEM_OFF2", twice))}
    assert found == {"SYSTEM_OFF2.cookie_set", "SYSTEM_OFF2.cookie_set_again"}


def test_features_that_deny_a_function_that_is_there_are_found() -> None:
    rule = SPECIFICATION.rule("PSCI_FEATURES.SYSTEM_OFF2_absent")
    changed = SPECIFICATION.replacing(rule, replace(rule, guard=~rule.guard))
    found = [finding for finding in features(changed, V1_3) if finding.subject == "SYSTEM_OFF2"]
    assert {finding.kind for finding in found} == {FEATURES}


def test_features_agree_with_presence() -> None:
    assert list(features(SPECIFICATION, V1_3)) == []


def test_the_document_of_rules_keeps_to_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["rules", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, json.loads((SCHEMAS / "rules.json").read_text()))
    assert len(document["rules"]) == len(list(SPECIFICATION.every_rule()))


def test_a_rule_is_shown_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["rules", "SYSTEM_OFF2.cookie_set"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "SYSTEM_OFF2.cookie_set  (DEN0022 5.1.10)",
        "  The cookie is reserved and must be zero.",
        "  must refuse with INVALID_PARAMETERS; the call returns",
        "  versions 1.3-F to 1.3; facts OFF2-6, OFF2-8",
        "  sections of DEN0022: 5.1.10, 5.11.3",
        "  where cookie != 0x0",
        "  changes nothing",
    ]


def test_a_fact_lists_the_rules_that_cite_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["rules", "OFF2-8", "--json"]) == 0
    rules = json.loads(capsys.readouterr().out)["rules"]
    assert {rule["name"] for rule in rules} >= {"SYSTEM_OFF2.cookie_set", "SYSTEM_OFF2.type_unknown"}
    assert all("OFF2-8" in rule["cites"] for rule in rules)


def test_an_unknown_rule_lists_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["rules", "CPU_ON.acepted"]) == 2
    assert "CPU_ON.accepted" in capsys.readouterr().err


def test_an_explained_finding_does_not_count() -> None:
    assert ConsistencyFinding(DEAD, "X.y", "").counts
    assert not ConsistencyFinding(DEAD, "X.y", "", reason="it is made for every function").counts
