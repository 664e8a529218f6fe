"""Views are small, say what the rules say, and always look the same."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import pytest

from psci.explorer.abstraction.machines import small
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.system import Product
from psci.graphs.diagram import Cluster, Diagram, Edge, Kind, Label, Node, merged
from psci.graphs.render import render, to_dot, to_mermaid, to_networkx
from psci.graphs.views import MOST_NODES, VIEWS, view
from psci.model.errors import InputError
from psci.model.specification import SPECIFICATION

WITHOUT = frozenset({"SIGNAL", "LOSE_POWER"})


def product(cpus: int = 2) -> Product:
    return Product(small(cpus), abstraction=Abstraction(widths=(True,)), without=WITHOUT)


def reasons(diagram: Diagram, source: str, target: str) -> set[str]:
    return {str(label) for e in diagram.edges if (e.source, e.target) == (source, target) for label in e.labels}


def test_a_core_goes_round_figure_9_and_through_its_idle_states() -> None:
    diagram = view("core", product())
    assert [node.name for node in diagram.nodes] == [
        "OFF", "ON_PENDING", "ON ENTERING", "ON RUNNING", "ON STANDBY", "ON POWERDOWN", "ON FROZEN", "down",
    ]  # fmt: skip
    assert reasons(diagram, "OFF", "ON_PENDING") == {"CPU_ON -> SUCCESS [accepted]"}
    assert reasons(diagram, "ON_PENDING", "ON ENTERING") == {"START [initialised]"}
    assert reasons(diagram, "ON RUNNING", "OFF") == {"CPU_OFF -> does not return [turned_off]"}
    # SM-6: no edge from ON_PENDING back to OFF, none from a suspended core to OFF
    assert reasons(diagram, "ON_PENDING", "OFF") == set()
    assert reasons(diagram, "ON STANDBY", "OFF") == set()


def test_the_system_comes_back_from_suspend_and_from_every_way_down() -> None:
    diagram = view("system", product(1))
    down = {node.name for node in diagram.nodes if node.cluster == "down"}
    assert {"DOWN OFF", "DOWN HIBERNATE", "DOWN RESET", "DOWN WARM_RESET", "DOWN VENDOR_RESET"} <= down
    assert reasons(diagram, "RUNNING", "SUSPENDED") == {"SYSTEM_SUSPEND -> waits [suspended]"}
    assert reasons(diagram, "DOWN HIBERNATE", "RUNNING") >= {"BOOT [boot_after_hibernation]"}
    assert all(reasons(diagram, name, "RUNNING") for name in down)


def test_refusals_are_drawn_on_request_only() -> None:
    plain, full = view("core", product()), view("core", product(), refusals=True)
    assert reasons(plain, "ON RUNNING", "ON RUNNING") == set()
    assert "CPU_ON -> ALREADY_ON [already_on]" in reasons(full, "ON RUNNING", "ON RUNNING")


def test_a_changed_rule_changes_the_picture() -> None:
    without = replace(product(), specification=SPECIFICATION.replacing(SPECIFICATION.rule("START.initialised")))
    assert "ON ENTERING" in {node.name for node in view("core", product()).nodes}
    assert not reasons(view("core", without), "ON_PENDING", "ON ENTERING")


@pytest.mark.parametrize("name", [name for name in VIEWS if name != "states"])
def test_the_same_rules_give_the_same_text(name: str) -> None:
    first, second = view(name, product()), view(name, product())
    assert to_dot(first) == to_dot(second)
    assert to_mermaid(first) == to_mermaid(second)


def test_a_graph_that_nobody_can_read_is_refused_and_another_view_is_named() -> None:
    with pytest.raises(InputError, match=f"more than {MOST_NODES} states.*'core' or 'system'"):
        view("states", product())
    many = Diagram("Many", "", tuple(Node(f"n{i}", "n") for i in range(MOST_NODES + 1)), ())
    with pytest.raises(InputError, match="take the view 'core' or 'system'"):
        render(many, "dot")


def test_every_state_of_the_smallest_machine_can_be_drawn() -> None:
    diagram = view("states", product(1))
    graph = to_networkx(diagram)
    assert len(graph) == len(diagram.nodes) <= MOST_NODES
    assert nx.descendants(graph, "s0") | {"s0"} == set(graph)


def test_an_unknown_view_is_refused_with_those_that_exist() -> None:
    with pytest.raises(InputError, match="core, system, node, states"):
        view("cores", product())


def test_what_every_node_of_a_box_does_is_one_edge_of_the_box() -> None:
    leave, stay = Label("leave", "", "r"), Label("stay", "", "r")
    nodes = (Node("a", "a", cluster="box"), Node("b", "b", cluster="box"), Node("c", "c"))
    found = merged([("a", "c", Kind.CALL, leave), ("b", "c", Kind.CALL, leave), ("a", "c", Kind.CALL, stay)])
    gathered = Diagram("", "", nodes, found, (Cluster("box", "box"),)).gathered()
    assert gathered.edges == (
        Edge("a", "c", Kind.CALL, (stay,)),
        Edge("box", "c", Kind.CALL, (leave,), from_cluster=True),
    )


def test_what_leads_to_every_node_of_a_box_is_one_edge_to_the_box() -> None:
    label = Label("go")
    nodes = (Node("a", "a"), Node("b", "b", cluster="box"), Node("c", "c", cluster="box"))
    found = merged([("a", "b", Kind.CALL, label), ("a", "c", Kind.CALL, label)])
    gathered = Diagram("", "", nodes, found, (Cluster("box", "box"),)).gathered()
    assert gathered.edges == (Edge("a", "box", Kind.CALL, (label,), to_cluster=True),)
