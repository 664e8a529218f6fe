"""How many states small machines have; exact, so that any change of the rules shows.

The numbers are in counts.json. After an intended change of the rules write them anew with

    python tests/explorer/test_counts.py

and look at the difference before it is committed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from psci.explorer.abstraction.cone import ABOUT, cone
from psci.explorer.abstraction.machines import small
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.search import explore
from psci.explorer.system import QUIET_MOVES, Product
from psci.model.specification import SPECIFICATION
from psci.model.tables.versions import version

FILE = Path(__file__).with_name("counts.json")
CONFIGURATIONS: tuple[dict[str, Any], ...] = (
    {"cpus": 1, "version": "1.3", "about": "cores", "widths": "both", "osi": False},
    {"cpus": 2, "version": "1.3", "about": "cores", "widths": "both", "osi": False},
    {"cpus": 3, "version": "1.3", "about": "cores", "widths": "SMC64", "osi": False},
    {"cpus": 2, "version": "0.1", "about": "cores", "widths": "both", "osi": False},
    {"cpus": 2, "version": "0.2", "about": "cores", "widths": "both", "osi": False},
    {"cpus": 2, "version": "1.0", "about": "cores", "widths": "both", "osi": False},
    {"cpus": 2, "version": "1.3", "about": "nodes", "widths": "SMC64", "osi": False},
    {"cpus": 1, "version": "1.3", "about": "nodes", "widths": "both", "osi": True},
    {"cpus": 2, "version": "1.3", "about": "memory", "widths": "SMC64", "osi": False},
)


def counted(configuration: dict[str, Any]) -> dict[str, int]:
    machine = small(
        configuration["cpus"], version(configuration["version"]), declared={"osi_supported": configuration["osi"]}
    )
    inside = cone(SPECIFICATION, machine, ABOUT[configuration["about"]], QUIET_MOVES).specification
    widths = (True, False) if configuration["widths"] == "both" else (True,)
    done = explore(Product(machine, inside, Abstraction(widths=widths)))
    assert done.complete
    return {"states": len(done.states), "transitions": done.transitions, "diameter": done.diameter}


def name(configuration: dict[str, Any]) -> str:
    words = [f"{configuration['cpus']} cores", *(configuration[key] for key in ("version", "about", "widths"))]
    return ", ".join(words + (["OSI"] if configuration["osi"] else []))


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=name)
def test_the_number_of_states_is_exactly_that(configuration: dict[str, Any]) -> None:
    assert counted(configuration) == json.loads(FILE.read_text(encoding="utf-8"))[name(configuration)]


if __name__ == "__main__":
    table = {name(configuration): counted(configuration) for configuration in CONFIGURATIONS}
    FILE.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
