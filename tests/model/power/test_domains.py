"""How nodes take their states: Table 3, the composites of 6.5, the flows of 6.3, and trees that are not even."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from psci.model.machine import Machine
from psci.model.power.topology import Topology, TopologyError
from psci.model.step import Invocation, Stepper, accepts
from psci.model.symbols.machine import LOCAL_STATE
from psci.model.tables.versions import V1_3
from psci.oracle import profiles
from psci.oracle.profiles.requirements import _composite

CPU_SUSPEND, CPU_OFF, CPU_ON, SET_MODE = 0x8400_0001, 0x8400_0002, 0x8400_0003, 0x8400_000F
DENIED, INVALID_PARAMETERS = (1 << 64) - 3, (1 << 64) - 2
RUN, STANDBY, RETENTION, POWERDOWN = LOCAL_STATE.values
SHORT = {"Run": RUN, "Stb": STANDBY, "Ret": RETENTION, "PD": POWERDOWN}
LEVEL = {RUN: 0, STANDBY: 1, RETENTION: 2, POWERDOWN: 3}
EVEN = Topology.clusters((2, 2))
CORES = (0x0, 0x1, 0x100, 0x101)


def word(core: str, cluster: str, system: str, last: int | None = None) -> int:
    """A power_state in the extended format, with the StateID of 6.5."""
    state_id = LEVEL[core] | LEVEL[cluster] << 4 | LEVEL[system] << 8
    high = 2 if system != RUN else 1 if cluster != RUN else 0
    return state_id | (high if last is None else last) << 12 | (core == POWERDOWN) << 30


def all_words() -> dict[Any, Any]:
    """What every power_state of three local states and a last level asks for."""
    found: dict[Any, Any] = {}
    for core, cluster, system in product((STANDBY, RETENTION, POWERDOWN), LOCAL_STATE.values, LOCAL_STATE.values):
        for last in (0, 1, 2):
            value = word(core, cluster, system, last)
            found |= {
                ("requested", value, 1): cluster,
                ("requested", value, 2): system,
                ("counted_level", value): 0,
                ("retention", value): core == RETENTION,
            }
            found |= {("claims", value, level): level <= last for level in (1, 2)}
    return found


def stepper(tree: Topology = EVEN, cores: tuple[int, ...] = CORES, **declared: Any) -> Stepper:
    table: dict[Any, Any] = {
        "has": True, "extended_state_id": True, "osi_supported": True, "state_valid": True, "described": True,
        "disabled": False, "trusted_os": "MP_OR_NONE",
        "checks_upper_halves": False, **all_words(), **declared,
    }  # fmt: skip
    if "latency" in declared:
        table |= {("latency", state): value for state, value in table.pop("latency").items()}
    return Stepper(Machine(V1_3, cores, topology=tree, declared=table, unusable=()))


def running(machine: Stepper, mode: str = "PLATFORM_COORDINATED") -> Any:
    """All cores run."""
    state = machine.initial()
    count, nodes = len(machine.machine.cores), len(machine.machine.tree.names)
    return state._replace(power=("ON",) * count, activity=("RUNNING",) * count, node=("RUN",) * nodes, mode=mode)


def outcomes(machine: Stepper, state: Any, core: int, fn: int, *args: Any) -> list[Any]:
    return list(machine.allowed(state, Invocation(core, fn, *args)).outcomes)


def suspend(machine: Stepper, state: Any, core: int, value: int) -> Any:
    """The state after the plain success of a CPU_SUSPEND."""
    (found,) = [
        o
        for o in outcomes(machine, state, core, CPU_SUSPEND, value)
        if o.rule.name.endswith((".standby", ".powerdown"))
    ]
    return found.state


def refusals(machine: Stepper, state: Any, core: int, value: int) -> set[int]:
    return {
        o.value for o in outcomes(machine, state, core, CPU_SUSPEND, value) if o.value in (DENIED, INVALID_PARAMETERS)
    }


def wake(machine: Stepper, state: Any, core: int) -> Any:
    ((_, woken),) = machine.move("WAKEUP", state, core)
    return woken._replace(activity=tuple("RUNNING" if c == core else a for c, a in enumerate(woken.activity)))


def off(machine: Stepper, state: Any, core: int) -> Any:
    (found,) = outcomes(machine, state, core, CPU_OFF)
    return found.state


ROWS = """
Ret/Run/Run & Ret/Run/Run -> Run/Run
Ret/Ret/Run & Ret/Run/Run -> Run/Run
Ret/Ret/Run & Ret/Ret/Run -> Ret/Run
Ret/Ret/Ret & Ret/Ret/Run -> Ret/Run
Ret/Ret/Ret & Ret/Ret/Ret -> Ret/Ret
PD/Ret/Ret & Ret/Ret/Ret -> Ret/Ret
PD/PD/Ret & PD/Ret/Ret -> Ret/Ret
PD/PD/Ret & PD/PD/Ret -> PD/Ret
PD/PD/PD & PD/PD/Ret -> PD/Ret
PD/PD/PD & PD/PD/PD -> PD/PD
"""


@pytest.mark.parametrize("row", ROWS.strip().splitlines())
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_rows_of_table_3(row: str, order: tuple[int, int]) -> None:
    """PC-11: cluster 1 is already down, and the order of the two calls makes no difference."""
    left, _, granted = row.partition(" -> ")
    asked = [[SHORT[name] for name in vote.split("/")] for vote in left.split(" & ")]
    votes = [word(core, cluster, system) for core, cluster, system in asked]
    machine = stepper()
    state = running(machine)
    for core in (2, 3):
        state = suspend(machine, state, core, word(POWERDOWN, POWERDOWN, POWERDOWN))
    for core in order:
        state = suspend(machine, state, core, votes[core])
    assert [state.node[1], state.node[0]] == [SHORT[name] for name in granted.split("/")]


def test_a_latency_that_does_not_grow_with_depth_limits_the_node() -> None:
    """PC-4: with latency A < C < B and depth A < B < C the votes B and C give A."""
    latency = {RUN: 0, STANDBY: 1, POWERDOWN: 2, RETENTION: 3}
    machine = stepper(latency=latency)
    state = suspend(machine, running(machine), 0, word(POWERDOWN, RETENTION, RUN))
    assert suspend(machine, state, 1, word(POWERDOWN, POWERDOWN, RUN)).node[1] == STANDBY


def test_a_parent_is_never_deeper_than_its_child_whatever_the_latencies() -> None:
    """PD-3 holds also where the votes for the cluster forbid what the votes for the system allow."""
    latency = {RUN: 0, STANDBY: 1, POWERDOWN: 2, RETENTION: 3}
    machine = stepper(latency=latency)
    state = running(machine)
    for core in (2, 3):
        state = suspend(machine, state, core, word(POWERDOWN, POWERDOWN, POWERDOWN))
    state = suspend(machine, state, 0, word(POWERDOWN, POWERDOWN, RETENTION))
    after = suspend(machine, state, 1, word(POWERDOWN, RETENTION, RETENTION))
    assert LEVEL[after.node[0]] <= LEVEL[after.node[1]] == LEVEL[STANDBY]


def test_ten_composites_of_the_example_are_valid_and_no_others() -> None:
    """Of all combinations PD-3 to PD-7 leave these, where a node has the states of 6.5."""
    local = {0: RUN, 1: STANDBY, 2: RETENTION, 3: POWERDOWN}
    valid = set()
    for system, cluster, core in product((0, 2, 3), (0, 2, 3), (1, 2, 3)):
        state = {"core": local[core].lower(), "levels": {"1": local[cluster].lower(), "2": local[system].lower()}}
        if _composite(state, EVEN) is None:
            valid.add(f"{system}{cluster}{core}")
    assert valid == {"001", "002", "003", "022", "023", "033", "222", "223", "233", "333"}
    declared = {f"{int(s['power_state'], 0) & 0xFFF:03x}" for s in profiles.named("mobile")["states"]}
    assert declared == valid


# ---- OS-initiated mode


@pytest.mark.parametrize(
    ("other", "reading", "codes"),
    [
        pytest.param(None, "EITHER", {DENIED}, id="only running"),
        pytest.param(word(STANDBY, RUN, RUN), "EITHER", {INVALID_PARAMETERS}, id="only too shallow"),
        pytest.param(word(POWERDOWN, RUN, RUN), "EITHER", set(), id="nothing in the way"),
    ],
)
def test_the_decision_table_of_a_request(other: int | None, reading: str, codes: set[int]) -> None:
    machine = stepper(osi_mixed=reading)
    state = running(machine, "OS_INITIATED")
    if other is not None:
        state = suspend(machine, state, 1, other)
    assert refusals(machine, state, 0, word(POWERDOWN, POWERDOWN, RUN)) == codes


@pytest.mark.parametrize(
    ("reading", "codes"),
    [("EITHER", {DENIED, INVALID_PARAMETERS}), ("DENIED", {DENIED}), ("INVALID_PARAMETERS", {INVALID_PARAMETERS})],
)
def test_a_request_in_conflict_with_both_kinds(reading: str, codes: set[int]) -> None:
    """OSI-19: one core runs and another is in a state that is too shallow; which code is a reading."""
    machine = stepper(Topology.clusters((3, 1)), osi_mixed=reading)
    state = suspend(machine, running(machine, "OS_INITIATED"), 1, word(STANDBY, RUN, RUN))
    assert refusals(machine, state, 0, word(POWERDOWN, POWERDOWN, RUN)) == codes


@pytest.mark.parametrize("asleep", [STANDBY, RETENTION, POWERDOWN])
def test_a_node_that_runs_idle_is_in_the_way(asleep: str) -> None:
    """CPU_SUSPEND-14, PD-3: the other cluster runs though its cores sleep; either code will do."""
    machine = stepper(idle_inside="REFUSED")
    state = off(machine, running(machine, "OS_INITIATED"), 1)
    for core in (2, 3):
        state = suspend(machine, state, core, word(asleep, RUN, RUN, 0))
    asked = word(POWERDOWN, POWERDOWN, STANDBY)
    assert state.node == (RUN, RUN, RUN)
    (refused,) = outcomes(machine, state, 0, CPU_SUSPEND, asked)
    assert refused.rule.name == "CPU_SUSPEND.others_left_running"
    assert [code for code in range(-9, 1) if accepts(refused, code % (1 << 64), True)] == [-3, -2]
    assert refusals(machine, state, 0, word(POWERDOWN, POWERDOWN, RUN)) == set()
    # by default the node inside may go down with the request
    assert suspend(either := stepper(), state, 0, asked).node == (STANDBY, POWERDOWN, STANDBY)
    assert {o.rule.name for o in outcomes(either, state, 0, CPU_SUSPEND, asked)} >= {
        "CPU_SUSPEND.others_left_running_refused", "CPU_SUSPEND.powerdown",
    }  # fmt: skip


def test_a_stale_request_is_refused() -> None:
    """OSI-10: core 1's request for retention is late, core 0 woke and asks for powerdown; both are refused."""
    machine = stepper()
    state = suspend(machine, running(machine, "OS_INITIATED"), 0, word(POWERDOWN, RUN, RUN, 0))
    woken = wake(machine, state, 0)
    assert refusals(machine, woken, 0, word(POWERDOWN, POWERDOWN, RUN)) == {DENIED}
    assert refusals(machine, woken, 1, word(POWERDOWN, RETENTION, RUN)) == {DENIED}
    assert all(o.state == woken for o in outcomes(machine, woken, 1, CPU_SUSPEND, word(POWERDOWN, RETENTION, RUN)))


