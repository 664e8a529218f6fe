"""A campaign judges every trace, counts what it saw, and survives what goes wrong."""

from __future__ import annotations

from typing import Any

import pytest
from fake_peer import SILENCE, FakePeer

from psci.model.declare import rule_from
from psci.model.events import CallEvent, MachineEvent, ReturnEvent
from psci.model.language.rules import Completion, Modality
from psci.model.specification import SPECIFICATION
from psci.model.step import Invocation, Outcome
from psci.model.tables.codes import DENIED
from psci.model.tables.versions import V0_1, V1_3
from psci.oracle.campaign.campaign import (
    DEADLY_PROGRAMS_IN_A_ROW,
    DEATHS_OF_A_PROGRAM,
    REPEATS,
    STARTS,
    Campaign,
    CampaignPlan,
    CampaignResult,
)
from psci.oracle.campaign.judging import DeviationKey, Overlap, overlap
from psci.oracle.checker.report import Verdict
from psci.oracle.peers.peer import PeerError
from psci.oracle.peers.quirks import Quirk
from psci.oracle.profiles.asking import inferred, questions

WRONG = (1 << 64) - 3


def cookie_ignored(state: Any, call: Invocation, right: Outcome) -> int | None:
    return WRONG if right.rule.name == "SYSTEM_OFF2.cookie_set" else None


def version_silent(state: Any, call: Invocation, right: Outcome) -> int | None:
    return SILENCE if right.rule.name == "PSCI_VERSION.version" else None


def run(peer: FakePeer, calls: int = 400, **plan: Any) -> CampaignResult:
    return Campaign(CampaignPlan(seed=1, calls=calls, **plan), peer, lambda: FakePeer(fault=peer.fault)).run()


@pytest.fixture(scope="module")
def conforming() -> CampaignResult:
    return run(FakePeer(), calls=1500)


def test_a_conforming_implementation_has_no_deviation(conforming: CampaignResult) -> None:
    assert conforming.found == {}
    assert set(conforming.verdicts) <= {Verdict.CONFORMS, Verdict.UNPREDICTABLE}
    assert conforming.calls >= 1500 and conforming.problems == [] and conforming.permissions_used == {}


NOT_THIS_PEER = (
    # cores start at once, and none is asked to run at an address that it cannot use
    "CPU_ON.on_pending AFFINITY_INFO.on_pending CPU_ON.entry_unusable SYSTEM_SUSPEND.entry_unusable NODE_HW_STATE.down "
    # no policy, no disabled core, every level, every state, every reset; no upper half is looked at
    "CPU_ON.denied_by_policy CPU_ON.target_disabled AFFINITY_INFO.level_unsupported CPU_SUSPEND.state_invalid "
    "SYSTEM_RESET2.no_warm_reset AFFINITY_INFO.upper_half_checked "
    "NODE_HW_STATE.upper_half_checked SYSTEM_OFF2.upper_half_checked "
    # platform-coordinated, without a Trusted OS, without statistics
    "CPU_SUSPEND.others_running CPU_SUSPEND.others_too_shallow CPU_OFF.trusted_os_resident "
    "CPU_FREEZE.trusted_os_resident MIGRATE.target_invalid MIGRATE.not_migratable MIGRATE.not_resident "
    "MIGRATE.target_frozen MIGRATE.moved MIGRATE_INFO_UP_CPU.resident_core "
    "PSCI_STAT_RESIDENCY.residency_before_use PSCI_STAT_COUNT.count_before_use"
)
"""Binding rules that an implementation may follow and the fake peer has no occasion to."""


def test_all_binding_rules_are_exercised_but_those_for_other_implementations(conforming: CampaignResult) -> None:
    # The fake peer uses no permission.
    may = (Modality.MAY_REFUSE, Modality.MAY_SUCCEED)
    binding = {name for name in conforming.in_reach if SPECIFICATION.rule(name).modality not in may}
    assert {name for name in binding if not conforming.exercised[name]} == set(NOT_THIS_PEER.split())


def test_the_same_seed_gives_the_same_campaign(conforming: CampaignResult) -> None:
    again = run(FakePeer(), calls=1500)
    assert (again.calls, again.exercised) == (conforming.calls, conforming.exercised)


def test_a_deviation_is_counted_under_its_rule() -> None:
    result = run(FakePeer(fault=cookie_ignored), calls=800)
    assert list(result.found) == [DeviationKey("SYSTEM_OFF2", "returns DENIED", ("SYSTEM_OFF2.cookie_set",))]
    (found,) = result.found.values()
    assert found.count == result.verdicts[Verdict.DEVIATES] > 1
    assert found.deviation.cites[:2] == ("OFF2-6", "OFF2-8")


