"""Graphs of the explored states, and what a caller can observe."""

from __future__ import annotations

import networkx as nx
from configurations import Configuration

from psci.explorer.graph import automaton, graph, observed, quotient
from psci.explorer.search import explore
from psci.explorer.system import Product


def product(version: str, cpus: int = 2) -> Product:
    made: Product = Configuration(cpus, version, wide_only=True).question().product
    return made


def test_the_graph_has_every_state_and_every_transition() -> None:
    found = explore(product("0.2"))
    states = graph(found)
    assert (states.number_of_nodes(), states.number_of_edges()) == (len(found.states), found.transitions)
    lengths = nx.single_source_shortest_path_length(states, 0)
    assert max(lengths.values()) == found.diameter


def test_a_quotient_by_power_has_the_edges_of_the_power_states() -> None:
    states = graph(explore(product("0.2")))
    one = quotient(states, lambda state: state.power[1])
    assert set(one) == {"OFF", "ON_PENDING", "ON"}
    assert sum(count for _, count in one.nodes(data="states")) == states.number_of_nodes()
    assert {(a, b) for a, b, _ in one.edges if a != b} == {
        ("OFF", "ON_PENDING"),
        ("ON_PENDING", "ON"),
        ("ON", "OFF"),
        # the machine boots anew
        ("ON_PENDING", "OFF"),
    }


def test_what_one_core_observes_is_a_small_automaton_of_its_own_language() -> None:
    here = product("0.2")
    one, two = automaton(here, observed(here, 1)), automaton(here, observed(here, 1))
    assert one == two
    assert one.tells_apart(two) is None
    assert len(one.edges) < len(explore(here).states)
    # before it is entered the core sees nothing, and the first thing that it sees is that
    assert {letter.partition("(")[0] for letter in one.edges[one.start]} == {"core 1: ENTER"}


def test_versions_that_a_caller_can_tell_apart_are_told_apart_by_a_shortest_run() -> None:
    old, new = product("1.0", 1), product("1.1", 1)
    way = automaton(old, observed(old, 0)).tells_apart(automaton(new, observed(new, 0)))
    assert way is not None
    assert len(way) == 1


def test_versions_that_differ_elsewhere_are_equal_for_a_caller() -> None:
    first, second = product("1.1", 1), product("1.1", 1)
    assert automaton(first, observed(first, 0)).tells_apart(automaton(second, observed(second, 0))) is None
