from __future__ import annotations

from itertools import chain
from random import Random

import pytest

from psci.model.events import Machine
from psci.oracle.campaign.generator import Generator, Shape
from psci.oracle.checker.checker import Checker
from psci.oracle.checker.report import Verdict
from psci.oracle.peers.program import CallStep, Entry, Program
from psci.oracle.profiles.declaration import machine_from
from psci.oracle.reference.faults import FAULTS, Fault
from psci.oracle.reference.implementation import Implementation
from psci.oracle.reference.peer import ModelPeer

PROGRAMS = 120
CPU_ON, AFFINITY_INFO, CPU_OFF, SYSTEM_OFF2 = 0xC400_0003, 0xC400_0004, 0x8400_0002, 0xC400_0015
SHAPE = Shape(overlap=0.3, turns=(6, 20), lives=(2, 4), look=0.5)


def scenarios() -> list[Program]:
    """What the generator does rarely: a race of two CPU_ON, a boot core that turns itself off, hibernation."""
    first = CallStep(turn=0, cpu=0, fn=CPU_ON, args=(1, Entry(0), 1))
    race = (
        CallStep(turn=1, cpu=0, fn=CPU_ON, args=(2, Entry(1), 2)),
        CallStep(turn=1, cpu=1, fn=CPU_ON, args=(2, Entry(2), 3)),
    )
    off = (
        CallStep(turn=1, cpu=0, fn=CPU_OFF, returns=False),
        *(CallStep(turn=2 + n, cpu=1, fn=AFFINITY_INFO, args=(0, 0)) for n in range(3)),
    )
    hibernate = CallStep(turn=0, cpu=0, fn=SYSTEM_OFF2, args=(1, 0), returns=False)
    return [Program(cpus=3, lives=((first, *race), (first, *off), (hibernate,)))] * 20


def test_there_are_at_least_ten_and_each_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 10


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_campaign_catches_the_fault_and_not_the_reference(fault: Fault) -> None:
    machine = Machine(psci=fault.psci, cpus=(0, 1, 2), profile=dict(fault.profile))
    generator = Generator(machine_from(machine), psci=fault.psci, shape=SHAPE)
    wrong = ModelPeer(
        fault.psci, kind=fault.kind, specification=fault.specification, seed=1, profile=dict(fault.profile)
    )
    right = ModelPeer(fault.psci, kind=Implementation, seed=1, profile=dict(fault.profile))
    wanted = Verdict.DEVIATES if fault.facts else Verdict.UNKNOWN
    stepper = None
    generated = (generator.program(Random(number)) for number in range(PROGRAMS))
    for program in chain(scenarios(), generated):
        found = []
        for peer in (right, wrong):
            (trace,) = peer.run([program])
            head, *events = trace
            assert isinstance(head, Machine)
            checker = Checker(head, stepper=stepper)
            stepper = checker.stepper
            stepper.learned.clear()
            for event in events:
                checker.feed(event)
            found.append(checker.report)
        assert found[0].verdict not in (Verdict.DEVIATES, Verdict.UNKNOWN), "\n".join(found[0].lines())
        named = {
            fact
            for finding in found[1].findings
            for fact in (*finding.cites, *(finding.nearest.cites if finding.nearest else ()))
        }
        if found[1].verdict is wanted and set(fault.facts) <= named:
            return
    pytest.fail(f"{fault.name} was not caught")
