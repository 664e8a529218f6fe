"""Every rule says which facts of DEN0022 it rests on, and those facts exist."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from house import ROOT, files

from psci.model.specification import SPECIFICATION
from psci.model.tables.facts import FACTS, MODALITIES


def test_there_are_476_facts_of_which_18_are_properties() -> None:
    assert len(FACTS) == 476
    assert sum(fact.family == "PROP" for fact in FACTS.values()) == 18


def test_facts_are_numbered_without_gaps() -> None:
    # SM-17 to SM-19 and REV-0 are as DEN0022's digest numbers them; CPU_SUSPEND-7 has two parts of its own.
    numbers: dict[str, list[int]] = {}
    for fact in FACTS.values():
        numbers.setdefault(fact.family, []).append(int(re.sub(r"\D", "", fact.id.rpartition("-")[2])))
    gaps = {family: sorted(set(range(1, max(found) + 1)) - set(found)) for family, found in numbers.items()}
    assert {family: gap for family, gap in gaps.items() if gap} == {"SM": [17, 18, 19]}


def test_every_fact_has_a_modality() -> None:
    assert {
        fact.id for fact in FACTS.values() if not fact.modalities or not set(fact.modalities) <= set(MODALITIES)
    } == set()


def test_every_obligation_has_a_section() -> None:
    # Facts about other documents (SMCCC) and about issues of DEN0022 are not said in a section of F.b.
    assert [fact.id for fact in FACTS.values() if "M" in fact.modalities and not fact.sections] == []


def test_every_rule_cites_facts_that_exist() -> None:
    cited = {rule.name: rule.cites for rule in SPECIFICATION.every_rule()}
    cited |= {f"{call.name} (PSCI_FEATURES)": a.cites for call in SPECIFICATION.calls for a in call.answers()}
    wrong = {name: [fact for fact in cites if fact not in FACTS] for name, cites in cited.items()}
    assert {name: facts for name, facts in wrong.items() if facts or not cited[name]} == {}


def test_no_rule_cites_a_fact_twice() -> None:
    repeated = {rule.name: [f for f, n in Counter(rule.cites).items() if n > 1] for rule in SPECIFICATION.every_rule()}
    assert {name: facts for name, facts in repeated.items() if facts} == {}


def test_every_citation_in_the_sources_exists() -> None:
    sources = [path for path in files() if path.suffix == ".py" and "tests" not in path.relative_to(ROOT).parts]
    assert [
        f"{path.relative_to(ROOT)}: {fact}" for path in sources for fact in cited_in(path) if fact not in FACTS
    ] == []


def cited_in(path: Path) -> list[str]:
    """The literal strings of every `cites=(...)` in a source: rules, properties and the quirks of peers."""
    calls = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
    given = (keyword.value for call in calls for keyword in call.keywords if keyword.arg == "cites")
    return [
        node.value
        for value in given
        for node in ast.walk(value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
