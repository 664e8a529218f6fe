"""The power domains that a profile or a trace describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psci.model.machine import ProfileError
from psci.model.power.topology import Topology


def topology_from(described: Mapping[str, Any] | None, cpus: tuple[int, ...]) -> Topology:
    """The power domains of a machine; every core is a child of the system where nothing is described.

    `clusters` lists the number of cores in each cluster, in the order of `cpus`, or their MPIDRs. `nodes`
    lists the nodes, each with `name`, `level` and, but for the system, which comes first, `parent`; `homes`
    then names the lowest node of each core by its MPIDR.

    Raises:
        ProfileError: the description lacks something, or names what is not there.
        TopologyError: the nodes are not a tree.
    """
    if described is None:
        return Topology.flat(len(cpus))
    if set(described) == {"clusters"}:
        sizes = described["clusters"]
        if isinstance(sizes, list) and sizes and all(isinstance(members, list) for members in sizes):
            return _clusters(sizes, cpus)
        if not isinstance(sizes, list) or not all(type(size) is int and size > 0 for size in sizes):
            raise ProfileError(f"topology: clusters lists how many cores each has, not {sizes!r}")
        if sum(sizes) != len(cpus):
            raise ProfileError(f"topology: the clusters have {sum(sizes)} cores and the machine {len(cpus)}")
        return Topology.clusters(sizes)
    if set(described) == {"nodes", "homes"}:
        return _tree(described["nodes"], described["homes"], cpus)
    raise ProfileError("topology: give `clusters`, or `nodes` and `homes`, and nothing else")


def _tree(nodes: list[Any], homes: Mapping[str, Any], cpus: tuple[int, ...]) -> Topology:
    try:
        names = tuple(str(node["name"]) for node in nodes)
        levels = tuple(int(node["level"]) for node in nodes)
        parents = tuple(names.index(node.get("parent", names[0])) for node in nodes)
        of_core = {int(mpidr, 0): names.index(name) for mpidr, name in homes.items()}
        return Topology(names, parents, levels, tuple(of_core[mpidr] for mpidr in cpus))
    except KeyError as error:
        raise ProfileError(f"topology: {error} is missing") from error
    except (TypeError, AttributeError, IndexError) as error:
        raise ProfileError(f"topology: {error}") from error
    except ValueError as error:
        raise error if isinstance(error, ProfileError) else ProfileError(f"topology: {error}") from error


def _clusters(members: list[list[str]], cpus: tuple[int, ...]) -> Topology:
    homes: dict[int, int] = {}
    for cluster, listed in enumerate(members, start=1):
        for mpidr in (int(core, 0) for core in listed):
            if mpidr not in cpus:
                raise ProfileError(f"topology: {mpidr:#x} is not one of the cores")
            if mpidr in homes:
                raise ProfileError(
                    f"topology: core {mpidr:#x} is in cluster{homes[mpidr] - 1} and in cluster{cluster - 1}"
                )
            homes[mpidr] = cluster
    missing = [mpidr for mpidr in cpus if mpidr not in homes]
    if missing:
        raise ProfileError(f"topology: core {missing[0]:#x} is in no cluster")
    tree = Topology.clusters([len(listed) for listed in members])
    return Topology(tree.names, tree.parents, tree.levels, tuple(homes[mpidr] for mpidr in cpus))
