"""Invariants are found without those that people wrote; where templates are missing, or a rule is wrong, none are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import jsonschema
import pytest

from psci.cli import main
from psci.cli.proofs.strengthen import lines
from psci.model.language.terms import show
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.state import STATE
from psci.proofs.encoding.queries import SolverVerdict
from psci.proofs.strengthening import houdini
from psci.proofs.strengthening.candidates import AT_CORE, SIMPLE, CandidateShape, CandidateVariable, Point
from psci.proofs.strengthening.generalisation import joined
from psci.proofs.strengthening.pipeline import Counts, Strengthening, bare, strengthen
from psci.proofs.suite import property_named

SCHEMA = Path(main.__file__).with_name("schemas") / "strengthen.json"
ONLY_ON_CORES_DO_ANYTHING = "every Core c0: power(c0) != ON implies activity(c0) == STOPPED"
FOUND = {
    "PROP-2": ((ONLY_ON_CORES_DO_ANYTHING,), Counts(187, 157, 29, 8, 8)),
    "PROP-3": (
        (
            ONLY_ON_CORES_DO_ANYTHING,
            "every Core c0: power(c0) == OFF implies not PROP-3.started(c0)",
            "every Core c0: activity(c0) == FROZEN implies not PROP-3.started(c0)",
        ),
        Counts(201, 167, 31, 10, 10),
    ),
}
"""What is needed for some properties, and what became of the candidates."""


@pytest.mark.parametrize("name", FOUND)
def test_what_is_needed_is_found_and_nothing_else(name: str) -> None:
    found = strengthen(property_named(name))
    assert (found.verdict, found.cores) == (SolverVerdict.PROVED, ("any", "3"))
    assert (found.invariants, found.counts) == FOUND[name]
    assert (found.failed, found.run) == ("", "")


def test_what_needs_no_invariants_gets_none() -> None:
    found = strengthen(property_named("PROP-17"))
    assert (found.verdict, found.invariants, found.counts) == (SolverVerdict.PROVED, (), Counts())


def test_without_the_template_that_is_needed_nothing_is_proved() -> None:
    families = [family for family in SIMPLE if family != "pairs"]
    found = strengthen(property_named("PROP-2"), families=families, depth=2)
    assert (found.verdict, found.cores, found.invariants) == (SolverVerdict.UNKNOWN, (), ())
    assert (found.failed, found.run) == ("CPU_OFF.turned_off", "")


@pytest.mark.parametrize("name", ["PROP-2"])
def test_a_property_that_a_changed_rule_breaks_is_refuted_by_a_run(
    name: str, change: tuple[str, Callable[[], Specification]]
) -> None:
    rule, changed = change
    found = strengthen(property_named(name), changed(), depth=3)
    assert (found.verdict, found.cores, found.failed) == (SolverVerdict.REFUTED, (), rule)
    assert found.run.startswith(f"{name} is broken by {rule}: ")


def test_a_property_that_is_broken_beyond_the_search_is_not_proved() -> None:
    """The core of a Trusted OS turns itself off: a boot and one step more than the search takes."""
    rule = SPECIFICATION.rule("CPU_OFF.trusted_os_resident")
    found = strengthen(property_named("PROP-9"), SPECIFICATION.replacing(rule), SIMPLE, depth=1)
    assert (found.verdict, found.cores, found.failed) == (SolverVerdict.UNKNOWN, (), "CPU_OFF.turned_off")


def test_where_the_solver_gives_up_nothing_is_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(houdini, "RLIMIT", 1)
    found = strengthen(property_named("PROP-2"), depth=1)
    assert (found.verdict, found.cores, found.invariants) == (SolverVerdict.UNKNOWN, (), ())


def test_what_people_found_is_not_used() -> None:
    plain = bare(property_named("PROP-5"))
    assert (plain.helpers, plain.lemmas, plain.lemmas_after) == ((), (), ())
    assert [fact.name for fact in plain.given] == ["each-power-state-is-ordered"]


# ---- from candidates to sentences

Left = dict[int, list[Point]]
POWER, ACTIVITY = CandidateVariable(STATE.power(AT_CORE)), CandidateVariable(STATE.activity(AT_CORE))
ASKED, KIND = CandidateVariable(STATE.asked(AT_CORE)), CandidateVariable(STATE.kind)


def test_candidates_are_joined_to_few_sentences() -> None:
    shape = CandidateShape("pairs", (POWER, ACTIVITY))
    left = [point for point in shape.points if point[0] != "ON" and point[1] != "STOPPED"]
    (box,) = joined([shape], {0: left})
    assert box.text == ONLY_ON_CORES_DO_ANYTHING
    assert show(box.term) == "every Core c0: ((power(c0) == ON) or (activity(c0) == STOPPED))"
    assert box.points == frozenset(left)


def test_values_that_have_no_short_name_are_listed() -> None:
    shape = CandidateShape("values", (ACTIVITY,))
    (box,) = joined([shape], {0: [("ENTERING",), ("STANDBY",)]})
    assert box.text == "every Core c0: activity(c0) in (STOPPED, RUNNING, RETENTION, POWERDOWN, FROZEN)"


def test_what_a_simpler_sentence_says_is_not_said_again() -> None:
    value, pair = CandidateShape("values", (POWER,)), CandidateShape("pairs", (POWER, ACTIVITY))
    left: Left = {0: [("ON_PENDING",)], 1: [point for point in pair.points if point[0] != "ON"]}
    assert [box.text for box in joined([value, pair], left)] == [
        "every Core c0: power(c0) != ON_PENDING",
        "every Core c0: power(c0) == ON",
    ]


def test_an_equality_says_what_all_unequal_pairs_say() -> None:
    equality = CandidateShape("equalities", (), then=ASKED.term == KIND.term)
    pair = CandidateShape("system", (KIND, ASKED))
    left: Left = {0: [()], 1: [point for point in pair.points if point[0] != point[1]]}
    assert [box.text for box in joined([equality, pair], left)] == ["every Core c0: asked(c0) == kind"]


# ---- the command


def test_the_document_keeps_to_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["prove", "PROP-17", "PROP-2", "--strengthen", "--jobs", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))
    invariants, counts = FOUND["PROP-2"]
    assert [(result["property"], result["verdict"], result["invariants"]) for result in document["results"]] == [
        ("PROP-17", "proved", []),
        ("PROP-2", "proved", list(invariants)),
    ]
    assert document["results"][1]["candidates"] == asdict(counts)


def test_a_result_reads_as_counts_then_invariants_then_what_is_proved() -> None:
    invariants, counts = FOUND["PROP-2"]
    found = Strengthening("PROP-2", "edges", SolverVerdict.PROVED, ("any", "3"), invariants, counts, 51, "", 3.71)
    assert list(lines(found)) == [
        "PROP-2 edges",
        "  187 candidates, 157 hold at the start, every rule keeps 29 with 3 cores",
        "  as few invariants these are 8, of which every rule keeps 8 with any number of cores; needed:",
        "    every Core c0: power(c0) != ON implies activity(c0) == STOPPED",
        "  proved with these for any number of cores, and for 3; 51 rounds, 3.7 s",
    ]


def test_a_result_without_a_proof_says_where_it_failed() -> None:
    counts = Counts(187, 157)
    found = Strengthening("PROP-2", "edges", SolverVerdict.UNKNOWN, (), (), counts, 33, "CPU_OFF.turned_off", 1.0)
    assert list(lines(found)) == [
        "PROP-2 edges",
        "  187 candidates, 157 hold at the start, too few are kept",
        "  NOT PROVED: with what is left the step of CPU_OFF.turned_off is not proved; 33 rounds, 1.0 s",
    ]


def test_what_no_induction_proves_cannot_be_strengthened(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["prove", "CAN-START", "--strengthen"]) == 2
    assert capsys.readouterr().err.startswith("psci: CAN-START is not proved by induction")
