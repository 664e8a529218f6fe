"""Every fact of DEN0022 is accounted for, once."""

from __future__ import annotations

import json
from collections import Counter

import jsonschema
from click.testing import CliRunner
from house import ROOT

from psci.cli.specification.facts_covered import (
    CHECKED,
    KINDS,
    MODELLED,
    OUT_OF_SCOPE,
    OUTSIDE,
    account,
    citations,
    counts,
    tables,
)
from psci.cli.specification.rules import command
from psci.model.tables.facts import FACTS

BINDING = {"M", "P", "I", "D"}
# No call, state, code, mode, node, memory protection or residency: these may be left out although they bind.
NOT_ABOUT_CALLS = {
    "caches and coherency": "MEMP-9 MEMC-5 CPU_SUSPEND-17 CPU_OFF-9 CPU_ON-14 ENTRY-10 PD-11 OSI-20",
    "registers and devices of a core": "ENTRY-3 ENTRY-6 ENTRY-8 ENTRY-14 CTX-3 CTX-4",
    "how levels of software hand a call on": "CPU_SUSPEND-19 ENTRY-20 SMC-13 SMC-21",
    "inside of the Secure world": "CPU_OFF-5 CPU_OFF-16 MIGRATE-14 MIG_CPU-6 OFF-7",
    "firmware tables": "HWSTATE-7 PSTATE-13",
    "hardware: power, heat, wakeup sources": "FREEZE-5 FREEZE-6 DSUSP-6",
    "what an implementation keeps for itself": "OFF-8 RESET2-12",
    "duties and habits of the caller": "CPU_ON-3 FREEZE-12",
}


def test_every_fact_has_an_entry() -> None:
    assert set(FACTS) - set(account()) == set()


def test_every_entry_is_a_fact_and_stands_in_one_place() -> None:
    listed = Counter(fact for _, fact in tables())
    assert [fact for fact, times in listed.items() if fact not in FACTS or times > 1 or fact in citations()] == []


def test_the_counts_by_kind() -> None:
    assert counts(account()) == {MODELLED: 362, CHECKED: 36, OUT_OF_SCOPE: 78}


def test_binding_facts_that_are_left_out_are_not_about_calls_or_states() -> None:
    left_out: dict[str, set[str]] = {}
    for id, entry in account().items():
        if entry.kind == OUT_OF_SCOPE and BINDING & set(entry.fact.modalities):
            left_out.setdefault(entry.where[0], set()).add(id)
    assert left_out == {subject: set(ids.split()) for subject, ids in NOT_ABOUT_CALLS.items()}


def test_everything_left_out_has_a_reason() -> None:
    assert [subject.name for subject in OUTSIDE if not subject.reason or not subject.facts] == []


def test_places_that_are_named_exist() -> None:
    places = {place.partition(":")[0] for place, _ in tables()} - {
        subject.name.partition(":")[0] for subject in OUTSIDE
    }
    paths = {path for place in places for path in place.split(" and ")}
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_the_rules_command_prints_the_account() -> None:
    result = CliRunner().invoke(command, ["--json"], standalone_mode=False)
    document = json.loads(result.output)
    schema = json.loads((ROOT / "cli/schemas/rules.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)
    assert document["counts"] == dict(counts(account()))
    assert [entry["fact"] for entry in document["facts"]] == list(FACTS)
    assert {entry["kind"] for entry in document["facts"]} == set(KINDS)


def test_a_fact_that_no_rule_cites_can_be_asked_for() -> None:
    result = CliRunner().invoke(command, ["OFF-8"], standalone_mode=False)
    assert result.output.splitlines()[0].startswith("OFF-8            out of scope: what an implementation keeps")
