"""From the fields of a profile to the values of the machine's symbols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from psci.model.calls import CALLS
from psci.model.calls.psci_features import SMCCC_VERSION
from psci.model.language.terms import Value
from psci.model.machine import Key, ProfileError
from psci.model.power.states import PowerState, declare_counted, declare_nodes, declare_states
from psci.model.power.topology import Topology
from psci.model.symbols.readings import READINGS

DeclaredValues = dict[str | Key, Value]

FUNCTION_KEYS: Mapping[str, int] = {call.name: call.key for call in CALLS} | {"SMCCC_VERSION": SMCCC_VERSION}
"""The id by which the rules say whether a function is there."""
PLAIN: Mapping[str, str] = {
    "os_initiated": "osi_supported",
    "features_hides_smc64": "features_hides_smc64",
    "knows_hint_bit": "knows_hint_bit",
    "reset_keeps_warm": "reset_keeps_warm",
}
"""Fields that are the value of a symbol."""
NAMES: Mapping[str, str] = {"trusted_os": "trusted_os", "stray_wakeup": "stray_wakeup", "elns_isa": "elns_isa"}
"""Fields that name a value of an enumeration."""
OF_CORES: Mapping[str, tuple[str, Value, Value]] = {
    "disabled": ("disabled", True, False), "policy_denies": ("policy", "DENIES", "ALLOWS"),
}  # fmt: skip
"""Fields that list cores: the symbol, its value for those that are listed, and for the others."""


def declarations(
    profile: Mapping[str, Any], cpus: tuple[int, ...], tree: Topology | None, reading: Mapping[str, str]
) -> DeclaredValues:
    """The declarations of a profile and of a choice of readings.

    Args:
        profile: its fields, already held against the schema and against each other.
        cpus: the MPIDR of each core.
        tree: the power domains, or None where nothing is said about them.
        reading: the option chosen of each reading.

    Raises:
        ProfileError: there is no such reading, option or core.
    """
    found = chosen(reading)
    for name, present in profile.get("functions", {}).items():
        found["has", FUNCTION_KEYS[name]] = present
    for name, symbol in PLAIN.items():
        if name in profile:
            found[symbol] = profile[name]
    for name, symbol in NAMES.items():
        if name in profile:
            found[symbol] = profile[name].upper()
    for name, (symbol, yes, no) in OF_CORES.items():
        if name in profile:
            listed = {int(mpidr, 0) for mpidr in profile[name]}
            if not listed <= set(cpus):
                raise ProfileError(f"{name}: {', '.join(map(hex, listed - set(cpus)))} is not one of the cores")
            found |= {(symbol, index): yes if mpidr in listed else no for index, mpidr in enumerate(cpus)}
    if "power_state_format" in profile:
        found["extended_state_id"] = profile["power_state_format"] == "extended"
    if "affinity_levels" in profile:
        found |= {("affinity_level_supported", level): level in profile["affinity_levels"] for level in (1, 2, 3)}
    if "trusted_os_home" in profile:
        found["trusted_os_home"] = cpus.index(int(profile["trusted_os_home"], 0))
    for state, latency in profile.get("latencies", {}).items():
        found["latency", state.upper()] = latency
    if "last_in_level_bits" in profile:
        found["last_in_level_bits"] = int(profile["last_in_level_bits"], 0)
    return found | dict(_states(profile, cpus, tree)) | dict(_nodes(profile, cpus, tree))


def chosen(reading: Mapping[str, str]) -> DeclaredValues:
    """The values of the symbols that readings set.

    Raises:
        ProfileError: there is no such reading or option.
    """
    found: DeclaredValues = {}
    for name, option in reading.items():
        if name not in READINGS:
            raise ProfileError(f"reading: unknown {name!r}: choose from {', '.join(READINGS)}")
        taken = READINGS[name]
        if option not in taken.options:
            raise ProfileError(f"reading: {name} is one of {', '.join(taken.options)}, not {option!r}")
        found[taken.symbol] = taken.options[option]
    return found


def ranges_of(profile: Mapping[str, Any], field: str) -> tuple[tuple[int, int], ...] | None:
    """The address ranges [first, last] of a field of a profile, or None where it says nothing."""
    ranges = profile.get(field)
    return None if ranges is None else tuple((int(first, 0), int(last, 0)) for first, last in ranges)


def local_states(state: Mapping[str, Any]) -> dict[int, str]:
    """The local state that a described power_state asks for at each level above 0."""
    return {int(level): str(name).upper() for level, name in state.get("levels", {}).items()}


def _states(
    profile: Mapping[str, Any], cpus: tuple[int, ...], tree: Topology | None
) -> Iterator[tuple[str | Key, Value]]:
    listed = profile.get("states")
    if listed is None:
        return
    bare = {int(state, 0) for state in listed if isinstance(state, str)}
    states = [PowerState(word, "STANDBY") for word in bare] + [
        PowerState(
            int(state["power_state"], 0), state["core"].upper(), local_states(state), state.get("last_in_level", 0)
        )
        for state in listed
        if not isinstance(state, str)
    ]
    mask = int(profile.get("last_in_level_bits", "0x0"), 0)
    own_encoding = profile.get("counted_states")
    # statistics may have an encoding of their own, and ignore a part of this one (STAT-4, STAT-12)
    closed = own_encoding is not None or "last_in_level_bits" in profile
    for key, value in declare_states(states, cpus, tree, mask):
        counts = key == "counted_node" or (isinstance(key, tuple) and key[0] in COUNTED)
        # of a state that is only named nothing is known but that it is valid
        unsaid = isinstance(key, tuple) and key[0] in ("described", "retention", *COUNTED) and key[-1] in bare
        unknown = (key == "counted_node" and not closed) or (counts and own_encoding is not None)
        if not (unsaid or unknown):
            yield key, value
    if own_encoding is not None:
        encoded = {int(state["power_state"], 0) & ~mask: int(state["level"]) for state in own_encoding}
        yield from declare_counted(encoded, cpus, tree)


COUNTED = ("counted_level", "counted_node")


def _nodes(
    profile: Mapping[str, Any], cpus: tuple[int, ...], tree: Topology | None
) -> Iterator[tuple[str | Key, Value]]:
    # the format of power_level is the platform's own: what it does not tell is left open (HWSTATE-1)
    if tree is not None and "power_levels" in profile:
        values = {int(level): int(value, 0) for level, value in profile["power_levels"].items()}
        yield from declare_nodes(cpus, tree, values)
