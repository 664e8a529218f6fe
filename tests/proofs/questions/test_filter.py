"""Which function ids must be forwarded, for any number of cores."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from importlib import resources

import jsonschema
import pytest

from psci.cli.main import run
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.calls.system_suspend import SYSTEM_SUSPEND
from psci.model.language.effects import NOTHING
from psci.model.specification import SPECIFICATION, Specification
from psci.model.tables.versions import V0_2, V1_1, V1_2, V1_3, V1_3_F, Version, version
from psci.proofs.encoding.queries import SolverVerdict
from psci.proofs.questions.filter import PROVISOS, Proviso, Sufficiency, left_to_the_kernel, sufficiency
from psci.proofs.suite import ANY, translations

POLICY = PROVISOS[0]


@cache
def found(kernel: str, want: str, *offered: str) -> Sufficiency:
    calls = [call for call in SPECIFICATION.calls if call.name in offered]
    return sufficiency(version(kernel), version(want), calls)


def ids(*words: int) -> frozenset[int]:
    return frozenset(words)


def verdicts(
    kernel: Version, want: Version, provided: tuple[Proviso, ...] = (), specification: Specification = SPECIFICATION
) -> set[SolverVerdict]:
    call = translations(ANY, specification).of(CPU_ON)
    left = left_to_the_kernel(call, CPU_ON.fid64, kernel, want, (SYSTEM_OFF2,), provided)
    assert left.answers or left.alike
    return {answer.verdict for _, answer in left.answers}


def test_the_claim_of_the_discussion_holds() -> None:
    claim = found("1.1", "1.3", "SYSTEM_OFF2")
    assert claim.ids == ids(0x8400_0000, 0x8400_000A, 0x8400_0015, 0xC400_0015)
    assert claim.undecided == ()
    assert {left.fid for left in claim.left} >= {0x8400_0001, 0xC400_0003, 0xC400_0004, 0x8400_0008, 0xC400_0012}


def test_the_proof_rests_on_no_policy_and_on_cores_that_may_go_on() -> None:
    assert [(p.symbol, p.value) for p in found("1.1", "1.3", "SYSTEM_OFF2").provisos] == [
        ("policy", "ALLOWS"), ("system_stop", "DRAIN"),
    ]  # fmt: skip


def test_cpu_on_must_be_forwarded_where_policy_denies_a_core() -> None:
    assert SolverVerdict.REFUTED in verdicts(V1_1, V1_3)
    assert verdicts(V1_1, V1_3, provided=(POLICY,)) == {SolverVerdict.PROVED}
    assert verdicts(V1_2, V1_3) == {SolverVerdict.PROVED}


def test_without_anything_new_the_version_is_enough() -> None:
    assert found("1.1", "1.2").ids == ids(0x8400_0000)


def test_a_kernel_of_issue_f_needs_its_type_0_taken_over() -> None:
    forced = found("1.3-F", "1.3").forced
    assert [(f.fid, f.rules) for f in forced] == [
        (0x8400_0015, ("SYSTEM_OFF2.default_type_reserved",)), (0xC400_0015, ("SYSTEM_OFF2.default_type_reserved",)),
    ]  # fmt: skip


def test_system_suspend_in_the_vmm_takes_both_its_ids() -> None:
    more = found("1.1", "1.3", "SYSTEM_OFF2", "SYSTEM_SUSPEND").ids - found("1.1", "1.3", "SYSTEM_OFF2").ids
    assert more == ids(*SYSTEM_SUSPEND.ids())


def test_a_0_2_kernel_becomes_1_1_where_it_has_nothing_to_refuse() -> None:
    old = found("0.2", "1.1")
    assert old.ids == ids(0x8400_0000, 0x8400_000A)
    assert {p.symbol for p in old.provisos} == {
        "address_unusable", "unused_entry", "errata", "affinity_level_supported", "system_stop",
    }  # fmt: skip


def test_a_kernel_that_differs_in_a_code_or_in_an_effect_is_noticed() -> None:
    rule = SPECIFICATION.rule("CPU_ON.accepted")
    forgets = replace(rule, until=V1_1, effect=NOTHING)
    remembers = replace(rule, since=V1_2)
    assert SolverVerdict.REFUTED in verdicts(
        V1_1, V1_3, provided=(POLICY,), specification=SPECIFICATION.replacing(rule, forgets, remembers)
    )


def test_versions_that_are_equal_need_no_filter() -> None:
    assert found("1.3", "1.3").ids == ids()
    assert V0_2 < V1_3_F


@pytest.mark.slow
def test_the_command_proves_and_shows_a_trace_for_each_id(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["filter", "--kernel", "1.1", "--want", "1.3", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    schema = json.loads(resources.files("psci.cli").joinpath("schemas/filter.json").read_text())
    jsonschema.validate(document, schema)
    assert [entry["id"] for entry in document["forwarded"]] == ["0x84000000", "0x8400000a", "0x84000015", "0xc4000015"]
    traces = {entry["id"]: [event["k"] for event in entry["witness"]["trace"]] for entry in document["forwarded"]}
    one, two = ["machine", "call", "return", "end"], ["machine", "call", "return", "call", "return", "end"]
    assert traces == {"0x84000000": one, "0x8400000a": two, "0x84000015": two, "0xc4000015": two}
    assert document["proof"]["undecided"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kernel", "1.3", "--want", "1.1"], "--want 1.1: older than the kernel's 1.3"),
        (["--kernel", "1.1", "--want", "2.0"], "unknown PSCI version '2.0'"),
        (["--kernel", "1.1", "--want", "1.3", "--vmm", "SYSTEM_NAP"], "--vmm SYSTEM_NAP: PSCI 1.3 has no"),
        (["--kernel", "1.1", "--want", "1.3", "--without", "all"], "--without: only a run can leave an id out"),
        (["--kernel", "1.1", "--want", "1.3", "--run", "qemu"], "--run qemu: only KVM has an SMCCC filter"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["filter", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
