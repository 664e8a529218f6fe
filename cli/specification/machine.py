"""The options that say which machine a command is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from psci.explorer.abstraction.machines import MOST_CORES, SHALLOW_STATES, SYSTEM_STATES, small
from psci.model.errors import InputError
from psci.model.machine import Key, Machine
from psci.model.power.topology import Topology
from psci.model.tables.versions import version

F = TypeVar("F", bound=Callable[..., Any])


def machine_options(command: F) -> F:
    """Options for `described_machine`: cores, version, clusters, OS-initiated mode, profile."""
    for option in reversed((
        click.option("--cpus", type=click.IntRange(1, MOST_CORES), help="Number of cores.  [default: 2]"),
        click.option("--version", "version_name", help="Version of PSCI.  [default: 1.3, or the profile's]"),
        click.option("--clusters", metavar="N,N,...", help="The cores of each cluster, with states up to the system."),
        click.option("--os-initiated", is_flag=True, help="The machine supports OS-initiated mode."),
        click.option("--profile", metavar="NAME|FILE", help="What an implementation declares (psci profile show)."),
    )):  # fmt: skip
        command = option(command)
    return command


def described_machine(
    cpus: int | None, version_name: str | None, clusters: str | None, os_initiated: bool, profile: str | None
) -> Machine:
    """The machine that the options describe; it declares everything.

    Raises:
        InputError: an option contradicts another, or is not a number.
    """
    sizes = _sizes(clusters)
    if sizes and cpus not in (None, sum(sizes)):
        raise InputError(f"--clusters {clusters}: that is {sum(sizes)} cores, --cpus says {cpus}")
    count = sum(sizes) or cpus or 2
    shape = Topology.clusters(sizes) if sizes else None
    states = (*SHALLOW_STATES, *SYSTEM_STATES) if sizes else ()
    if profile is None:
        declared: dict[str | Key, object] = {"osi_supported": os_initiated}
        return small(count, version(version_name or "1.3"), topology=shape, declared=declared, states=states)
    from psci.oracle import profiles

    found = profiles.read(Path(profile)) if Path(profile).is_file() else profiles.named(profile)
    described = profiles.machine(found, tuple(range(count)), psci=version_name)
    if os_initiated:
        raise InputError("--os-initiated: with --profile the profile says whether there is OS-initiated mode")
    made = small(count, described.version, topology=shape, declared=dict(described.declared), states=states)
    return made if described.unusable is None else replace(made, unusable=described.unusable)


def _sizes(clusters: str | None) -> list[int]:
    if clusters is None:
        return []
    words = [word.strip() for word in clusters.split(",")]
    if not all(word.isdecimal() and int(word) for word in words):
        raise InputError(f"--clusters {clusters}: write the number of cores of each cluster, as in 2,2")
    return [int(word) for word in words]
