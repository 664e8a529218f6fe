"""A suite covers what can be reached; its traces are judged as it says, and its C is driven against the reference."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from house import ROOT

import psci
from psci.explorer.abstraction.machines import small
from psci.host.requirements import Missing
from psci.model.calls.cpu_on import CPU_ON
from psci.model.events import EnterEvent, Event, ReturnEvent, SystemEvent
from psci.model.step import Invocation, Outcome
from psci.model.tables.versions import version
from psci.oracle import peers, profiles
from psci.oracle.campaign.judging import Judge
from psci.oracle.checker.report import Verdict
from psci.oracle.peers.program import WakeStep
from psci.oracle.reference.choices import first
from psci.oracle.reference.implementation import Implementation
from psci.oracle.reference.peer import ModelPeer, declaration
from psci.oracle.reference.running import Running
from psci.oracle.suite.building import SLOT_SIZE, SLOTS, suite
from psci.oracle.suite.c_header import c_header
from psci.oracle.suite.document import document
from psci.oracle.suite.running import SuiteOutcome, another_way, declared_by, on_machine, program_of, run
from psci.oracle.suite.sequences import Suite, SuiteAwait, SuiteCall, SuiteWake
from psci.oracle.suite.traces import right_trace, wrong_trace

OSI = "the machine has no OS-initiated mode: --os-initiated"
GOING = "only while the system goes down, when one tester makes no call"
UNREACHED = {
    "AFFINITY_INFO.stopping": GOING,
    "CPU_SUSPEND.frozen_core_perhaps_too_shallow": OSI,
    "CPU_SUSPEND.nobody_knows_the_request": OSI,
    "CPU_SUSPEND.others_left_running_refused": OSI,
    "CPU_SUSPEND.others_perhaps_running": OSI,
    "CPU_SUSPEND.others_running": OSI,
    "CPU_SUSPEND.others_too_shallow": OSI,
    "CPU_SUSPEND.woken_before_the_check": OSI,
    "PSCI_SET_SUSPEND_MODE.mode_changed": OSI,
    "PSCI_SET_SUSPEND_MODE.other_core_not_off": OSI,
}
"""Rules of OS-initiated mode, which this machine lacks, and one that is seen only while the system goes down."""


@pytest.fixture(scope="module")
def made() -> Suite:
    return suite(small(2, version("1.3")))


def test_it_covers_every_rule_that_one_tester_can_reach(made: Suite) -> None:
    assert made.unreached == UNREACHED
    rules = {goal.removeprefix("rule ") for goal in made.covered if goal.startswith("rule ")}
    assert {"CPU_ON.accepted", "CPU_ON.already_on", "CPU_ON.on_pending", "CPU_ON.entry_unusable"} <= rules
    assert "system GOING -> DOWN" in made.covered and "core ON_PENDING/STOPPED -> ON/ENTERING" in made.covered


def test_with_os_initiated_mode_all_cores_sleep_and_the_last_is_woken_from_the_outside() -> None:
    osi = suite(small(2, version("1.3"), declared={"osi_supported": True}))
    assert osi.unreached == {
        "AFFINITY_INFO.stopping": GOING,
        "CPU_SUSPEND.others_left_running_refused": "no power domain is inside another one: --clusters",
    }
    late = [s for s in osi.sequences if any(isinstance(step, SuiteWake) and step.by is None for step in s.steps)]
    judge = Judge()
    assert late and {judge.judge(right_trace(osi, sequence)).verdict for sequence in late} == {Verdict.CONFORMS}
    programs = [program_of(osi, sequence) for sequence in late]
    steps = [step for program in programs for life in program.lives for step in life]
    assert any(isinstance(step, WakeStep) and step.late for step in steps)


def test_the_shortest_come_first_and_none_can_be_left_out(made: Suite) -> None:
    lengths = [len(sequence.steps) for sequence in made.sequences]
    assert lengths == sorted(lengths)
    reached = Counter(goal for sequence in made.sequences for goal in sequence.covers)
    assert [s.name for s in made.sequences if all(reached[goal] > 1 for goal in s.covers)] == []
    names = [sequence.name for sequence in made.sequences]
    assert len(set(names)) == len(names)


def test_a_started_core_is_waited_for_with_its_own_entry_and_context(made: Suite) -> None:
    pending = next(s for s in made.sequences if "rule CPU_ON.on_pending" in s.covers)
    calls = [step for step in pending.steps if isinstance(step, SuiteCall) and step.function == CPU_ON.name]
    second = {answer.text for answer in calls[1].answers}
    assert second == {"ALREADY_ON", "ON_PENDING"}
    awaited = next(step for step in pending.steps if isinstance(step, SuiteAwait))
    # The second call was refused: the core starts where the first one said.
    assert awaited.entries == ((calls[0].args[1], calls[0].args[2]),) and calls[0].args[1:] != calls[1].args[1:]


def test_each_pair_of_traces_is_judged_as_it_says(made: Suite) -> None:
    judge = Judge()
    verdicts: Counter[tuple[Verdict, Verdict | None]] = Counter()
    for sequence in made.sequences:
        wrong = wrong_trace(made, sequence, judge)
        verdicts[
            judge.judge(right_trace(made, sequence)).verdict, None if wrong is None else judge.judge(wrong).verdict
        ] += 1
    assert verdicts == {(Verdict.CONFORMS, Verdict.DEVIATES): len(made.sequences)}
    # The front door says the same.
    sequence = made.sequences[-1]
    assert psci.check(right_trace(made, sequence)).verdict is Verdict.CONFORMS
    last = wrong_trace(made, sequence, judge)
    assert last is not None and psci.check(last).verdict is Verdict.DEVIATES


def test_an_answer_that_is_allowed_but_not_on_the_way_is_told(made: Suite) -> None:
    sequence = next(s for s in made.sequences if "rule CPU_ON.accepted" in s.covers)
    trace = right_trace(made, sequence)
    assert another_way(made, sequence, trace) is None
    refused = tuple(replace(e, x0=(1 << 64) - 6) if isinstance(e, ReturnEvent) else e for e in trace)
    told = another_way(made, sequence, refused)
    assert told is not None and "INTERNAL_FAILURE" in told


def test_the_document_has_the_form_that_is_documented(made: Suite) -> None:
    found = document(made)
    jsonschema.validate(found, json.loads((ROOT / "cli/schemas/suite.json").read_text(encoding="utf-8")))
    assert [s["name"] for s in found["sequences"]] == [s.name for s in made.sequences]


# ---- the generated C


@pytest.fixture(scope="module")
def program(made: Suite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The header and the shim, compiled with every warning an error."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "suite.h").write_text(c_header(made), encoding="utf-8")
    shim = Path(__file__).with_name("shim.c")
    words = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{folder}"]
    subprocess.run([*words, str(shim), "-o", str(folder / "suite")], check=True, timeout=60)
    # Nothing but fixed-width integers is needed: a guest without a library can include it.
    (folder / "bare.c").write_text('#include "suite.h"\nconst void *psci_suite_all = psci_suite_sequences;\n')
    bare = ["-ffreestanding", "-nostdlib", "-c", str(folder / "bare.c"), "-o", str(folder / "bare.o")]
    subprocess.run([*words, *bare], check=True, timeout=60)
    return folder / "suite"


class Answerer:
    """The reference implementation behind the lines of shim.c."""

    def __init__(self, made: Suite, kind: type[Implementation]) -> None:
        self.made = made
        self.kind = kind
        self.running: Running | None = None
        self.seen: list[Event] = []

    def answer(self, line: str) -> str:
        what, *words = line.split()
        if what == "boot":
            if self.running is None:
                implementation = self.kind(self.made.event)
                self.running = Running(self.made.event, implementation, first)
            else:
                self.running.boot()
            self.seen = []
            return "silent"
        assert self.running is not None
        cores = self.made.machine.cores
        if what == "system":
            told = next((e for e in self._settle() if isinstance(e, SystemEvent)), None)
            return "silent" if told is None else f"system {told.event}"
        cpu = int(words[0])
        if what == "wake":
            self.running.wake(cpu)
            return "silent"
        if what == "call":
            self.running.call(cpu, int(words[1], 16), [int(word, 16) for word in words[2:]])
            self.seen += self._decided(cpu)
        else:
            self.seen += self._settle()
        for event in self.seen:
            if isinstance(event, EnterEvent | ReturnEvent) and event.cpu == cores[cpu]:
                self.seen.remove(event)
                if isinstance(event, ReturnEvent):
                    return f"returned {event.x0:x}"
                return f"entered {(event.pc - SLOTS) // SLOT_SIZE} {event.x0:x}"
        return "silent"

    def _decided(self, cpu: int) -> Iterator[Event]:
        """Only what is urgent: the call, and not what may come later."""
        assert self.running is not None
        while happening := next((h for h in self.running.happenings() if not h.lazy), None):
            yield from happening.make()

    def _settle(self) -> list[Event]:
        assert self.running is not None
        found: list[Event] = []
        while not self.running.down:
            happening = next(iter((*self.running.happenings(), *self.running.ending())), None)
            if happening is None:
                break
            found += happening.make()
        return found


def driven(made: Suite, program: Path, kind: type[Implementation]) -> Counter[str]:
    """How often the C comes to each result, against a kind of implementation."""
    answerer = Answerer(made, kind)
    results: Counter[str] = Counter()
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stdout is not None
        for line in child.stdout:
            if line.startswith("verdict "):
                results[line.split()[2]] += 1
                answerer.running = None
                continue
            child.stdin.write(answerer.answer(line) + "\n")
            child.stdin.flush()
    assert child.returncode == 0
    return results


class StartsElsewhere(Implementation):
    """It enters a core with another context id than the one that was asked for."""

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        return None if found is None else (found[0], found[1] + 1)


class AlwaysSucceeds(Implementation):
    """Every refusal of CPU_ON is a SUCCESS instead."""

    def chosen(self, invocation: Invocation) -> Outcome:
        outcome = super().chosen(invocation)
        return outcome._replace(value=0) if outcome.rule.name.startswith("CPU_ON.") else outcome


def test_the_c_blames_the_reference_for_nothing(made: Suite, program: Path) -> None:
    results = driven(made, program, Implementation)
    assert results["fail"] == results["not-tried"] == 0
    assert results["pass"] > len(made.sequences) * 3 // 4, results


@pytest.mark.parametrize("kind", [StartsElsewhere, AlwaysSucceeds])
def test_the_c_finds_an_implementation_that_is_wrong(made: Suite, program: Path, kind: type[Implementation]) -> None:
    assert driven(made, program, kind)["fail"] > 0


# ---- run on peers


def test_the_reference_passes_the_suite_that_is_run_on_it() -> None:
    request = peers.request_for("model")
    peer = ModelPeer("1.3", profile=declaration("1.3"))
    machine, declared = declared_by(peer, request, 2)
    described = profiles.machine(declared, machine.cpus, psci=machine.psci)
    results = list(run(suite(on_machine(described, 2)), peer, request, declared))
    outcomes = Counter(result.outcome for result in results)
    assert set(outcomes) <= {SuiteOutcome.PASSED, SuiteOutcome.ANOTHER_WAY}, [
        (result.sequence.name, result.lines) for result in results if result.outcome is SuiteOutcome.FAILED
    ]
    assert outcomes[SuiteOutcome.PASSED] > len(results) * 3 // 4, outcomes


@pytest.mark.peer
def test_qemu_deviates_only_as_its_quirks_say() -> None:
    request = peers.request_for("qemu")
    try:
        peer = peers.open_peer(request)
    except Missing as missing:
        pytest.skip(f"REAL PEER NOT TESTED: {missing}")
    try:
        machine, declared = declared_by(peer, request, 2)
        described = profiles.machine(declared, machine.cpus, psci=machine.psci)
        results = list(run(suite(on_machine(described, 2)), peer, request, declared))
    finally:
        peer.close()
    wanted = {SuiteOutcome.PASSED, SuiteOutcome.KNOWN, SuiteOutcome.ANOTHER_WAY}
    assert {result.outcome for result in results} <= wanted, [
        (result.sequence.name, result.lines) for result in results if result.outcome not in wanted
    ]
    assert any(result.outcome is SuiteOutcome.PASSED for result in results)
