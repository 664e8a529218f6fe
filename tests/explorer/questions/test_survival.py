"""What survives what: the matrix of section 5 of the facts, cell by cell, over wakeups and boots."""

from __future__ import annotations

from typing import Any

import pytest

from psci.model.machine import Machine
from psci.model.step import Stepper
from psci.model.symbols.readings import READINGS
from psci.model.tables.versions import V1_3

COLUMNS = (
    "core wakes", "SYSTEM_SUSPEND", "RESET", "WARM_RESET", "VENDOR_RESET", "OFF", "HIBERNATE", "POWER_LOSS",
)  # fmt: skip
# fmt: off
MATRIX: dict[str, tuple[str, ...]] = {
    # what               wakes  suspend  reset   warm    vendor  off     hibernate  power loss
    "entry and context": ("yes", "yes",  "no",   "no",   "no",   "no",   "no",      "no"),
    "memory":            ("yes", "yes",  "open", "yes",  "open", "no",   "no",      "no"),
    "overwritten":       ("no",  "no",   "yes",  "no",   "yes",  "may",  "?hibernate-overwrite", "yes"),
    "protection":        ("yes", "yes",  "no",   "?warm-protection", "no", "no", "no", "no"),
    "other cores":       ("yes", "yes",  "no",   "?reset-cores", "?reset-cores", "no", "no", "no"),
    "suspend mode":      ("yes", "yes",  "no",   "?reset-mode", "?reset-mode", "no", "no", "no"),
    "residency":         ("yes", "yes",  "no",   "?reset-residency", "?reset-residency", "no", "no", "no"),
    "statistics":        ("yes", "yes",  "no",   "?reset-statistics", "?reset-statistics", "no", "no", "no"),
    "platform":          ("yes", "yes",  "no",   "no",   "no",   "no",   "yes",     "no"),
}
"""yes: it is as it was. no: it is as after a first cold boot, or not promised. open: not promised. may: a permission.
?reading: DEN0022 does not say, and the reading decides; its default is the first option."""
# fmt: on


def stepper(reading: dict[str, str]) -> Stepper:
    declared: dict[Any, Any] = {"has": True, "reset_keeps_warm": True, "trusted_os": "UP_MIGRATABLE"}
    declared |= {READINGS[name].symbol: READINGS[name].options[option] for name, option in reading.items()}
    return Stepper(Machine(V1_3, (0, 1, 2), declared=declared, unusable=()))


def before(machine: Stepper) -> Any:
    """A life with everything in it: protection on, OS-initiated mode, a Trusted OS that moved, used statistics."""
    return machine.initial()._replace(
        power=("ON", "ON", "OFF"), activity=("RUNNING", "RUNNING", "STOPPED"), mode="OS_INITIATED", resident=1,
        memory="OWN", memory_protected=True, platform="KEPT", slept=(True, True, False), dozed=(True,),
        entry=(0x1000, 0, 0), context=(7, 0, 0),
    )  # fmt: skip


def after(machine: Stepper, column: str) -> list[Any]:
    """All states that a wakeup or a boot can lead to."""
    state = before(machine)
    if column == "core wakes":
        asleep = state._replace(activity=("POWERDOWN", "RUNNING", "STOPPED"))
        return [woken for _, woken in machine.move("WAKEUP", asleep, 0)]
    if column == "SYSTEM_SUSPEND":
        alone = {"power": ("ON", "OFF", "OFF"), "activity": ("POWERDOWN", "STOPPED", "STOPPED")}
        return [woken for _, woken in machine.move("WAKEUP", state._replace(system="SUSPENDED", **alone), 0)]
    down = state._replace(system="DOWN", kind=column, activity=("STOPPED",) * 3)
    return [booted for _, booted in machine.move("BOOT", down, 0)]


def kept(item: str, machine: Stepper, state: Any, column: str) -> bool:
    """Whether the item is as it was before, in one of the states."""
    old = before(machine)
    others = ("OFF", "OFF") if column == "SYSTEM_SUSPEND" else ("ON", "OFF")
    return bool(
        {
            "entry and context": (state.entry[0], state.context[0]) == (0x1000, 7),
            "memory": state.memory in ("OWN", "PRESERVED"),
            "overwritten": state.memory == "OVERWRITTEN",
            "protection": state.memory_protected,
            "other cores": state.power[1:] == others,
            "suspend mode": state.mode == old.mode,
            "residency": state.resident == old.resident,
            "statistics": (state.slept, state.dozed) == (old.slept, old.dozed),
            "platform": state.platform == "KEPT",
        }[item]
    )


CELLS = [(item, column, cell) for item, row in MATRIX.items() for column, cell in zip(COLUMNS, row, strict=True)]


@pytest.mark.parametrize(("item", "column", "cell"), CELLS, ids=[f"{item}, {column}" for item, column, _ in CELLS])
def test_a_cell_of_the_survival_matrix(item: str, column: str, cell: str) -> None:
    machine = stepper({})
    found = {kept(item, machine, state, column) for state in after(machine, column)}
    if cell.startswith("?"):
        name = cell[1:]
        assert found == ({True, False} if name == "hibernate-overwrite" else {False})
        for option in tuple(READINGS[name].options)[1:]:
            other = stepper({name: option})
            seen = {kept(item, other, state, column) for state in after(other, column)}
            assert seen == ({option == "always"} if name == "hibernate-overwrite" else {True})
    elif cell == "may":
        assert found == {True, False}
    else:
        assert found == {cell == "yes"}


def test_a_warm_reset_may_fall_back_to_a_cold_one() -> None:
    """RESET2-10: unless the profile says that it does not."""
    plain = Stepper(Machine(V1_3, (0, 1, 2), declared={"has": True}, unusable=()))
    assert sorted(state.memory for state in after(plain, "WARM_RESET")) == ["OVERWRITTEN", "PRESERVED"]


def test_power_lost_in_any_state_leads_to_a_cold_boot() -> None:
    machine = stepper({})
    for changes in ({}, {"system": "GOING"}, {"system": "SUSPENDED"}):
        ((_, lost),) = machine.move("LOSE_POWER", before(machine)._replace(**changes))
        ((_, booted),) = machine.move("BOOT", lost, 0)
        assert booted._replace(memory="NOT_PROMISED") == machine.initial()._replace(memory="NOT_PROMISED")