def test_a_claim_without_a_state_is_checked() -> None:
    """OSI-11: core 0 keeps the cluster running; only because it claims to be the last can it be refused."""
    machine = stepper(claim_alone="CHECKED")
    state = running(machine, "OS_INITIATED")
    assert refusals(machine, state, 0, word(POWERDOWN, RUN, RUN, 1)) == {DENIED}
    assert refusals(machine, state, 0, word(POWERDOWN, RUN, RUN, 0)) == set()


def test_a_core_on_its_way_up_is_in_the_way() -> None:
    """OSI-17."""
    machine = stepper()
    state = off(machine, running(machine, "OS_INITIATED"), 1)
    assert refusals(machine, state, 0, word(POWERDOWN, POWERDOWN, RUN)) == set()
    pending = outcomes(machine, state, 2, CPU_ON, 0x1, 0x1000)[-1].state
    assert pending.power[1] == "ON_PENDING"
    assert refusals(machine, pending, 0, word(POWERDOWN, POWERDOWN, RUN)) == {DENIED}


# ---- CPU_OFF


@pytest.mark.parametrize("mode", ["PLATFORM_COORDINATED", "OS_INITIATED"])
def test_the_last_cpu_off_takes_the_node_down(mode: str) -> None:
    """CPU_OFF-10: in both modes."""
    machine = stepper()
    state = off(machine, running(machine, mode), 2)
    assert state.node == (RUN, RUN, RUN)
    assert off(machine, state, 3).node == (RUN, RUN, POWERDOWN)


