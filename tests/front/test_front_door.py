"""The front door: what `import psci` gives, used as the README and the documentation use it."""

from __future__ import annotations

import doctest
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from house import ROOT, modules

import psci
from psci.front.position import Position
from psci.model.errors import InputError

CPU_ON: dict[str, Any] = {"target_cpu": 1, "entry_point_address": 0x4000_0000, "context_id": 0x2A}


@pytest.mark.parametrize("name", ["psci", *(name for name, _ in modules() if name.startswith("psci.front."))])
def test_every_example_runs_as_it_stands(name: str) -> None:
    done = doctest.testmod(importlib.import_module(name))
    assert done.failed == 0


def test_the_names_are_documented() -> None:
    assert [name for name in psci.__all__ if not getattr(psci, name).__doc__ and not hasattr(psci, f"{name}")] == []
    assert set(psci.__all__) <= set(dir(psci))


def started() -> Position:
    machine = psci.machine(cpus=2)
    return machine.take(machine.call("CPU_ON", **CPU_ON)["SUCCESS"])


def test_an_answer_has_its_rule_its_facts_and_the_state_it_leads_to() -> None:
    answer = psci.machine(cpus=2).call("CPU_ON", **CPU_ON)[0]
    assert (answer.result, answer.value, answer.rule.name, answer.permitted) == (
        "SUCCESS (0)", 0, "CPU_ON.accepted", False,
    )  # fmt: skip
    assert "CPU_ON-10 [DEN0022 6.6 (2)]" in answer.facts
    assert repr(answer.after) == "PSCI 1.3, 2 cores: core 0 ON, core 1 ON_PENDING"
    assert answer.changes[0] == "power[1]: OFF -> ON_PENDING"


def test_an_error_is_a_small_negative_number() -> None:
    (answer,) = started().call("CPU_ON", **CPU_ON)
    assert (answer.value, repr(answer)) == (-5, "ON_PENDING (-5) by CPU_ON.on_pending")


def test_moves_are_taken_like_answers_and_the_way_is_a_trace_that_conforms() -> None:
    position = started()
    position = position.take(position.moves()["START.initialised"])
    position = position.take(next(move for move in position.moves() if move.rule.name.startswith("ENTER.")))
    assert repr(position) == "PSCI 1.3, 2 cores: core 0 ON, core 1 ON"
    assert [event.k for event in position.events] == ["machine", "call", "return", "enter", "end"]
    report = psci.check(position.events)
    assert (report.verdict.value, report.findings) == ("conforms", [])


def test_what_a_profile_leaves_open_is_assumed_and_then_kept() -> None:
    machine = psci.machine(profile={})
    there, absent = machine.call("SYSTEM_OFF2", type=2)
    assert repr(there) == "INVALID_PARAMETERS (-2) by SYSTEM_OFF2.type_unknown (if has(0x84000015) is True)"
    assert repr(absent) == "NOT_SUPPORTED (-1) by SYSTEM_OFF2.absent (if has(0x84000015) is False)"
    assert [answer.result for answer in there.after.call("SYSTEM_OFF2", type=2)] == ["INVALID_PARAMETERS (-2)"]


