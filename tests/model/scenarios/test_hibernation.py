"""Hibernation: who may meet whom, and what comes of it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from psci.cli.main import run
from psci.explorer.questions.hibernation import (
    ScenarioJudgement,
    judge,
    pairings,
    precedents,
    runs,
    updates,
    violations,
)
from psci.model.scenarios.hibernation import CHANGE, CLIENTS, HOSTS, IMPLEMENTATIONS, Scenario
from psci.oracle.checker.checker import check
from psci.oracle.checker.report import Verdict
from psci.oracle.traces.file import read_trace


@cache
def judgements() -> tuple[ScenarioJudgement, ...]:
    return tuple(judge(scenario) for scenario in pairings())


def scenario(client: str, implementation: str, host: str) -> Scenario:
    return Scenario(
        next(c for c in CLIENTS if c.name == client),
        next(i for i in IMPLEMENTATIONS if i.name == implementation),
        next(h for h in HOSTS if h.name == host),
    )


def told(client: str) -> list[str]:
    return [judge(scenario(client, i.name, "preserves")).told for i in IMPLEMENTATIONS]


def test_every_pairing_is_judged() -> None:
    assert Counter(j.verdict for j in judgements()) == {
        "disaster": 190, "resumes": 62, "may resume": 32, "boots cleanly": 31,
    }  # fmt: skip


def test_who_is_understood_by_whom() -> None:
    never, always = "never", "always"
    # columns: 1.2, alpha, beta with type 0, beta with type 1, F that refuses 0, F that takes 0, F.b
    assert told("before 1.3") == [never] * 7
    assert told("alpha") == [never, always, always, never, never, always, always]
    assert told("F") == [never, never, never, always, always, always, always]
    assert told("F.b, type 1") == told("F") == told("beta, type 1")
    assert told("Linux") == [never, "sometimes", always, never, never, always, always]
    assert told("Linux") == told("F.b, type 0") == told("beta, type 0")
    assert told("tries both") == [never, *[always] * 6]


def test_a_host_that_is_told_and_preserves_lets_the_guest_resume() -> None:
    assert violations(judgements()) == []
    found = {j.verdict for j in judgements() if j.scenario.host.name == "preserves" and j.told == "always"}
    assert found == {"resumes"}


def test_a_host_that_signs_every_change_never_meets_disaster() -> None:
    found = {j.verdict for j in judgements() if j.scenario.host.name == "signs always"}
    assert found == {"resumes", "may resume"}


def test_a_host_that_changes_something_now_and_then_is_noticed() -> None:
    broken = scenario("Linux", "F.b", "signs always")
    broken = replace(broken, host=replace(broken.host, after_hibernation=("keep", "change_signature")))
    assert judge(broken).verdict == "may resume"
    careless = replace(broken, host=replace(broken.host, after_hibernation=(CHANGE,)))
    assert judge(careless).verdict == "disaster"


def test_a_host_that_cannot_tell_has_a_way_to_disaster() -> None:
    found = [j for j in judgements() if not j.scenario.host.tells or j.told == "never"]
    assert {j.verdict for j in found if j.scenario.host.name != "signs always"} == {"disaster"}


def test_the_shortest_disaster_reads_as_a_story() -> None:
    found = judge(scenario("Linux", "F.b", "ignores the flag"))
    run_to_it = dict(found.failures)["disaster"]
    assert [step.actor for step in run_to_it.steps] == [*["guest"] * 4, "implementation", "host", "guest"]
    assert [line.partition("  [")[0] for line in run_to_it.lines()][3:6] == [
        " 4. guest: calls SYSTEM_OFF2(type 0, cookie 0): accepted",
        " 5. implementation: stops all cores and reports hibernate, which the host takes for off",
        " 6. host: changes the environment; the hardware signature stays",
    ]


def test_the_trace_of_every_failure_conforms_to_psci() -> None:
    # the failure is the host's or that of a pairing: no call was answered against the rules
    verdicts = {check(run.events(what)).verdict for j in judgements() for what, run in j.failures}
    assert verdicts == {Verdict.CONFORMS}


def test_hibernation_ends_for_everybody() -> None:
    ends = {run.end.phase for s in pairings() for run in runs(s)[0]}
    assert ends == {"resumed", "booted cleanly"}


def test_a_pending_firmware_update_wants_a_client_that_waits() -> None:
    found = {(s.heeds_update, s.update_signs): judge(s).verdict for s in updates()}
    assert found == {
        (True, True): "stays awake", (True, False): "stays awake",
        (False, True): "boots cleanly", (False, False): "disaster",
    }  # fmt: skip


def test_a_warm_reset_may_lose_what_it_keeps_and_hibernation_may_not() -> None:
    found = {p.call: p.allowed for p in precedents()}
    assert found == {"SYSTEM_RESET2": ("PRESERVED", "NOT_PROMISED"), "SYSTEM_OFF2": ("KEPT",)}


def test_the_command_prints_and_saves(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["hibernate", "--client", "Linux", "--implementation", "F.b", "-o", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    schema = json.loads(resources.files("psci.cli").joinpath("schemas/hibernate.json").read_text())
    jsonschema.validate(document, schema)
    files = [f["file"] for pairing in document["pairings"] for f in pairing["failures"]]
    assert sorted(files) == sorted(path.name for path in tmp_path.iterdir())
    for path in tmp_path.iterdir():
        assert check(read_trace(path)).verdict is Verdict.CONFORMS


def test_the_command_shows_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["hibernate"]) == 0
    text = capsys.readouterr().out
    assert "\n  Linux         never         sometimes     always        never         never         always" in text
    assert "SYSTEM_OFF2: platform KEPT (BOOT.boot_after_hibernation)" in text


def test_an_unknown_party_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["hibernate", "--host", "kind"]) == 2
    assert "choose one of preserves, signs" in capsys.readouterr().err
