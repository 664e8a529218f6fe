"""The exported model in other tools: they find as many states and steps as we do, and the same verdicts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import cvc5
import pytest
import tla
from configurations import Configuration

from psci.explorer.engines.question import ReachabilityQuestion
from psci.explorer.engines.symbolic import Symbolic
from psci.explorer.exports import LANGUAGES, export
from psci.explorer.goals.goal import goal
from psci.explorer.watch import question_of, watched
from psci.properties import PROPERTIES

SPIN, RUMUR, CC = shutil.which("spin"), shutil.which("rumur"), shutil.which("gcc")
needs_spin = pytest.mark.skipif(not (SPIN and CC), reason="spin or gcc is missing: apt-get install spin gcc")
needs_rumur = pytest.mark.skipif(not (RUMUR and CC), reason="rumur or gcc is missing: apt-get install rumur gcc")

SHARED = (
    Configuration(1, about="all", version="1.0"),
    Configuration(2, "0.1"),
    Configuration(2, "0.2"),
    Configuration(2, "1.1", wide_only=True),
    Configuration(2, about="nodes", wide_only=True),
    Configuration(3, "1.0", wide_only=True),
    Configuration(clusters=(1, 1), wide_only=True),
    Configuration(1, overlapping=True, wide_only=True),
    Configuration(2, declared=(("trusted_os", "UP_MIGRATABLE"),), version="1.0", wide_only=True),
)


def run(*command: str, folder: Path) -> str:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    return result.stdout + result.stderr


def spin(text: str, folder: Path) -> str:
    (folder / "m.pml").write_text(text, encoding="utf-8")
    run("spin", "-o1", "-o2", "-o3", "-a", "m.pml", folder=folder)
    run("gcc", "-w", "-DNOREDUCE", "-DSAFETY", "-DNOCLAIM", "-o", "pan", "pan.c", folder=folder)
    return run("./pan", "-E", "-m100000", "-w20", folder=folder)


def rumur(text: str, folder: Path) -> str:
    (folder / "m.m").write_text(text, encoding="utf-8")
    said = run("rumur", "--output", "m.c", "--threads", "1", "--deadlock-detection", "off", "m.m", folder=folder)
    said += run("gcc", "-w", "-std=c11", "-o", "m", "m.c", "-lpthread", "-latomic", folder=folder)
    return said + run("./m", folder=folder)


def steps_of_commands(question: ReachabilityQuestion) -> tuple[int, int]:
    """The states, and the pairs of a state and a command that is enabled in it."""
    from psci.explorer.engines.compiled import Compiled

    compiled = Compiled(question.lowered, optimisation="-O0")
    found = compiled.run(compiled.program(), counting=False)
    return found["stored"], found["fired"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@needs_spin
@pytest.mark.parametrize("configuration", SHARED, ids=str)
def test_spin_counts_what_we_count(configuration: Configuration, tmp_path: Path) -> None:
    question = configuration.question()
    said = spin(export("promela", question), tmp_path)
    states = re.search(r"(\d+) states, stored", said)
    steps = re.search(r"(\d+) transitions", said)
    assert states and steps, said
    # Spin counts the way into the initial state as a transition
    assert (int(states[1]), int(steps[1]) - 1) == steps_of_commands(question)


@needs_rumur
@pytest.mark.parametrize("configuration", SHARED, ids=str)
def test_rumur_counts_what_we_count(configuration: Configuration, tmp_path: Path) -> None:
    question = configuration.question()
    found = re.search(r"(\d+) states, (\d+) rules fired", rumur(export("murphi", question), tmp_path))
    assert found is not None
    assert (int(found[1]), int(found[2])) == steps_of_commands(question)


@needs_rumur
def test_scalarsets_reduce_as_our_symmetry_does(tmp_path: Path) -> None:
    from psci.explorer.engines.compiled import Compiled

    question = Configuration(3, "1.0", wide_only=True).question()
    said = rumur(export("murphi", question, symmetric=True), tmp_path)
    found = re.search(r"(\d+) states, (\d+) rules fired", said)
    assert found is not None, said
    compiled = Compiled(question.lowered, symmetric=True, optimisation="-O0")
    ours = compiled.run(compiled.program(), counting=False)
    assert (int(found[1]), int(found[2])) == (ours["stored"], ours["fired"])


def asked(name: str) -> ReachabilityQuestion:
    product = Configuration(2, "1.0", wide_only=True).question().product
    claim = next((p for p in PROPERTIES if p.name == name), None)
    return ReachabilityQuestion(product, goal(name, product)) if claim is None else question_of(watched(product, claim))


VERDICTS = ("all-running", "alive-when-down", "power[1] == ON_PENDING and power[0] == OFF", "PROP-2", "CAN-START")


@needs_spin
@pytest.mark.parametrize("name", VERDICTS)
def test_spin_reaches_what_we_reach(name: str, tmp_path: Path) -> None:
    question = asked(name)
    reached = "assertion violated" in spin(export("promela", question), tmp_path)
    assert reached == (Symbolic().answer(question, lambda _: None).steps is not None)


@needs_rumur
@pytest.mark.parametrize("name", VERDICTS)
def test_rumur_reaches_what_we_reach(name: str, tmp_path: Path) -> None:
    question = asked(name)
    said = rumur(export("murphi", question), tmp_path)
    assert "rules fired" in said
    assert ("1 error(s) found" in said) == (Symbolic().answer(question, lambda _: None).steps is not None)


@pytest.mark.parametrize("name", ["all-running", "power[1] == ON", "ALREADY_ON"])
def test_cvc5_finds_a_run_of_our_shortest_length_and_none_shorter(name: str) -> None:
    question = asked(name)
    answer = Symbolic().answer(question, lambda _: None)
    assert answer.diameter is not None
    results = [satisfiable(export("smtlib", question, steps=steps)) for steps in range(answer.diameter + 1)]
    assert results == ["unsat"] * answer.diameter + ["sat"]


def satisfiable(text: str) -> str:
    solver = cvc5.Solver()
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "model.smt2")
    said = []
    while not (command := parser.nextCommand()).isNull():
        said.append(command.invoke(solver, parser.getSymbolManager()).strip())
    return "".join(said)


@pytest.mark.parametrize("configuration", [SHARED[2], SHARED[5], SHARED[6]], ids=str)
def test_a_parser_of_tla_reads_what_we_write(configuration: Configuration) -> None:
    question = configuration.question()
    module = tla.parse(export("tla", question))
    assert module.name == "PSCI"
    assert len(module.units) > len(question.lowered.commands)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_is_the_same_each_time_and_names_its_rules(language: str) -> None:
    configuration = Configuration(2, "0.2", wide_only=True)
    text = export(language, configuration.question())
    assert text == export(language, configuration.question())
    assert "CPU_ON.accepted" in text
    assert "CPU_OFF.turned_off" in text
