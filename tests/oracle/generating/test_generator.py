"""Programs are functions of the seed, go deep, and reach the edges that the rules know."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import Phase, find, settings

from psci.model.events import MachineEvent
from psci.model.machine import Machine
from psci.model.tables.versions import V1_1, V1_3
from psci.oracle.generating.arguments import strangers
from psci.oracle.generating.generator import Generator, ProgramShape, programs
from psci.oracle.generating.memory import Memory
from psci.oracle.peers.program import CallStep, EntrySlot, Program, WakeStep
from psci.oracle.profiles.declaration import machine_from

CORES = (0, 1, 2, 3)
ENTRY_OF = {0x8400_0001: 1, 0xC400_0001: 1, 0x8400_0003: 1, 0xC400_0003: 1, 0x8400_000E: 0, 0xC400_000E: 0}
"""Where the entry point stands among the arguments."""


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator(Machine(V1_3, CORES))


@pytest.fixture(scope="module")
def generated(generator: Generator) -> list[Program]:
    return [generator.program(Random(f"7:{number}")) for number in range(60)]


def calls(found: list[Program]) -> list[CallStep]:
    return [step for program in found for life in program.lives for step in life if isinstance(step, CallStep)]


def test_the_same_seed_gives_the_same_program(generator: Generator) -> None:
    assert generator.program(Random("1:5")) == generator.program(Random("1:5"))
    assert generator.program(Random("1:5")) != generator.program(Random("1:6"))


def test_turns_never_decrease_within_a_core(generated: list[Program]) -> None:
    for program in generated:
        for life in program.lives:
            for core in CORES:
                turns = [step.turn for step in life if step.cpu == core]
                assert turns == sorted(turns)


def test_every_start_has_an_entry_slot_of_its_own(generated: list[Program]) -> None:
    for program in generated:
        for life in program.lives:
            starts = [step for step in calls([Program(cpus=4, lives=(life,))]) if step.fn in ENTRY_OF]
            entries = [step.args[ENTRY_OF[step.fn]] for step in starts]
            slots = [entry.slot for entry in entries if isinstance(entry, EntrySlot)]
            assert len(slots) == len(set(slots))


def test_every_function_is_called_by_each_of_its_ids(generator: Generator, generated: list[Program]) -> None:
    made = {step.fn for step in calls(generated)}
    assert {fid for call in generator.calls for fid in call.ids() if fid} - made == set()
    assert set(generator.unknown_ids) - made == set()


def test_ids_of_no_function_are_ids_of_no_function(generator: Generator) -> None:
    assert set(generator.unknown_ids) & set(generator.stepper.specification.call_of) == set()
    assert len(generator.unknown_ids) > 10


def test_strangers_name_no_core() -> None:
    assert set(strangers(CORES)) & set(CORES) == set()
    assert {4, 1 << 31, 3 | 1 << 63, 0xFFFF_FFFF} <= set(strangers(CORES))


def test_suspended_cores_are_woken_and_cores_overlap(generated: list[Program]) -> None:
    steps = [step for program in generated for life in program.lives for step in life]
    assert any(isinstance(step, WakeStep) for step in steps)
    shared = sum(
        len({step.cpu for step in life if step.turn == turn}) > 1
        for program in generated
        for life in program.lives
        for turn in {step.turn for step in life}
    )
    turns = sum(len({step.turn for step in life}) for program in generated for life in program.lives)
    assert shared / turns > 0.1


def test_most_lives_start_other_cores(generated: list[Program]) -> None:
    lives = [life for program in generated for life in program.lives]
    deep = [life for life in lives if len({step.cpu for step in life}) > 2]
    assert len(deep) / len(lives) > 0.4


def test_a_version_without_a_function_is_asked_for_it_as_for_an_unknown_id() -> None:
    generator = Generator(Machine(V1_1, CORES))
    assert "SYSTEM_OFF2" not in {call.name for call in generator.calls}


def test_one_core_makes_programs_too() -> None:
    generator = Generator(Machine(V1_3, (0,)), shape=ProgramShape(lives=(1, 1)))
    assert all(step.cpu == 0 for step in calls([generator.program(Random(number)) for number in range(20)]))


def test_hypothesis_shrinks_the_same_programs(generator: Generator) -> None:
    def hibernates(program: Program) -> bool:
        return any(step.fn in (0x8400_0015, 0xC400_0015) for step in calls([program]))

    smallest = find(
        programs(generator),
        hibernates,
        settings=settings(
            max_examples=500, database=None, phases=[Phase.generate],
        ),
    )  # fmt: skip
    assert hibernates(smallest)


@pytest.mark.parametrize("psci", ["0.1", "0.2", "1.0", "1.3"])
@pytest.mark.parametrize("cpus", [1, 3])
def test_there_are_programs_for_every_version_and_number_of_cores(psci: str, cpus: int) -> None:
    generator = Generator(machine_from(MachineEvent(psci=psci, cpus=tuple(range(cpus)))))
    memory = Memory()
    made = [generator.program(Random(f"{cpus}:{number}"), memory) for number in range(6)]
    # Version 0.1 has no ids of its own: without those of a device tree there is nothing to call.
    assert all(program.cpus == cpus and (any(program.lives) or psci == "0.1") for program in made)


def test_a_call_is_made_again_and_the_last_sleeper_is_woken_from_the_outside(generated: list[Program]) -> None:
    steps = [step for program in generated for life in program.lives for step in life]
    assert any(isinstance(step, WakeStep) and step.late and step.target == step.cpu for step in steps)
    made = Counter((step.fn, step.args) for step in steps if isinstance(step, CallStep) and step.args)
    assert max(made.values()) > 1
