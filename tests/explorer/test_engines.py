"""Every engine finds the same states, labelled and distinct transitions, diameter, and ways of equal length."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from configurations import CONFIGURATIONS, Configuration

from psci.explorer.engines import EngineAnswer, ReachabilityQuestion, engine
from psci.explorer.engines.cache import keep_diagram, kept_diagram
from psci.explorer.engines.compiled import CompiledSearch, compiler
from psci.explorer.engines.diagrams import Diagrams
from psci.explorer.engines.reference import ReferenceEngine
from psci.explorer.engines.symbolic import Symbolic
from psci.explorer.goals.goal import goal
from psci.explorer.lowering import lower
from psci.explorer.watch import question_of, watched
from psci.model.errors import InputError
from psci.properties import PROPERTIES

needs_compiler = pytest.mark.skipif(compiler() is None, reason="there is no C compiler")
QUICK = CompiledSearch(optimisation="-O0")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def silent(_text: str) -> None:
    pass


def counts(answer: EngineAnswer) -> tuple[int, int | None, int | None, int | None]:
    assert answer.complete
    return answer.states, answer.transitions, answer.distinct, answer.diameter


def test_there_are_enough_configurations() -> None:
    assert len(set(CONFIGURATIONS)) >= 40


@needs_compiler
@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=str)
def test_all_engines_count_alike(configuration: Configuration) -> None:
    question = configuration.question()
    expected = counts(ReferenceEngine(distinct=True).answer(question, silent))
    assert counts(Symbolic().answer(question, silent)) == expected
    assert counts(QUICK.answer(question, silent)) == expected


@needs_compiler
def test_symmetry_keeps_fewer_states_and_counts_all() -> None:
    question = Configuration(3, "1.0", wide_only=True).question()
    plain, reduced = QUICK.answer(question, silent), replace(QUICK, symmetric=True).answer(question, silent)
    assert counts(reduced) == counts(plain)
    assert dict(reduced.details)["stored"] < dict(plain.details)["stored"]


def test_cores_that_are_alike_are_lowered_once_and_count_as_if_each_were_lowered() -> None:
    product = Configuration(4, "1.0", wide_only=True).question().product
    together, apart = lower(product), lower(product, apart=True)
    assert together.members == ((0,), (1, 2, 3))
    assert together.label_count() == apart.label_count()
    found = [Symbolic(layers=False).answer(ReachabilityQuestion(product, apart=each), silent) for each in (False, True)]
    assert found[0].states == found[1].states
    assert found[0].transitions == found[1].transitions
    assert found[0].distinct == found[1].distinct


def test_lowering_does_not_grow_with_the_cores() -> None:
    few, many = (lower(Configuration(cpus, wide_only=True).question().product) for cpus in (4, 96))
    assert len(few.labels) == len(many.labels)
    assert len(few.commands) == len(many.commands)


def test_as_many_cores_as_are_sold_are_counted_exactly() -> None:
    configuration = Configuration(24, "0.2", wide_only=True)
    relations = Symbolic(layers=False).answer(configuration.question(), silent)
    # the same by single steps of single cores
    diagrams = Diagrams(configuration.question().lowered)
    states = before = diagrams.initial()
    while True:
        for event in diagrams.events:
            states |= diagrams.image(states, event)
        if states == before:
            break
        before = states
    assert relations.states == diagrams.count(states)


GOALS = (
    "all-running",
    "power[1]=ON",
    "ALREADY_ON",
    "CPU_ON.on_pending",
    "any(activity[c] == POWERDOWN for c in cores) and power[0] == OFF",
    "alive-when-down",
)


@needs_compiler
@pytest.mark.parametrize("name", GOALS)
def test_all_engines_find_ways_of_the_same_length(name: str) -> None:
    product = Configuration(3, "1.0", wide_only=True).question().product
    question = ReachabilityQuestion(product, goal(name, product))
    expected = ReferenceEngine().answer(question, silent).steps
    length = None if expected is None else len(expected)
    for one in (Symbolic(), QUICK, replace(QUICK, symmetric=True)):
        steps = one.answer(question, silent).steps
        assert (None if steps is None else len(steps)) == length
        for step in steps or ():
            assert step.transition in list(product.successors(step.before))


@pytest.mark.parametrize("name", ["PROP-2", "PROP-3", "PROP-9", "ENTRY-ONCE", "CAN-RETRY", "CAN-RETURN", "CAN-START"])
def test_properties_are_questions_that_diagrams_answer_like_the_search(name: str) -> None:
    base = Configuration(2, "1.0", wide_only=True, declared=(("osi_supported", True),)).question().product
    question = question_of(watched(base, next(p for p in PROPERTIES if p.name == name)))
    found, expected = (one.answer(question, silent) for one in (Symbolic(), ReferenceEngine()))
    assert (found.steps is None) == (expected.steps is None)
    assert len(found.steps or ()) == len(expected.steps or ())


def test_what_nothing_depends_on_is_dropped_and_the_answer_stays() -> None:
    product = Configuration(2, about="nodes", wide_only=True).question().product
    plain = ReachabilityQuestion(product, goal("all-suspended", product))
    pruned = replace(plain, roots=frozenset())
    assert len(pruned.lowered.variables) < len(plain.lowered.variables)
    lengths = [len(Symbolic().answer(question, silent).steps or ()) for question in (plain, pruned)]
    assert lengths[0] == lengths[1] > 0


@needs_compiler
def test_an_engine_that_cannot_answer_says_so() -> None:
    question = Configuration(1).question()
    with pytest.raises(InputError, match="--symmetry and --limit are for the others"):
        engine("symbolic", replace(question, limit=5))
    with pytest.raises(InputError, match="knows no symmetry"):
        engine("reference", question, symmetric=True)


@needs_compiler
def test_a_limit_leaves_the_compiled_search_incomplete() -> None:
    answer = QUICK.answer(replace(Configuration(3, wide_only=True, version="1.0").question(), limit=100), silent)
    assert not answer.complete
    assert answer.states >= 100


def test_an_interrupted_run_goes_on_from_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    question = Configuration(3, "1.0", wide_only=True).question()
    whole = Symbolic(layers=False).answer(question, silent)
    applied = Diagrams.image
    calls = []

    def stops(self: Diagrams, states: object, event: object) -> object:
        calls.append(event)
        if len(calls) == 60:
            raise KeyboardInterrupt
        return applied(self, states, event)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(Diagrams, "image", stops)
    part = Symbolic(layers=False).answer(question, silent)
    assert part.interrupted
    assert 1 < part.states < whole.states
    assert Symbolic(layers=False).answer(question, silent).states == whole.states
    assert len(calls) > 60


def test_a_kept_diagram_that_is_damaged_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "__shelve__").mkdir()
    lowered = Configuration(2, "1.0", wide_only=True).question().lowered
    first, second = Diagrams(lowered), Diagrams(lowered)
    file = tmp_path / "states.json"
    keep_diagram(first.manager, first.initial(), file)
    whole = file.read_bytes()
    assert kept_diagram(second.manager, file) == second.initial()
    assert kept_diagram(second.manager, file) is None
    file.write_bytes(whole[: len(whole) // 2])
    assert kept_diagram(second.manager, file) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["__shelve__"]
