"""A profile for a machine with fewer cores: what shrinking a program to its fewest cores needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_LISTS = ("policy_denies", "disabled", "cores")
_NAMES = ("trusted_os_home", "boot_core")


def narrowed(profile: Mapping[str, Any], cpus: Sequence[int]) -> Mapping[str, Any]:
    """The profile, without what it says of cores that the machine has not.

    Args:
        profile: what an implementation declares of a larger machine.
        cpus: the MPIDR of each core of the smaller one, in the same order.
    """
    found = dict(profile)
    for name in _LISTS:
        if name in found:
            found[name] = [mpidr for mpidr in found[name] if int(mpidr, 0) in cpus]
    for name in _NAMES:
        if name in found and int(found[name], 0) not in cpus:
            del found[name]
    if found.get("topology") is not None:
        found["topology"] = _topology(found["topology"], cpus)
    return found


def _topology(described: Mapping[str, Any], cpus: Sequence[int]) -> Mapping[str, Any]:
    if "clusters" in described:
        return {"clusters": _clusters(described["clusters"], cpus)}
    homes = {mpidr: node for mpidr, node in described.get("homes", {}).items() if int(mpidr, 0) in cpus}
    parents = {node["name"]: node.get("parent") for node in described.get("nodes", [])}
    used: set[str] = set()
    for home in homes.values():
        node: str | None = home
        while node is not None and node not in used:
            used.add(node)
            node = parents.get(node)
    nodes = described.get("nodes", [])
    return {"nodes": [*nodes[:1], *(listed for listed in nodes[1:] if listed["name"] in used)], "homes": homes}


def _clusters(clusters: Sequence[Any], cpus: Sequence[int]) -> list[Any]:
    left = len(cpus)
    found: list[Any] = []
    for cluster in clusters:
        if isinstance(cluster, list):
            found.append([mpidr for mpidr in cluster if int(mpidr, 0) in cpus])
        else:
            found.append(min(cluster, left))
            left -= found[-1]
    return [cluster for cluster in found if cluster]


__all__ = ["narrowed"]
