from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("rule_mutants", HERE / "rule_mutants.py")
assert SPEC is not None
assert SPEC.loader is not None
rule_mutants = importlib.util.module_from_spec(SPEC)
sys.modules["rule_mutants"] = rule_mutants
SPEC.loader.exec_module(rule_mutants)

KILLERS = json.loads(rule_mutants.TABLE.read_text(encoding="utf-8"))
TRACES = rule_mutants.shipped()
MUTANTS = {mutant.name: mutant for mutant in rule_mutants.mutants()}


def test_the_table_names_every_mutant_and_only_these() -> None:
    assert sorted(KILLERS) == sorted(MUTANTS), "run python tests/mutants/rule_mutants.py"


def test_only_mutants_of_rules_that_never_apply_survive() -> None:
    assert {name for name, trace in KILLERS.items() if trace is None} == set(rule_mutants.EQUIVALENT)


@pytest.mark.parametrize("name", sorted(set(MUTANTS) - set(rule_mutants.EQUIVALENT)))
def test_a_wrong_rule_changes_the_judgement_of_its_trace(name: str) -> None:
    events = TRACES[KILLERS[name]]
    assert rule_mutants.judgement(events, MUTANTS[name].specification()) != rule_mutants.judgement(events)