@pytest.mark.parametrize("mode", ["PLATFORM_COORDINATED", "OS_INITIATED"])
def test_the_last_cpu_off_takes_the_node_down_however_votes_are_counted(mode: str) -> None:
    """CPU_OFF-10: the last one takes the node down, also where votes are counted again later (PC-9)."""
    machine = stepper(vote_counting="LATER")
    state = off(machine, running(machine, mode), 2)
    assert off(machine, state, 3).node == (RUN, RUN, POWERDOWN)


def test_cores_that_are_off_let_the_last_man_take_the_node() -> None:
    """CPU_OFF-11: in OS-initiated mode the others are assumed to be down as far as can be."""
    machine = stepper()
    state = off(machine, running(machine, "OS_INITIATED"), 3)
    assert suspend(machine, state, 2, word(POWERDOWN, POWERDOWN, RUN)).node == (RUN, RUN, POWERDOWN)


def test_the_opposite_order_leaves_the_node_up() -> None:
    """CPU_OFF-12: A suspends, not as last man; then B calls CPU_OFF."""
    machine = stepper()
    state = suspend(machine, running(machine, "OS_INITIATED"), 2, word(POWERDOWN, RUN, RUN, 0))
    assert off(machine, state, 3).node == (RUN, RUN, RUN)