def test_a_peer_that_dies_is_started_again_and_its_death_is_a_deviation() -> None:
    result = run(FakePeer(deaths=1))
    assert result.died == ["program 0: it fell over"] and result.programs > 1
    (found,) = result.found.values()
    assert (found.deviation.key, found.count, found.number) == (DeviationKey("PEER", "crashes", ()), 1, 0)
    assert not result.gave_up and result.calls >= 400


def test_a_peer_that_keeps_dying_ends_the_campaign() -> None:
    deaths = DEATHS_OF_A_PROGRAM * DEADLY_PROGRAMS_IN_A_ROW
    result = run(FakePeer(deaths=deaths))
    assert result.gave_up and result.programs == 1
    assert [found.count for found in result.found.values()] == [deaths]


def test_a_peer_that_dies_at_its_start_is_tried_again() -> None:
    assert run(FakePeer(deaths=STARTS - 1, dies_at=0)).died == ["at its start: it fell over"] * (STARTS - 1)
    with pytest.raises(PeerError, match=f"it fell over .at its start, {STARTS} times"):
        run(FakePeer(deaths=STARTS, dies_at=0))


def test_an_interrupt_leaves_what_there_is() -> None:
    result = run(FakePeer(interrupt_at=4), calls=10_000)
    assert result.interrupted and result.programs == 3 and result.calls > 0


def test_a_missing_answer_is_a_deviation_only_after_more_patience() -> None:
    result = run(FakePeer(fault=version_silent))
    assert DeviationKey("PSCI_VERSION", "gives no answer", ("PSCI_VERSION.version",)) in result.found
    assert result.repeated == 1 and result.slow == 0 and REPEATS == 3


def test_a_slow_answer_is_no_deviation() -> None:
    slow = FakePeer(fault=version_silent)
    result = Campaign(CampaignPlan(seed=1, calls=300), slow, FakePeer).run()
    assert result.found == {} and result.slow == result.repeated > 0


def test_a_quirk_is_counted_and_no_longer_a_deviation() -> None:
    result = run(FakePeer(fault=cookie_ignored), calls=800, quirks=(quirk(),))
    assert result.found == {}
    assert result.quirks_used["SYSTEM_OFF2.cookie_denied"] > 1 and result.stale_quirks == []


def test_a_quirk_that_no_longer_occurs_is_stale() -> None:
    result = run(FakePeer(), calls=1500, quirks=(quirk(),))
    assert result.stale_quirks == list(result.plan.quirks)


def quirk() -> Quirk:
    from psci.model.calls.system_off2 import SYSTEM_OFF2

    rule = rule_from(
        "SYSTEM_OFF2", "cookie_denied", "A cookie is denied.", Modality.AMENDS, Completion.RETURNS, DENIED,
        SYSTEM_OFF2.terms.cookie != 0, ("OFF2-8",), V0_1, V1_3,
    )  # fmt: skip
    return Quirk(rule, "for a test", r"fake", always=True)


def test_what_an_implementation_says_of_itself_is_its_profile() -> None:
    (trace,) = FakePeer(psci="1.1").run([questions(2)])
    profile = inferred(trace)
    assert profile["functions"]["SYSTEM_RESET2"] is True and "SYSTEM_OFF2" not in profile["functions"]
    assert profile["power_state_format"] in ("original", "extended")


def test_before_1_0_nothing_is_inferred() -> None:
    (trace,) = FakePeer(psci="0.2").run([questions(2)])
    assert inferred(trace) == {}


def test_overlap_counts_calls_in_flight_together() -> None:
    version, suspend = 0x8400_0000, 0x8400_0001
    events = [
        MachineEvent(psci="1.3", cpus=(0, 1, 2)),
        CallEvent(cpu=0, fn=version), CallEvent(cpu=1, fn=version), ReturnEvent(cpu=0, x0=1), ReturnEvent(cpu=1, x0=1),
        CallEvent(cpu=2, fn=suspend), CallEvent(cpu=0, fn=version), ReturnEvent(cpu=0, x0=1),
    ]  # fmt: skip
    found = overlap(events)
    assert found == Overlap(2, found.pairs)
    assert dict(found.pairs) == {("PSCI_VERSION", "PSCI_VERSION"): 1}
