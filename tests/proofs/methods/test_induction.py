"""The properties are proved for any number of cores, and a changed rule is noticed with a counterexample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from psci.model.specification import Specification
from psci.proofs.encoding.queries import RLIMIT, SolverVerdict, cvc5_missing, solve_with_cvc5
from psci.proofs.methods.counterexample import explain
from psci.proofs.methods.induction import prove
from psci.proofs.suite import property_named, translations

CORES = ("any", "3")
NAMES = ("PROP-2", "ENTRIES", "PROP-13", "PROP-16")
Change = tuple[str, Callable[[], Specification]]


@pytest.mark.parametrize("cores", CORES)
@pytest.mark.parametrize("name", NAMES)
def test_the_property_is_proved(name: str, cores: str) -> None:
    done = prove(property_named(name), translations(cores))
    assert [(obligation.name, answer.verdict) for obligation, answer in done.failures()] == []
    assert done.verdict is SolverVerdict.PROVED
    assert max(answer.rlimit for _, answer in done.answers) < RLIMIT // 10


@pytest.mark.parametrize("cores", CORES)
@pytest.mark.parametrize("name", NAMES)
def test_a_changed_rule_breaks_the_proof_and_the_stepper_takes_the_same_step(
    name: str, cores: str, change: Change
) -> None:
    rule, changed = change
    specification = changed()
    done = prove(property_named(name), translations(cores, specification))
    assert done.verdict is SolverVerdict.REFUTED
    failures = {obligation.name: (obligation, answer) for obligation, answer in done.failures()}
    assert list(failures) == [rule]
    shown = explain(done.claim, *failures[rule], specification)
    assert shown.replayed
    assert shown.text().startswith(f"{name} is broken by {rule}: ")


@pytest.mark.parametrize("name", ["PROP-2"])
def test_a_counterexample_says_only_what_is_true_and_what_changes(name: str, change: Change) -> None:
    rule, changed = change
    specification = changed()
    done = prove(property_named(name), translations("3", specification), only_rule=rule)
    shown = explain(done.claim, *done.failures()[0], specification)
    lines = shown.text().splitlines()
    step = lines.index("  one step from this state (which may be unreachable: search from boot decides)")
    # before it stands what of the machine the step depends on
    assert lines[2:step] == ["    stay_since_boot = EITHER"]
    core = lines[step + 1].removeprefix("  1. START of core ")
    assert lines[step + 3 :] == [
        f"       power of core {core}: OFF -> ON",
        f"       activity of core {core}: STOPPED -> ENTERING",
        f"       slept of core {core}: no -> yes",
        "  the stepper takes the same steps",
    ]


@pytest.mark.skipif(cvc5_missing() is not None, reason="cvc5 is optional")
@pytest.mark.parametrize("name", ["ENTRIES"])
def test_the_second_solver_refutes_what_the_first_refutes(name: str, change: Change) -> None:
    _, changed = change
    specification = changed()
    done = prove(property_named(name), translations("any", specification))
    verdicts = {
        obligation.name: (answer.verdict, solve_with_cvc5(obligation.query.smtlib()))
        for obligation, answer in done.answers
    }
    assert all(first is second for first, second in verdicts.values())
    assert verdicts["CPU_ON.accepted"] == (SolverVerdict.REFUTED, SolverVerdict.REFUTED)


def test_an_assumption_that_is_dropped_is_missed() -> None:
    """No vacuous success: without the lemma on what cores hold PROP-4 is not proved, nor is that without its own."""
    for name in ("PROP-4", "ENTRIES", "PROP-5"):
        prop = property_named(name)
        names = tuple(lemma.name for lemma in prop.all_lemmas())
        without = replace(prop, lemmas=(), lemmas_after=(), without=names)
        assert prove(without, translations("any")).verdict is not SolverVerdict.PROVED
