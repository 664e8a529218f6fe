"""What is hard to find is found, and shrinks to exactly this."""

from __future__ import annotations

from typing import Any

import pytest
from fake_peer import FakePeer

from psci.model.step import Invocation, Outcome
from psci.oracle.campaign.campaign import Campaign, CampaignPlan
from psci.oracle.campaign.reproducing import Reproduced, reproduce
from psci.oracle.campaign.shrinker import Rate, Shrinker, normal, weight
from psci.oracle.peers.program import CallStep, EntrySlot, Program, WakeStep

ON, OFF, OFF2, INFO = 0x8400_0003, 0x8400_0002, 0x8400_0015, 0x8400_0004
DENIED, ALREADY_ON = (1 << 64) - 3, (1 << 64) - 4


def cookie_ignored(state: Any, call: Invocation, right: Outcome) -> int | None:
    """The bug of an early SYSTEM_OFF2: a cookie is refused with the wrong code."""
    return DENIED if right.rule.name == "SYSTEM_OFF2.cookie_set" else None


def third_start_refused(state: Any, call: Invocation, right: Outcome) -> int | None:
    """A core cannot be turned on by a core that is itself not the boot core."""
    return ALREADY_ON if right.rule.name == "CPU_ON.accepted" and call.caller != 0 else None


def started_once(state: Any, call: Invocation, right: Outcome) -> int | None:
    """A core that was off, on and off again cannot be turned on any more."""
    again = right.rule.name == "CPU_ON.accepted" and state.entry[call.x1 & 0xFF] != 0
    return ALREADY_ON if again else None


def found_and_shrunk(fault: Any, rate: float = 1.0, calls: int = 400) -> Reproduced:
    peer = FakePeer(fault=fault, rate=rate)
    campaign = Campaign(CampaignPlan(seed=3, calls=calls), peer, lambda: peer)
    found = next(iter(campaign.run().found.values()))
    return reproduce(peer, campaign.judge_of(found.program), found, lambda: True)


def test_a_wrong_code_shrinks_to_one_call() -> None:
    made = found_and_shrunk(cookie_ignored)
    assert made.program == Program(cpus=1, lives=((CallStep(turn=0, cpu=0, fn=OFF2, args=(0, 1)),),))
    assert made.rate == Rate(10, 10)


def test_a_wrong_state_shrinks_to_the_calls_that_lead_to_it() -> None:
    made = found_and_shrunk(started_once)
    assert made.program == Program(
        cpus=2,
        lives=((
            CallStep(turn=0, cpu=0, fn=ON, args=(1, EntrySlot(1))),
            CallStep(turn=1, cpu=1, fn=OFF, returns=False),
            # without this the CPU_OFF may still be on its way, and ALREADY_ON is right (6.6)
            CallStep(turn=2, cpu=0, fn=INFO, args=(1,)),
            CallStep(turn=3, cpu=0, fn=ON, args=(1,)),
        ),),
    )  # fmt: skip


def test_cores_are_renamed_to_the_lowest() -> None:
    made = found_and_shrunk(third_start_refused)
    assert made.program == Program(
        cpus=3,
        lives=((
            CallStep(turn=0, cpu=0, fn=ON, args=(1, EntrySlot(1))),
            CallStep(turn=1, cpu=1, fn=ON, args=(2,)),
        ),),
    )  # fmt: skip


def test_a_rare_deviation_shrinks_too_and_its_rate_is_told() -> None:
    made = found_and_shrunk(cookie_ignored, rate=0.4, calls=1200)
    assert made.program == Program(cpus=1, lives=((CallStep(turn=0, cpu=0, fn=OFF2, args=(0, 1)),),))
    assert 0 < made.rate.seen < made.rate.of == 10


@pytest.mark.parametrize(("rate", "runs"), [(Rate(5, 5), 1), (Rate(4, 5), 4), (Rate(1, 5), 14), (Rate(0, 5), 25)])
def test_an_uncertain_deviation_is_given_more_runs(rate: Rate, runs: int) -> None:
    assert rate.runs == runs


def test_shrinking_stops_when_it_is_told_to() -> None:
    program = Program(cpus=2, lives=((CallStep(turn=0, cpu=0, fn=ON), CallStep(turn=1, cpu=0, fn=OFF)),) * 2)
    shrinker = Shrinker(lambda candidate: True, (0, 1), Rate(1, 1), may_go_on=lambda: shrinker.runs < 1)
    assert weight(shrinker.shrink(program)) < weight(program)
    assert shrinker.runs == 1


def test_a_normal_program_has_no_gaps() -> None:
    life = (
        CallStep(turn=4, cpu=0, fn=ON, args=(1, EntrySlot(9), 0)),
        WakeStep(turn=7, cpu=0, target=1),
        CallStep(turn=7, cpu=1, fn=ON, args=(2, EntrySlot(3), 0)),
    )
    assert normal(Program(cpus=3, lives=(life,))).lives == ((
        CallStep(turn=0, cpu=0, fn=ON, args=(1, EntrySlot(1), 0)),
        WakeStep(turn=1, cpu=0, target=1),
        CallStep(turn=1, cpu=1, fn=ON, args=(2, EntrySlot(2), 0)),
    ),)  # fmt: skip
