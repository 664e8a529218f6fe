"""Views are small, say what the rules say, and always look the same."""

from __future__ import annotations

import json
from dataclasses import replace

import networkx as nx
import pytest
from house import ROOT

from psci.explorer.abstraction.machines import small
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.system import Product
from psci.graphs.diagram import Cluster, Diagram, DiagramEdge, DiagramNode, EdgeKind, EdgeLabel, merged
from psci.graphs.palette import in_the_dark
from psci.graphs.render import render, to_dot, to_mermaid, to_networkx
from psci.graphs.views import MOST_NODES, PICTURES, VIEWS, compared, decision_view, traced, view
from psci.model.errors import InputError
from psci.model.specification import SPECIFICATION
from psci.model.tables.versions import version
from psci.oracle import check
from psci.oracle.traces.file import read_trace

TRACES = ROOT / "tests" / "oracle" / "traces"
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


def test_refusals_are_a_table_on_request() -> None:
    plain, full = view("core", product()), view("core", product(), refusals=True)
    assert plain.tables == ()
    (table,) = full.tables
    assert table.header == ("call", "answer", "rule", "while its target is")
    assert [row for row in table.rows if row[0] == "CPU_ON"] == [
        ("CPU_ON", "ALREADY_ON", "already_on", "ENTERING, RUNNING, STANDBY, POWERDOWN"),
        ("CPU_ON", "DENIED", "denied_for_now (may)", "OFF"),
        ("CPU_ON", "INTERNAL_FAILURE", "cannot_be_powered (may)", "OFF, FROZEN"),
        ("CPU_ON", "INVALID_ADDRESS", "entry_unusable", "any, no core"),
        ("CPU_ON", "INVALID_PARAMETERS", "target_invalid", "no core"),
        ("CPU_ON", "ON_PENDING", "on_pending", "ON_PENDING"),
    ]
    assert full.edges == plain.edges


@pytest.mark.parametrize(("name", "first"), [
    ("core", {"OFF", "ON RUNNING"}), ("system", {"RUNNING"}), ("node", {"RUN"}), ("states", {"s0"}),
])  # fmt: skip
def test_where_it_begins_is_marked(name: str, first: set[str]) -> None:
    diagram = view(name, product(1 if name == "states" else 2))
    assert {node.name for node in diagram.nodes if node.initial} == first
    assert to_dot(diagram).count('"begin ') == 2 * len(first)


def test_the_difference_of_two_versions_says_what_was_added_and_changed() -> None:
    old = Product(small(1, version("1.0")), abstraction=Abstraction(widths=(True,)), without=WITHOUT)
    diagram = compared("core", old, product(1), ("PSCI 1.0", "PSCI 1.3"))
    assert diagram.subtitle == "2 added, 0 removed, 1 changed"
    assert [row for row in diagram.tables[0].rows if row[0] == "changed"] == [
        ("changed", "the system goes down to RUNNING", "BOOT",
         "+boot_after_hibernation, +orderly_off_overwrites, +warm_boot, +warm_reset_fell_back"),
    ]  # fmt: skip
    back = compared("core", product(1), old, ("PSCI 1.3", "PSCI 1.0"))
    assert back.subtitle == "0 added, 2 removed, 1 changed"


def test_nothing_differs_from_itself() -> None:
    diagram = compared("system", product(1), product(1), ("a", "b"))
    assert (diagram.subtitle, diagram.tables[0].rows) == ("0 added, 0 removed, 0 changed", (("nothing", "", "", ""),))
    assert {edge.kind for edge in diagram.edges} == {EdgeKind.SAME}


def test_a_caller_alone_on_its_machine_tells_five_states_apart() -> None:
    assert len(view("observed", product(1)).nodes) == 5
    diagram = view("observed", product(2))
    assert (len(diagram.nodes), diagram.subtitle) == (
        18, "PSCI 1.3, explored with 2 cores: 1235 states, of which a caller tells 18 apart",
    )  # fmt: skip


def test_a_trace_stands_out_where_its_lines_are_explained() -> None:
    trace = list(read_trace(TRACES / "a-core-is-entered-as-6-4-says.ndjson"))
    diagram = traced("core", product(), trace)
    used = {str(label) for edge in diagram.edges if edge.kind is EdgeKind.USED for label in edge.labels}
    assert used == {"CPU_ON -> SUCCESS [accepted ×1]", "ENTER [entered ×1]"}
    assert {edge.kind for edge in diagram.edges} == {EdgeKind.USED, EdgeKind.UNUSED}


def test_what_a_trace_deviates_in_stands_beside_the_picture() -> None:
    trace = list(read_trace(TRACES / "a-core-is-entered-twice.ndjson"))
    (table,) = traced("core", product(), trace).tables
    assert [row[0] for row in table.rows] == [str(f.event) for f in check(trace).findings]


def test_while_cpu_off_is_not_decided_the_other_core_is_told_already_on() -> None:
    diagram = PICTURES["race"][1](version("1.3"))
    window = set(diagram.inside("window"))
    told = {
        label.outcome
        for e in diagram.edges
        if e.source in window
        for label in e.labels
        if label.what.startswith("CPU_ON")
    }
    assert (len(diagram.nodes), len(window), told) == (16, 4, {"ALREADY_ON"})


def test_each_end_of_hibernation_is_drawn() -> None:
    diagram = PICTURES["hibernation"][1](version("1.3"))
    ends = sorted(node.label.partition("\n")[0] for node in diagram.nodes if node.cluster == "after")
    assert ends == ["DISASTER", "DISASTER", "booted cleanly", "resumed", "resumed"]


