"""A profile of a machine describes the smaller machine with fewer of its cores."""

from __future__ import annotations

from psci.oracle import profiles
from psci.oracle.profiles.narrowing import narrowed


def test_what_is_said_of_missing_cores_is_left_out() -> None:
    profile = {"policy_denies": ["0x1", "0x3"], "disabled": [], "trusted_os_home": "0x3", "os_initiated": True}
    assert narrowed(profile, (0, 1)) == {"policy_denies": ["0x1"], "disabled": [], "os_initiated": True}


def test_clusters_by_number_and_by_mpidr_lose_their_last_cores() -> None:
    assert narrowed({"topology": {"clusters": [2, 2]}}, (0, 1, 2)) == {"topology": {"clusters": [2, 1]}}
    assert narrowed({"topology": {"clusters": [2, 2]}}, (0,)) == {"topology": {"clusters": [1]}}
    by_mpidr = {"topology": {"clusters": [["0x0", "0x1"], ["0x100", "0x101"]]}}
    assert narrowed(by_mpidr, (0, 1)) == {"topology": {"clusters": [["0x0", "0x1"]]}}


def test_a_tree_loses_the_nodes_without_cores_and_stays_a_tree() -> None:
    tree = {
        "nodes": [
            {"name": "system", "level": 2},
            {"name": "big", "level": 1, "parent": "system"},
            {"name": "little", "level": 1, "parent": "system"},
        ],
        "homes": {"0x0": "big", "0x1": "little"},
    }
    found = narrowed({"topology": tree}, (0,))
    assert [node["name"] for node in found["topology"]["nodes"]] == ["system", "big"]
    assert profiles.machine(found, (0,)).tree.names == ("system", "big")
