"""Certificates belong to their queries: what is renamed, left out or not justified is found."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from psci.cli import main
from psci.model.errors import InputError
from psci.proofs.certificates.files import check, fault_of, index, prove, unfounded
from psci.proofs.certificates.proof import read
from psci.proofs.certificates.terms import SharedTerms, parse
from psci.proofs.encoding.queries import cvc5_missing

QUERY = """(set-logic UFBVDT)
(declare-sort Core 0)
(declare-fun runs (Core) Bool)
(declare-fun caller () Core)
(declare-fun x () (_ BitVec 8))
(declare-fun y () (_ BitVec 8))
(assert (let (($x0 (forall ((c Core)) (runs c)))) $x0))
(assert (or (not (runs caller)) (= x #x0f)))
(assert (not (= ((_ extract 3 0) x) #xf)))
(assert (= y #x01))
(check-sat)
"""
pytestmark = pytest.mark.skipif(cvc5_missing() is not None, reason="cvc5 is optional")


@pytest.fixture(scope="module")
def proof() -> str:
    return prove(QUERY)


def test_a_proof_of_a_query_is_closed_and_assumes_what_the_query_asserts(proof: str) -> None:
    found = read(proof, SharedTerms())
    assert (found.fault, found.trusted, len(found.assumed)) == ("", 0, 4)
    assert unfounded(QUERY, QUERY, proof) == ""


def test_a_query_without_a_proof_has_none() -> None:
    assert prove(QUERY.replace("#xf)))", "#x3)))")) == ""


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("caller", "x", "it assumes 1 formulas that the query does not assert"),
        ("#b00001111", "#b00001110", "it assumes 1 formulas that the query does not assert"),
    ],
)
def test_a_proof_of_something_else_is_refused(proof: str, old: str, new: str, fault: str) -> None:
    assert old in proof
    assert unfounded(QUERY, QUERY, proof.replace(old, new)) == fault


def test_a_step_that_is_not_justified_is_refused(proof: str) -> None:
    changed = re.sub(r":rule [\w-]+", ":rule trust", proof, count=1)
    assert unfounded(QUERY, QUERY, changed) == "1 of its steps are not justified"


def test_a_proof_that_does_not_end_is_refused(proof: str) -> None:
    lines = proof.strip().splitlines()
    assert unfounded(QUERY, QUERY, "\n".join([*lines[:-2], ")"])) == "it does not end with false"
    without = "\n".join(line for line in lines if not line.startswith("(assume @p1 "))
    assert unfounded(QUERY, QUERY, without).endswith("uses @p1, which is not proved before it")


def test_a_reduced_query_is_a_part_of_the_whole(proof: str) -> None:
    more = QUERY.replace("(check-sat)", "(assert (not (= y #x00)))\n(check-sat)")
    assert unfounded(more, QUERY, proof) == ""
    assert unfounded(QUERY, more, proof) == "the reduced query asserts what the whole one does not"


def test_both_languages_write_one_formula() -> None:
    terms = SharedTerms()
    for one, other in (
        ("((_ extract 3 0) #x0f)", "(extract 3 0 #b00001111)"),
        ("(_ bv3 4)", "#b0011"),
        ("|a b|", "|a b|"),
        ("(forall ((c Core)) (let ((z (runs c))) (not z)))", '(forall (@list (@var "c" Core)) (not (runs c)))'),
    ):
        (left,), (right,) = parse(one), parse(other)
        assert terms.read(left, {}) == terms.read(right, {}), one
    assert terms.read("#x0", {}) != terms.read("#b000", {})


def test_a_folder_is_verified_and_what_is_missing_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main.run(["prove", "TOTAL", "--certificates", str(tmp_path), "--jobs", "1", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)["certificates"]
    names = {certificate["query"] for certificate in written}
    assert {"TOTAL CPU_ON", "STATES CPU_ON.accepted"} <= names
    assert all(certificate["proof"] and not certificate["trusted"] for certificate in written)
    verify = ["prove", "TOTAL", "--verify", str(tmp_path), "--jobs", "1", "--json"]
    assert main.run(verify) == 3  # nobody independent looked at the steps
    found = json.loads(capsys.readouterr().out)
    assert found == {"queries": len(written), "certificates": len(written), "independent": 0, "faults": []}
    kept = [certificate for certificate in written if certificate["query"] != "TOTAL CPU_ON"]
    (tmp_path / "index.json").write_text(json.dumps({"certificates": kept}))
    (tmp_path / next(path.name for path in tmp_path.glob("STATES.CPU_ON.accepted.*.cpc"))).write_text("()")
    assert main.run(verify) == 1
    assert json.loads(capsys.readouterr().out)["faults"] == [
        {
            "query": "STATES CPU_ON.accepted",
            "fault": f"{next(tmp_path.glob('STATES.CPU_ON.accepted.*.cpc')).name} is not the file of the index",
        },
        {"query": "TOTAL CPU_ON", "fault": "it has no certificate"},
    ]


def test_a_checker_that_refuses_is_heard(tmp_path: Path) -> None:
    assert main.run(["prove", "CONTEXTS", "--certificates", str(tmp_path), "--jobs", "1", "--json"]) == 0
    checker = tmp_path / "ethos"
    for script, said in (("echo correct", ""), ("echo 'Error: no' >&2; exit 1", "Error: no")):
        checker.write_text(f"#!/bin/sh\ncat > {tmp_path}/asked\n{script}\n")
        checker.chmod(0o755)
        assert {(found.fault, found.independent) for found in check(tmp_path, checker)} == {(said, not said)}
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith(f'(reference "{tmp_path}/')
    assert "(assume @p1 " in asked


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no index"):
        index(tmp_path)
    (tmp_path / "index.json").write_text("[]")
    with pytest.raises(InputError, match="no index of certificates"):
        index(tmp_path)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    assert main.run(["prove", "CONTEXTS", "--certificates", str(tmp_path), "--jobs", "1", "--json"]) == 0
    first = index(tmp_path)[0]
    (tmp_path / f"{first.stem}.smt2").unlink()
    assert fault_of(tmp_path, first) == f"{first.stem}.smt2 is missing"
