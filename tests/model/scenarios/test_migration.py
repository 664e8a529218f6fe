"""A machine moves between hosts."""

from __future__ import annotations

import json
from importlib import resources

import jsonschema
import pytest

from psci.cli.main import run
from psci.explorer.questions.survival import missed
from psci.host.requirements import Missing
from psci.model.scenarios.migration import GuestView, Journey, MigrationHost, journeys, move
from psci.model.tables.versions import V1_1, V1_3
from psci.oracle.checker.report import Verdict
from psci.oracle.filter.migration import moves
from psci.oracle.filter.run import FilterTarget
from psci.oracle.peers import request_for

NEW, OLD = GuestView(0x1_0003, 1), GuestView(0x1_0001, (1 << 64) - 1)


def test_what_comes_of_each_move() -> None:
    assert [move(journey).verdict for _, journey in journeys()] == [
        "refused", "changed", "unchanged", "unchanged", "changed", "changed",
        "unchanged", "changed", "unchanged", "changed", "unchanged", "unchanged",
    ]  # fmt: skip


def test_a_register_that_is_not_restored_takes_system_off2_from_the_guest() -> None:
    found = move(Journey(MigrationHost(V1_3), MigrationHost(V1_1), restores=False))
    assert (found.before, found.after) == (NEW, OLD)


def test_what_is_restored_and_set_up_again_never_changes() -> None:
    hosts = [MigrationHost(V1_1), MigrationHost(V1_3)]
    for source in hosts:
        for destination in hosts:
            for pinned in (None, V1_1):
                assert move(Journey(source, destination, pinned)).verdict in ("unchanged", "refused")


def test_a_pending_a_suspended_and_a_hibernating_core_have_to_move_as_they_are() -> None:
    found = {lost.field: lost for lost in missed()}
    assert {"power", "activity", "entry", "context", "system", "asked", "kind"} <= set(found)
    assert found["power"].before[0].startswith("core 0: CPU_ON(")
    assert any("SYSTEM_OFF2" in step for step in found["kind"].before) or "BOOT" in found["kind"].noticed


def test_the_command_prints_what_its_schema_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["migrate", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, json.loads(resources.files("psci.cli").joinpath("schemas/migrate.json").read_text()))
    assert len(document["moves"]) == 12


def test_both_ends_have_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["migrate", "--from", "kvm:latest"]) == 2
    assert "--from and --to belong together" in capsys.readouterr().err


@pytest.mark.peer
@pytest.mark.slow
def test_on_real_kernels_only_a_pinned_machine_moves_back() -> None:
    try:
        found = list(moves(FilterTarget(request_for("kvm:latest")), FilterTarget(request_for("kvm:6.12")), "1.1"))
    except Missing as missing:
        pytest.skip(f"REAL PEER NOT TESTED: {missing}")
    assert "KVM_SET_ONE_REG failed with EINVAL" in found[0].refused
    verdicts = [one.report.verdict for one in found[1:] if one.report is not None]
    assert verdicts == [Verdict.DEVIATES, Verdict.CONFORMS, Verdict.CONFORMS]