def test_a_reading_changes_what_is_allowed() -> None:
    def of_frozen(option: str) -> list[str]:
        machine = psci.machine(cpus=2, readings={"suspend-refusal": option})
        other_on = machine.take(machine.call("CPU_ON", **CPU_ON)["SUCCESS"])
        return [answer.result for answer in other_on.call("SYSTEM_SUSPEND")]

    assert of_frozen("text") == ["DENIED (-3)"]
    assert of_frozen("prototype") == ["DENIED (-3)", "ALREADY_ON (-4)"]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda m: m.call("CPU_OM"), "unknown function 'CPU_OM': did you mean CPU_ON, CPU_OFF"),
        (lambda m: m.call("CPU_ON", target=1), "CPU_ON has no argument 'target'; it has target_cpu, entry_point"),
        (lambda m: m.call("CPU_OFF", cpu=1), "core 1 runs no caller code here (OFF), so it makes no call"),
        (lambda m: m.call("CPU_OFF", cpu=7), "core 7: the machine has the cores 0 to 1"),
        (lambda m: m.call("CPU_ON", target_cpu=-1), "CPU_ON: target_cpu is -0x1: give a word of 64 bits"),
        (lambda m: m.take(started().moves()[0]), "take: this outcome belongs to another position; ask this one again"),
        (lambda m: m.moves()["NOTHING"], "without a call: 'NOTHING' is not allowed here; allowed: "),
        (lambda m: psci.machine(readings={"errrata": "applied"}), "reading 'errrata': there is none; choose one of "),
        (lambda m: psci.machine(readings={"errata": "no"}), "reading errata: no option 'no'; choose one of applied, "),
        (lambda m: psci.machine(version="9"), "9"),
        (lambda m: psci.machine(profile={"cores": 3}), "cores: "),
        (lambda m: psci.explore(m, about="weather"), "about 'weather': choose one of "),
        (lambda m: psci.explore(psci.machine(profile={})), "the machine leaves "),
        (lambda m: psci.check([cast(Any, 3)]), "event 0: int is not an event: give events or JSON objects"),
        (lambda m: psci.check([{"k": "machine"}]), "event 0: "),
        (lambda m: psci.rules["CPU_ON.acepted"], "unknown rule 'CPU_ON.acepted': did you mean CPU_ON.accepted"),
        (lambda m: psci.prove("PROP-99"), "unknown property 'PROP-99': did you mean "),
        (lambda m: psci.graph("moon"), "moon"),
    ],
)
def test_what_is_not_understood_is_one_line_that_says_what_there_is(ask: object, message: str) -> None:
    with pytest.raises(InputError) as refusal:
        ask(psci.machine(cpus=2))  # type: ignore[operator]  # a lambda of the table
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_states_are_explored_as_a_graph_and_the_way_to_a_rule_is_found() -> None:
    explored = psci.explore(psci.machine(cpus=1), about="all")
    graph = explored.graph()
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (explored.states, explored.transitions)
    found = psci.explore(psci.machine(cpus=2), until="AFFINITY_INFO.on_pending")
    assert found.way is not None
    assert [event.k for event in found.way.events] == ["machine", "call", "return", "call", "return", "end"]


def test_a_property_is_proved_for_any_number_of_cores() -> None:
    proof = psci.prove("PROP-3", cores="any")
    assert proof.proved
    assert "PROP-3: proved for any number of cores by induction" in repr(proof)


def test_a_picture_shows_itself_in_a_notebook(tmp_path: Path) -> None:
    picture = psci.graph("system", cpus=1)
    assert picture.graph().number_of_nodes() == len(picture.diagram.nodes)
    picture.save(tmp_path / "system.mmd")
    assert (tmp_path / "system.mmd").read_text(encoding="utf-8").startswith("---\ntitle: ")


def test_rules_machines_and_answers_have_a_form_for_notebooks() -> None:
    machine = psci.machine(cpus=2)
    answers = machine.call("CPU_ON", **CPU_ON)
    for thing in (machine, answers, answers[0], psci.rules["CPU_ON.accepted"]):
        assert len(thing._repr_markdown_().splitlines()) > 2


def test_the_example_of_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    example = text.partition("```python\n")[2].partition("```")[0]
    assert len([line for line in example.splitlines() if line]) == 10
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "conforms"
    assert (tmp_path / "core.svg").exists()


def test_properties_are_looked_up_also_when_their_package_is_imported() -> None:
    program = (
        "import psci.properties.helpers as room; import psci; "
        "print(psci.properties['PROP-2'].name, psci.properties.helpers is room)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["PROP-2", "True"]


@pytest.mark.parametrize("name", ["machine", "check"])
def test_stepping_and_judging_need_no_solver(name: str) -> None:
    program = f"import psci, sys, json; psci.{name}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"z3", "cvc5", "networkx", "hypothesis"} & set(json.loads(done.stdout)) == set()


def test_a_report_prints_its_verdict_and_what_was_found() -> None:
    started = psci.machine().call("CPU_ON", target_cpu=1)["CPU_ON.accepted"].after
    assert repr(psci.check(started.events)) == "conforms (PSCI 1.3, 2 events, 1 calls)"
    assert psci.check(started.events)._repr_markdown_() == "**conforms (PSCI 1.3, 2 events, 1 calls)**"
    wrong = psci.check([{"k": "machine", "format": 1, "psci": "1.3", "cpus": ["0x0"]}, *WRONG])
    head, _, rest = repr(wrong).partition("\n")
    assert head == "deviates (PSCI 1.3, 2 events, 1 calls)"
    assert "allowed are only: version 1.3 (0x10003)" in rest and rest in wrong._repr_markdown_()


WRONG = ({"k": "call", "cpu": "0x0", "fn": "0x84000000"}, {"k": "return", "cpu": "0x0", "x0": "0x5"})
"""A version that there is not."""


def test_a_large_machine_prints_its_cores_together() -> None:
    assert repr(psci.machine(112)) == "PSCI 1.3, 112 cores: core 0 ON, cores 1 to 111 OFF"
