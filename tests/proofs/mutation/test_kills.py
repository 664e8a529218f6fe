"""Changed rules are noticed: by a consistency check, a property or a trace; or they are proved to change nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from house import ROOT

from psci.cli import main
from psci.cli.proofs.mutants import SavedMutants, argued, judgement
from psci.model.errors import InputError
from psci.model.specification import SPECIFICATION
from psci.oracle.traces.file import read_trace
from psci.proofs.encoding.queries import SolverVerdict
from psci.proofs.methods.induction import prove
from psci.proofs.methods.search import search
from psci.proofs.mutation.kills import (
    CONSISTENCY,
    DISTINGUISHABLE,
    EQUIVALENT,
    KILLERS,
    PROPERTY,
    SHIPPED,
    SURVIVES,
    MutantNoticed,
    Watchers,
    can_differ,
    fails,
)
from psci.proofs.mutation.mutants import Mutant, mutants, sample
from psci.proofs.mutation.survivors import ARGUMENTS
from psci.proofs.questions.separation import Runs
from psci.proofs.replay.platform import SHAPE
from psci.proofs.suite import THREE, property_named, translations
from psci.properties import PROPERTIES
from psci.properties.language import ClaimKind

SCHEMAS = Path(main.__file__).with_name("schemas")
TRACES = ROOT / "tests" / "oracle" / "traces"
OPERATORS = {
    "drop rule", "drop conjunct", "negate guard", "swap value", "flip modality", "change code", "drop update",
    "swap fields", "weaken since", "widen update", "drop inner conjunct", "caller for target", "target for caller",
    "wrong ancestor", "drop family",
}  # fmt: skip


@cache
def by_name() -> dict[str, Mutant]:
    return {mutant.name: mutant for mutant in mutants()}


@cache
def watch() -> Watchers:
    return Watchers(judgement, Runs(), {}, every_property=False)


def test_there_are_many_mutants_of_every_kind() -> None:
    assert len(mutants()) >= 2600
    assert {mutant.operator for mutant in mutants()} == OPERATORS
    assert len(by_name()) == len(mutants())


def test_the_sample_is_always_the_same() -> None:
    assert [m.name for m in sample(10)] == [m.name for m in sample(10)]


@pytest.mark.parametrize("mutant", sample(8), ids=lambda mutant: mutant.name)
def test_a_mutant_of_the_sample_is_noticed_or_equivalent(mutant: Mutant) -> None:
    assert watch().look_at(mutant).by in (*KILLERS, DISTINGUISHABLE, EQUIVALENT)


@pytest.mark.parametrize(
    ("name", "by", "properties"),
    [
        ("CPU_ON.accepted: drop update of context", PROPERTY, ("ENTRIES",)),
        ("CPU_ON.accepted: swap fields entry and context", PROPERTY, ("ENTRIES",)),
        ("CPU_OFF.turned_off: drop update of activity", PROPERTY, ("STATES",)),
        ("START.initialised: drop rule", PROPERTY, ("PROP-15",)),
        ("SYSTEM_OFF2.hibernate: drop rule", CONSISTENCY, ()),
        ("BOOT.cold_boot: weaken since to 0.2", CONSISTENCY, ()),
        ("PSCI_FEATURES.CPU_ON_absent: flip modality", EQUIVALENT, ()),
        ("SYSTEM_OFF2.cookie_set: drop rule", PROPERTY, ("REFINES-1.3-F",)),
        ("CPU_ON.on_pending: drop conjunct 1", PROPERTY, ("REASONS",)),
    ],
)
def test_what_notices_a_mutant(name: str, by: str, properties: tuple[str, ...]) -> None:
    noticed = watch().look_at(by_name()[name])
    assert (noticed.by, noticed.properties) == (by, properties)


def test_a_shipped_trace_comes_before_a_generated_one() -> None:
    shipped = {path.stem: tuple(read_trace(path)) for path in TRACES.glob("*cookie*.ndjson")}
    assert shipped
    noticed = replace(watch(), shipped=shipped, properties=()).look_at(by_name()["SYSTEM_OFF2.cookie_set: drop rule"])
    assert noticed.by == SHIPPED
    assert noticed.trace in shipped


def test_a_generated_trace_is_judged_as_it_should_by_the_rules_or_by_the_changed_ones() -> None:
    mutant = by_name()["SYSTEM_OFF2.cookie_set: drop rule"]
    events = replace(watch(), properties=()).look_at(mutant).events
    assert judgement(events, SPECIFICATION) != judgement(events, mutant.specification())


def test_what_a_version_does_not_have_makes_no_difference() -> None:
    assert not can_differ("CPU_ON", by_name()["CPU_ON.absent: drop rule"].specification())
    assert can_differ("CPU_ON", by_name()["CPU_ON.already_on: drop rule"].specification())


EACH = json.loads((ROOT / "tests" / "mutants" / "properties.json").read_text(encoding="utf-8"))
"""For each property a mutant that it notices."""


@pytest.mark.parametrize("name", sorted(EACH))
def test_each_property_notices_a_mutant(name: str) -> None:
    noticed = replace(watch(), properties=[property_named(name)]).broken_by(by_name()[EACH[name]])
    assert noticed == (name,)


TOGETHER = ("PSCI_FEATURES.MEM_PROTECT_implemented: drop conjunct 2", "PSCI_FEATURES.MEM_PROTECT_absent: drop rule")
"""NO-CLAIM is kept by two rules at each place."""
ORDER_BROKEN = "WAKEUP.standby_ends: drop update of node"
"""ORDER-PC follows from lemmas, so that no step of its own proof can fail: a run from boot shows it broken."""


SEEDED = ("LOCAL-MACHINE", "LOCAL-ASKING")
"""No operator adds to what a rule changes: tests/mutants/test_seeded_defects.py has a change that breaks each."""


def test_each_property_with_a_proof_has_a_change_that_breaks_it() -> None:
    proved = {prop.name for prop in PROPERTIES if prop.kind not in (ClaimKind.WITNESS, ClaimKind.EXPLORED)}
    assert proved == {*EACH, "NO-CLAIM", "ORDER-PC", *SEEDED}


def test_two_rules_together_keep_what_a_version_claims() -> None:
    claim = property_named("NO-CLAIM")
    one, other = (by_name()[name] for name in TOGETHER)
    for changed in (one.specification(), other.specification()):
        assert prove(claim, translations("any", changed)).verdict is SolverVerdict.PROVED
    both = other.specification(one.specification())
    done = prove(claim, translations("any", both), only_rule=one.old.name)
    assert [obligation.name for obligation, _ in done.failures()] == [one.old.name]
    assert done.verdict is SolverVerdict.REFUTED


def test_what_follows_from_lemmas_is_broken_by_a_run_from_boot() -> None:
    claim, changed = property_named("ORDER-PC"), by_name()[ORDER_BROKEN].specification()
    found = search(claim, 3, 3, changed, SHAPE, on_platform=True)
    assert found.verdict is SolverVerdict.REFUTED
    assert found.run is not None and found.run.replayed
    assert search(claim, 3, 3, topology=SHAPE, on_platform=True).verdict is not SolverVerdict.REFUTED


def test_only_a_rule_that_is_affected_is_asked_about() -> None:
    mutant = by_name()["CPU_ON.cannot_be_powered: drop rule"]
    assert not fails(property_named("PROP-2"), mutant, translations(THREE, mutant.specification()))


def test_every_mutant_changes_one_rule() -> None:
    mutant = by_name()["CPU_ON.accepted: drop rule"]
    assert len(list(mutant.specification().every_rule())) == len(list(SPECIFICATION.every_rule())) - 1


# ---- the command


def test_the_document_keeps_to_its_schema_and_results_are_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["prove", "PROP-2", "--mutants", "--sample", "2", "--jobs", "1", "-o", str(tmp_path), "--json"]
    first = main.run(arguments), json.loads(capsys.readouterr().out)
    jsonschema.validate(first[1], json.loads((SCHEMAS / "mutants.json").read_text()))
    assert len((tmp_path / "mutants.jsonl").read_text().splitlines()) == 2
    again = main.run(arguments), json.loads(capsys.readouterr().out)
    assert again == first


def test_a_line_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    saved = SavedMutants(tmp_path)
    saved.add(MutantNoticed("one", "drop rule", EQUIVALENT))
    with saved.file.open("a") as file:
        file.write('{"mutant": "tw')
    assert list(saved.results()) == ["one"]


def test_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mutants.jsonl").write_text('{"a": 1}\n{"b": 2}\n')
    with pytest.raises(InputError, match=r"mutants.jsonl:1: no result of a mutant"):
        SavedMutants(tmp_path).results()


def test_a_folder_without_traces_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main.run(["prove", "--mutants", "--sample", "1", "--traces", str(tmp_path)]) == 2
    assert "there is no trace" in capsys.readouterr().err


def test_each_argument_is_about_a_mutant_and_is_told() -> None:
    for patterns, why in ARGUMENTS:
        for pattern in patterns:
            names = [name for name in by_name() if fnmatchcase(name, pattern)]
            assert names, pattern
            assert argued(MutantNoticed(names[0], "", SURVIVES)).reason == why
    assert argued(MutantNoticed("CPU_ON.accepted: drop rule", "", SURVIVES, reason="open")).reason == "open"
