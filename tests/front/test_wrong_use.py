"""Whoever uses the front door wrongly gets one line that says what, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

import psci
from psci.model.errors import InputError

ANY = cast(Any, psci)
HEAD = {"k": "machine", "format": 1, "psci": "1.3", "cpus": ["0x0"]}
END = {"k": "end", "why": "done"}
CALL = {"k": "call", "cpu": "0x0", "fn": "0x84000000"}

WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "half a core": (lambda: ANY.machine(2.5), "cpus 2.5: give a number of cores, or the MPIDR of each"),
    "cores as a text": (lambda: ANY.machine("2"), "cpus '2': give a number of cores"),
    "a truth as a number": (lambda: ANY.machine(True), "cpus True: give a number of cores"),
    "two numbers of cores": (lambda: psci.machine(3, clusters=[2, 2]), "cpus: 3 cores, and 4 in the clusters"),
    "clusters beside a profile": (
        lambda: psci.machine(profile="kvm-guest", clusters=[2, 2]), "a profile describes its power domains itself"),
    "a cluster that is a number": (lambda: ANY.machine(clusters=2), "clusters 2: give the number of cores of each"),
    "a reading alone": (lambda: ANY.machine(readings="frozen-core"), "give options by the names of readings"),
    "no such profile": (lambda: psci.machine(profile="nosuch"), "nosuch: No such file or directory; the shipped"),
    "no such execution state": (lambda: psci.machine().call("CPU_ON", isa="ARM"), "isa 'ARM': choose one of AARCH64"),
    "no such world": (lambda: psci.machine().call("CPU_ON", world="MOON"), "world 'MOON': choose one of NORMAL"),
    "a function by its id": (lambda: ANY.machine().call(0xC400_0003), "unknown function 3288334339"),
    "an argument as a text": (lambda: ANY.machine().call("CPU_ON", target_cpu="1"), "target_cpu is '1': give a word"),
    "a core as a text": (lambda: ANY.machine().call("CPU_ON", cpu="0"), "core 0: the machine has the cores 0 to 1"),
    "nothing is taken": (lambda: ANY.machine().take(None), "take: None is not an outcome"),
    "an outcome of another machine": (
        lambda: psci.machine(2, "1.0").take(psci.machine(2).call("CPU_ON", target_cpu=1)[0]), "belongs to another"),
    "a property by another case": (lambda: psci.prove("prop-2"), "unknown property 'prop-2': did you mean PROP-2?"),
    "so many cores": (lambda: psci.prove("PROP-2", cores=4), "cores 4: choose '3' or 'any'"),
    "a number is a trace": (lambda: ANY.check(3), "int is not a trace: give a file, or a list of events"),
    "a trace that goes on": (lambda: psci.check([HEAD, END, CALL]), "event 2: nothing may follow the `end` event"),
    "a machine without cores": (lambda: psci.check([{**HEAD, "cpus": []}]), "event 0: `cpus` is empty"),
    "no machine": (lambda: ANY.explore(None), "NoneType is not a machine: give what psci.machine() returns"),
    "no states": (lambda: psci.explore(psci.machine(), limit=0), "limit 0: give a number of states, at least 1"),
    "no such rule": (lambda: psci.rules["CPU_ON.acepted"], "unknown rule 'CPU_ON.acepted': did you mean CPU_ON.accep"),
    "ids where they are fixed": (lambda: psci.machine(ids={"CPU_ON": 1}), "only 0.1 takes them from the device tree"),
    "no ids": (lambda: psci.machine(version="0.1"), "PSCI 0.1 takes its function ids from the device tree: give them"),
    "an id of nothing": (
        lambda: psci.machine(version="0.1", ids={"PSCI_VERSION": 1}), "'PSCI_VERSION' is no function of PSCI 0.1"),
    "a function without an id": (
        lambda: psci.machine(version="0.1", ids={"CPU_ON": 1}).call("CPU_OFF"), "CPU_OFF: `ids` gives no function id"),
    "cores of a picture": (lambda: ANY.graph(cpus="two"), "cpus 'two': give a number of cores, 1 to 8"),
    "too many for a picture": (lambda: psci.graph(cpus=64), "cpus 64: give a number of cores, 1 to 8"),
    "a version as a number": (lambda: ANY.graph(version=1.3), "version 1.3: give a name, as a text"),
    "a reading of a picture": (lambda: ANY.graph(readings="x"), "readings 'x': give options by the names of readings"),
    "a picture nowhere": (lambda: ANY.graph("system", cpus=1).save(3), "3 is no file: give a path"),
    "an empty trace": (lambda: psci.timeline([]), "the trace is empty: give at least its machine line"),
    "a timeline as a bitmap": (lambda: psci.timeline([HEAD]).save("x.png"), "name a file that ends in .svg"),
    "no such goal": (lambda: psci.explore(psci.machine(), until="nosuch"), "until nosuch: no such goal, rule or"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_is_told_in_one_line(name: str) -> None:
    use, words = WRONG[name]
    with pytest.raises(InputError) as caught:
        use()
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_names_are_looked_up_as_in_any_mapping() -> None:
    assert "nosuch" not in psci.rules and 3 not in ANY.rules
    assert psci.readings.get("nosuch") is None


def test_a_property_is_proved_by_itself_and_for_some_cores() -> None:
    done = psci.prove(psci.properties["STATES"], cores="any")
    assert done.proved and {result.cores for result in done} == {"any"}


def test_clusters_say_how_many_cores_there_are(tmp_path: Path) -> None:
    assert len(psci.machine(clusters=[2, 1]).machine.cores) == 3


def test_psci_0_1_is_called_by_the_ids_of_its_device_tree() -> None:
    machine = psci.machine(version="0.1", ids={"CPU_ON": 0x95C1_BA60})
    started = machine.take(machine.call("CPU_ON", target_cpu=1, entry_point_address=0x4000_0000)["CPU_ON.accepted"])
    running = started.take(started.moves()["START"])
    assert 0x95C1_BA60 in {getattr(event, "fn", None) for event in running.events}
    assert psci.check(running.events).verdict.value == "conforms"


def test_a_property_is_looked_for_in_all_states() -> None:
    held = psci.explore(psci.machine(cpus=2), until="PROP-2")
    assert held.way is None and held.exploration.complete
    shown = psci.explore(psci.machine(cpus=2), until="CAN-HIBERNATE")
    assert shown.way is not None and psci.check(shown.way.events).verdict.value == "conforms"


def test_what_a_notebook_shows_is_short() -> None:
    shown = [
        psci.properties["PROP-2"], psci.readings["claim-alone"], psci.rules["CPU_ON.accepted"],
        psci.explore(psci.machine(cpus=2), until="CPU_ON.on_pending"), psci.prove("STATES", cores="any"),
        psci.machine(cpus=2), psci.machine(cpus=2).moves(), psci.check([HEAD]),
    ]  # fmt: skip
    for one in shown:
        text = cast(Any, one)._repr_markdown_()
        assert text.strip() and len(text) < 3_000 and "object at 0x" not in text
