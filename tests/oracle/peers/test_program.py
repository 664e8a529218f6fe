"""Late wakeups: the outside makes them, or, where it cannot, the core itself before it sleeps."""

from __future__ import annotations

from pathlib import Path

from psci.model.events import CallEvent, EndEvent, MachineEvent, ReturnEvent, TimeoutEvent, WakeEvent
from psci.oracle.campaign import saved
from psci.oracle.campaign.judging import DeviationKey
from psci.oracle.campaign.saved import SavedDeviation
from psci.oracle.campaign.shrinker import Rate
from psci.oracle.peers.program import CallStep, Program, ProgramStep, WakeStep, pending_before
from psci.oracle.reference.peer import ModelPeer

SUSPEND, VERSION = 0x8400_0001, 0x8400_0000
SLEEP = CallStep(turn=1, cpu=0, fn=SUSPEND, returns=False)
LATE = WakeStep(turn=2, cpu=0, target=0, late=True)


def program(*steps: ProgramStep) -> Program:
    return Program(cpus=1, lives=(steps,))


def test_a_late_wakeup_is_made_before_the_call_that_it_ends() -> None:
    first, last = CallStep(turn=0, cpu=0, fn=VERSION), CallStep(turn=3, cpu=0, fn=VERSION)
    made = pending_before(program(first, SLEEP, LATE, last))
    assert made == program(first, WakeStep(turn=1, cpu=0, target=0), SLEEP, last)


def test_a_late_wakeup_after_a_call_that_returns_is_left_out() -> None:
    refused = CallStep(turn=1, cpu=0, fn=SUSPEND)
    assert pending_before(program(refused, LATE)) == program(refused)


def test_a_late_wakeup_is_saved_and_read_again(tmp_path: Path) -> None:
    made = program(SLEEP, LATE, WakeStep(turn=3, cpu=0, target=0))
    document = SavedDeviation(
        peer={"name": "model"}, version="1", command="psci fuzz model", seed=1, number=0, psci="0.2", profile={},
        key=DeviationKey("ENTER", "unexpected", ()), facts=(), text=(), rate=Rate(1, 1), program=made,
        trace=(MachineEvent(psci="0.2", cpus=(0,)), EndEvent(why="done")),
    )  # fmt: skip
    assert saved.read(saved.write(document, tmp_path)).program == made


def test_the_reference_is_woken_when_nothing_else_can_happen() -> None:
    def kinds(*steps: ProgramStep) -> list[type]:
        (trace,) = ModelPeer("0.2").run([program(*steps)])
        return [type(event) for event in trace]

    assert kinds(SLEEP) == [MachineEvent, CallEvent, TimeoutEvent, EndEvent]
    assert kinds(SLEEP, LATE) == [MachineEvent, CallEvent, WakeEvent, ReturnEvent, EndEvent]
    again = CallStep(turn=3, cpu=0, fn=VERSION)
    assert kinds(CallStep(turn=1, cpu=0, fn=VERSION), LATE, again) == [
        MachineEvent, CallEvent, ReturnEvent, CallEvent, ReturnEvent, EndEvent,
    ]  # fmt: skip