def test_the_same_requests_end_differently_in_the_two_modes() -> None:
    diagram = PICTURES["domains"][1](version("1.3"))
    found = {node.name: node.label.split("\n")[1] for node in diagram.nodes if "core" not in node.name}
    assert found == {
        "0 system": "RUN", "0 cluster0": "RUN", "0 cluster1": "RUN",
        "1 system": "RETENTION", "1 cluster0": "POWERDOWN", "1 cluster1": "POWERDOWN",
    }  # fmt: skip
    with pytest.raises(InputError, match=r"take --version 1\.0 or later"):
        PICTURES["domains"][1](version("0.2"))


def test_a_decision_table_has_a_row_for_each_rule_of_the_version() -> None:
    (table,) = decision_view("CPU_ON", version("1.3")).tables
    assert [row[0] for row in table.rows if row[1] == "succeeds"] == [
        "accepted", "frozen_core_is_pending", "frozen_core_resumes",
    ]  # fmt: skip
    assert len(table.rows) == len(SPECIFICATION.of("CPU_ON", version("1.3")))
    with pytest.raises(InputError, match=r"PSCI 0\.2 has no such function"):
        decision_view("SYSTEM_OFF2", version("0.2"))


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
    with pytest.raises(InputError, match=f"more than {MOST_NODES} states.*--cpus 1, or the view 'core'"):
        view("states", product())
    many = Diagram("Many", "", tuple(DiagramNode(f"n{i}", "n") for i in range(MOST_NODES + 1)), ())
    with pytest.raises(InputError, match="take the view 'core' or 'system'"):
        render(many, "dot")


def test_every_state_of_the_smallest_machine_can_be_drawn() -> None:
    diagram = view("states", product(1))
    graph = to_networkx(diagram)
    assert len(graph) == len(diagram.nodes) <= MOST_NODES
    assert nx.descendants(graph, "s0") | {"s0"} == set(graph)


def test_an_unknown_view_is_refused_with_those_that_exist() -> None:
    with pytest.raises(InputError, match="core, system, node, states, observed"):
        view("cores", product())


def test_what_every_node_of_a_box_does_is_one_edge_of_the_box() -> None:
    leave, stay = EdgeLabel("leave", "", "r"), EdgeLabel("stay", "", "r")
    nodes = (DiagramNode("a", "a", cluster="box"), DiagramNode("b", "b", cluster="box"), DiagramNode("c", "c"))
    found = merged(
        [("a", "c", EdgeKind.CALL, leave), ("b", "c", EdgeKind.CALL, leave), ("a", "c", EdgeKind.CALL, stay)]
    )
    gathered = Diagram("", "", nodes, found, (Cluster("box", "box"),)).gathered()
    assert gathered.edges == (
        DiagramEdge("a", "c", EdgeKind.CALL, (stay,)),
        DiagramEdge("box", "c", EdgeKind.CALL, (leave,), from_cluster=True),
    )


def test_what_leads_to_every_node_of_a_box_is_one_edge_to_the_box() -> None:
    label = EdgeLabel("go")
    nodes = (DiagramNode("a", "a"), DiagramNode("b", "b", cluster="box"), DiagramNode("c", "c", cluster="box"))
    found = merged([("a", "b", EdgeKind.CALL, label), ("a", "c", EdgeKind.CALL, label)])
    gathered = Diagram("", "", nodes, found, (Cluster("box", "box"),)).gathered()
    assert gathered.edges == (DiagramEdge("a", "box", EdgeKind.CALL, (label,), to_cluster=True),)


def test_mermaid_text_is_read_though_a_title_has_a_colon_and_marks_where_it_begins() -> None:
    text = to_mermaid(PICTURES["race"][1](version("1.3")))
    title = text.splitlines()[1].removeprefix("title: ")
    assert json.loads(title).startswith("CPU_ON and CPU_OFF of one core, overlapping (PSCI 1.3: core 0 calls")
    assert '  b0((" ")) --> n0\n' in text


def test_a_table_alone_is_refused_as_mermaid_and_counted() -> None:
    table = decision_view("CPU_ON", version("1.3"))
    with pytest.raises(InputError, match="Mermaid has no tables: write a"):
        render(table, "mermaid")
    assert (table.nodes, len(table.tables[0].rows)) == ((), 17)


def test_the_race_window_leaves_looks_at_a_power_domain_out() -> None:
    edges = PICTURES["race"][1](version("1.3")).edges
    assert {label.what for edge in edges if edge.kind is EdgeKind.WITNESSED for label in edge.labels} == {"ENTER"}


def test_states_that_read_alike_say_in_what_they_differ() -> None:
    nodes = view("states", product(1)).nodes
    running = {(node.label, node.note) for node in nodes if node.label == "RUNNING\nON RUNNING"}
    assert {note for _, note in running} == {
        "", "memory_protected: True", "entry: 0x40000000", "memory_protected: True\nentry: 0x40000000",
    }  # fmt: skip


def test_a_page_of_a_view_is_dark_where_the_reader_is_and_says_its_title_once() -> None:
    page = render(decision_view("CPU_ON", version("1.3")), "html").decode()
    assert page.count("which outcomes are allowed</h1>") == 1
    assert "prefers-color-scheme:dark" in page
    assert in_the_dark("#ffffff") < "#202020" < in_the_dark("#1f2933")
    assert "<span>CPU_ON-7</span>" in page
