"""What must happen in the end is shown for any number of cores, and a condition that fails is missed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from psci.model.environment.cores import CORE_AT_HAND
from psci.model.language.effects import NOTHING
from psci.model.language.terms import FALSE, Term, conjunction
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.state import STATE
from psci.proofs.encoding.queries import SolverVerdict, cvc5_missing
from psci.proofs.methods import ranking
from psci.proofs.methods.counterexample import Counterexample
from psci.proofs.methods.induction import Induction
from psci.proofs.methods.ranking import ADVANCES, BEGINS, ENABLED, OCCURS, STAYS, RankingCondition
from psci.proofs.suite import RANKING, Task, run, translations
from psci.properties.language import invariant
from psci.properties.runs.progress import offs_end, retries_end, starts_end
from psci.properties.runs.responses import Response, Stage

CORES = ("any", "3")
RESPONSES = (starts_end, offs_end, retries_end)
Missed = list[tuple[str, str, str]]
"""What is not shown: the condition, its stage, and the rule where it is about steps."""


@cache
def dropped(name: str) -> Specification:
    return SPECIFICATION.replacing(SPECIFICATION.rule(name))


def without_effect(name: str) -> Specification:
    rule = SPECIFICATION.rule(name)
    return SPECIFICATION.replacing(rule, replace(rule, effect=NOTHING))


def guarded(name: str, guard: Term) -> Specification:
    rule = SPECIFICATION.rule(name)
    return SPECIFICATION.replacing(rule, replace(rule, guard=guard))


@cache
def gives_up_at_will() -> Specification:
    """A start may fail after its acceptance, whatever the reading."""
    return guarded("START.gave_up", STATE.power[CORE_AT_HAND] == "ON_PENDING")


def missed(done: Induction) -> Missed:
    return [
        (duty.condition, duty.stage.name if duty.stage else "", duty.rule.name if duty.rule else "")
        for duty, _ in done.failures()
        if isinstance(duty, RankingCondition)
    ]


@cache
def prove(
    prop: Response, cores: str, specification: Specification = SPECIFICATION, only_rule: str | None = None
) -> Induction:
    return ranking.prove(prop, translations(cores, specification), only_rule)


def shown(prop: Response, cores: str, specification: Specification) -> Counterexample:
    duty, answer = prove(prop, cores, specification).failures()[0]
    assert isinstance(duty, RankingCondition)
    found = ranking.explain(prop, duty, answer, specification)
    assert isinstance(found, Counterexample)
    return found


@pytest.mark.parametrize("cores", CORES)
@pytest.mark.parametrize("prop", RESPONSES, ids=lambda prop: prop.name)
def test_the_response_is_shown(prop: Response, cores: str) -> None:
    done = prove(prop, cores)
    assert missed(done) == []
    assert done.verdict is SolverVerdict.PROVED
    assert done.cores == cores


@pytest.mark.parametrize("prop", RESPONSES, ids=lambda prop: prop.name)
def test_every_condition_is_asked_of_every_stage_and_both_of_the_premise(prop: Response) -> None:
    asked = {
        (duty.condition, duty.stage.name if duty.stage else "")
        for duty, _ in prove(prop, "3").answers
        if isinstance(duty, RankingCondition)
    }
    of_stages = {(what, stage.name) for what in (STAYS, ADVANCES, ENABLED, OCCURS) for stage in prop.stages}
    assert asked == of_stages | {(BEGINS, ""), (OCCURS, "")}


@pytest.mark.parametrize("cores", CORES)
@pytest.mark.parametrize(
    ("prop", "specification", "expected"),
    [
        pytest.param(
            starts_end, dropped("START.initialised"), [(ENABLED, "starting", "")], id="nothing finishes a start"
        ),
        pytest.param(
            starts_end, gives_up_at_will(),
            [(STAYS, "starting", "START.gave_up"), (ADVANCES, "starting", "START.gave_up")],
            id="a start fails after all",
        ),
        pytest.param(
            starts_end, without_effect("START.initialised"), [(ADVANCES, "starting", "START.initialised")],
            id="a start does nothing",
        ),
        pytest.param(
            offs_end, dropped("CPU_OFF.turned_off"), [(ENABLED, "leaving", "")], id="CPU_OFF is never answered"
        ),
        pytest.param(
            offs_end, without_effect("CPU_OFF.turned_off"),
            [(STAYS, "leaving", "CPU_OFF.turned_off"), (ADVANCES, "leaving", "CPU_OFF.turned_off")],
            id="CPU_OFF does nothing",
        ),
        pytest.param(
            retries_end, dropped("CPU_ON.accepted"), [(ENABLED, "off", "")], id="CPU_ON of an OFF core has no answer"
        ),
        pytest.param(
            retries_end, guarded("CPU_ON.already_on", STATE.mode == "PLATFORM_COORDINATED"),
            [(ADVANCES, "off", "CPU_ON.already_on")], id="CPU_ON of an OFF core is ALREADY_ON",
        ),
    ],
)  # fmt: skip
def test_a_changed_rule_is_missed_where_it_matters(
    prop: Response, specification: Specification, expected: Missed, cores: str
) -> None:
    done = prove(prop, cores, specification)
    assert done.verdict is SolverVerdict.REFUTED
    assert missed(done) == expected
    found = shown(prop, cores, specification)
    assert found.replayed
    assert found.text().startswith(f"{prop.name} is broken")


@pytest.mark.parametrize("cores", CORES)
def test_a_step_that_leads_back_is_shown_with_its_rule_and_the_condition_that_it_breaks(cores: str) -> None:
    lines = shown(starts_end, cores, gives_up_at_will()).text().splitlines()
    assert lines[0].startswith("PROP-15 is broken by START.gave_up: ")
    assert lines[1] == "  not shown: stage starting: no step leads out of the stage but onwards"
    assert any(line.endswith(": ON_PENDING -> OFF") for line in lines)
    assert lines[-1] == "  the stepper takes the same steps"


@pytest.mark.parametrize("cores", CORES)
def test_an_action_that_is_impossible_is_shown_with_the_state_and_the_stepper_agrees(cores: str) -> None:
    lines = shown(starts_end, cores, dropped("START.initialised")).text().splitlines()
    assert lines[1] == "  not shown: stage starting: the helpful action is possible (START by the watched core)"
    watched = lines[-2].removeprefix("    PROP-15.watched: ")
    assert f"{watched} ON_PENDING" in lines[-3]
    assert lines[-1] == "  the stepper agrees"


@pytest.mark.parametrize(
    ("prop", "assumption", "stage", "rule"),
    [
        (offs_end, "a-core-inside-cpu-off-makes-no-other-call", "leaving", "CPU_FREEZE.frozen"),
        (retries_end, "a-core-inside-cpu-off-makes-no-other-call", "leaving", "CPU_FREEZE.frozen"),
        (retries_end, "a-caller-that-retries-makes-no-other-call", "off", "SYSTEM_SUSPEND.suspended"),
        (retries_end, "nobody-else-starts-the-core", "off", "CPU_ON.accepted"),
        (retries_end, "no-trusted-os-is-migrated-to-the-core", "leaving", "MIGRATE.moved"),
    ],
)
def test_nothing_is_assumed_in_vain(prop: Response, assumption: str, stage: str, rule: str) -> None:
    kept = tuple(given for given in prop.given if given.name != assumption)
    assert len(kept) == len(prop.given) - 1
    assert missed(prove(prop, "any", only_rule=rule)) == []
    assert missed(prove(replace(prop, given=kept), "any", only_rule=rule)) == [(STAYS, stage, rule)]


@pytest.mark.parametrize(
    ("prop", "stages", "rule"),
    [
        (starts_end, ["starting"], "SYSTEM_SUSPEND.suspended"),
        (offs_end, ["leaving"], "START.initialised"),
        (retries_end, ["leaving", "off"], "START.initialised"),
    ],
)
def test_what_is_known_of_states_is_needed(prop: Response, stages: list[str], rule: str) -> None:
    assert missed(prove(replace(prop, lemmas=()), "any", only_rule=rule)) == [(STAYS, stage, rule) for stage in stages]


def test_a_premise_that_never_holds_and_a_stage_without_states_show_nothing() -> None:
    assert missed(prove(replace(starts_end, premise=lambda m, s, h: FALSE), "3")) == [(OCCURS, "", "")]
    stage = starts_end.stages[0]
    empty = replace(
        stage, condition=lambda m, s, h: conjunction(s.power[h.watched] == "ON", s.power[h.watched] == "OFF")
    )
    assert missed(prove(replace(starts_end, stages=(stage, replace(empty, name="empty"))), "3")) == [
        (OCCURS, "empty", "")
    ]


def test_a_premise_outside_every_stage_is_missed() -> None:
    wider = replace(starts_end, premise=lambda m, s, h: s.power[h.watched] == "OFF")
    assert missed(prove(wider, "any")) == [(BEGINS, "", "")]


def test_stages_in_the_wrong_order_lead_back() -> None:
    turned: tuple[Stage, ...] = retries_end.stages[::-1]
    done = prove(replace(retries_end, stages=turned), "any", only_rule="CPU_OFF.turned_off")
    assert missed(done) == [(what, "leaving", "CPU_OFF.turned_off") for what in (STAYS, ADVANCES)]


def test_an_assumption_that_forbids_the_helpful_step_makes_it_impossible() -> None:
    @invariant
    def nobody_calls_cpu_off(m: Any, s: Any, h: Any, step: Any) -> Any:
        """CPU_OFF is not called."""
        return step.name != "CPU_OFF"

    assert missed(prove(replace(offs_end, given=(nobody_calls_cpu_off,)), "any"))[0] == (ENABLED, "leaving", "")


def test_one_rule_is_asked_about_alone() -> None:
    done = ranking.prove(starts_end, translations("any"), only_rule="START.initialised")
    asked = [duty for duty, _ in done.answers if isinstance(duty, RankingCondition)]
    assert [(duty.condition, duty.rule and duty.rule.name) for duty in asked] == [
        (STAYS, "START.initialised"), (ADVANCES, "START.initialised"),
    ]  # fmt: skip


@pytest.mark.skipif(cvc5_missing() is not None, reason="cvc5 is optional")
@pytest.mark.parametrize("prop", RESPONSES, ids=lambda prop: prop.name)
def test_the_second_solver_agrees(prop: Response) -> None:
    result = run(Task(prop.name, RANKING, "any"))
    assert (result.verdict, result.method, result.disagreements) == (SolverVerdict.PROVED, "ranking", ())
    assert result.solvers["z3"] == result.solvers["cvc5"]
    # the witnesses, of the premise and of each stage, are asked of the first solver only
    assert result.solvers["z3"] == {"proved": result.queries - 1 - len(prop.stages)}


def test_a_result_says_what_was_not_shown() -> None:
    result = run(Task("PROP-15", RANKING, "any", second_solver=False), dropped("START.initialised"))
    assert result.failed == ("stage starting: the helpful action is possible (START by the watched core)",)
    assert [shown.text().splitlines()[0] for shown in result.counterexamples] == [
        f"PROP-15 is broken: {starts_end.sentence}"
    ]