@pytest.mark.parametrize(("cluster", "after"), [(POWERDOWN, POWERDOWN), (RETENTION, RETENTION), (RUN, RUN)])
def test_cpu_off_is_a_vote_for_powerdown(cluster: str, after: str) -> None:
    """CPU_OFF-13: in platform-coordinated mode the rest decides how far the node goes."""
    machine = stepper()
    state = suspend(machine, running(machine), 2, word(POWERDOWN, cluster, RUN))
    assert off(machine, state, 3).node == (RUN, RUN, after)


def test_a_wakeup_makes_all_nodes_above_run() -> None:
    """PC-10, OSI-8."""
    machine = stepper()
    state = running(machine)
    for core in range(4):
        state = suspend(machine, state, core, word(POWERDOWN, POWERDOWN, POWERDOWN))
    assert state.node == (POWERDOWN, POWERDOWN, POWERDOWN)
    assert wake(machine, state, 3).node == (RUN, POWERDOWN, RUN)


# ---- trees

UNEVEN = Topology(("system", "island", "cluster", "pair"), (0, 0, 0, 2), (3, 1, 2, 1), (1, 3, 3, 2, 0))
"""A core alone on an island, two in a pair inside a cluster, one in the cluster itself, one in the system itself."""


def test_an_uneven_tree_is_coordinated_node_by_node() -> None:
    deep = 0x4000_0FFF
    plain = stepper(UNEVEN, (0x0, 0x1, 0x2, 0x3, 0x4)).machine
    asked: dict[Any, Any] = {("requested", deep, level): POWERDOWN for level in (1, 2, 3)}
    machine = Stepper(replace(plain, declared={**plain.declared, **asked}))
    state = running(machine)
    expected = {
        0: {"island"}, 1: {"island"}, 2: {"island", "pair"}, 3: {"island", "pair", "cluster"}, 4: set(UNEVEN.names),
    }  # fmt: skip
    for core in range(5):
        state = suspend(machine, state, core, deep)
        down = {name for name, local in zip(UNEVEN.names, state.node, strict=True) if local == POWERDOWN}
        assert down == expected[core], core


def test_trees_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(TopologyError, match="node b: no core is below it"):
        Topology(("a", "b"), (0, 0), (2, 1), (0,))
    with pytest.raises(TopologyError, match="node b: its parent is missing or not at a higher level"):
        Topology(("a", "b"), (0, 0), (1, 1), (1,))
    with pytest.raises(TopologyError, match="core 0: its power domain does not exist"):
        Topology(("a",), (0,), (1,), (3,))
