"""What a profile must not contradict: itself, its version, its cores and its power domains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from psci.model.calls import CALLS
from psci.model.machine import ProfileError
from psci.model.power.states import levels_of
from psci.model.power.topology import Topology
from psci.model.symbols.machine import LOCAL_STATE
from psci.model.tables.versions import V0_1, V1_0, Version
from psci.oracle.profiles.symbols import FUNCTION_KEYS, local_states

ProfileFields: TypeAlias = Mapping[str, Any]
ProfileRequirement: TypeAlias = Callable[[ProfileFields, tuple[int, ...], Topology | None, Version], str | None]
"""Says what is wrong with a profile, beginning with the field, or None."""

RESERVED: Mapping[str, int] = {"original": 0xFCFE_0000, "extended": 0xB000_0000}
STATE_TYPE: Mapping[str, int] = {"original": 16, "extended": 30}
DEPTH = LOCAL_STATE.values.index


def require(profile: ProfileFields, cpus: tuple[int, ...], tree: Topology | None, judged: Version) -> None:
    """Hold a profile against all requirements.

    Raises:
        ProfileError: the first one that it does not meet.
    """
    for requirement in REQUIREMENTS:
        wrong = requirement(profile, cpus, tree, judged)
        if wrong is not None:
            raise ProfileError(wrong)


def _functions_exist(
    profile: ProfileFields, cpus: tuple[int, ...], tree: Topology | None, judged: Version
) -> str | None:
    """RET-6: a version's mandatory functions are there, and those of later versions are not."""
    calls = {call.name: call for call in CALLS}
    for name, present in profile.get("functions", {}).items():
        if name not in FUNCTION_KEYS:
            return f"functions: there is no function {name!r}"
        call = calls.get(name)
        if call is not None and present and not call.exists_in(judged):
            return f"functions: {name} is not a function of version {judged}"
        if call is not None and not present and call.exists_in(judged) and not call.optional and judged != V0_1:
            return f"functions: {name} is mandatory in version {judged} (RET-6)"
    return None


def _functions_go_together(
    profile: ProfileFields, cpus: tuple[int, ...], tree: Topology | None, judged: Version
) -> str | None:
    """RET-7, RET-8: both or neither. RET-9: MIGRATE needs MIGRATE_INFO_UP_CPU."""
    functions = profile.get("functions", {})
    for call in CALLS:
        for other, one_way in ((call.together_with, False), (call.required_by, True)):
            if other is None or not {call.name, other.name} <= set(functions):
                continue
            here, there = functions[call.name], functions[other.name]
            if there > here if one_way else there != here:
                rule = ", ".join(fact for fact in call.presence_cites if fact.startswith("RET"))
                how = f"{other.name} needs {call.name}" if one_way else f"{other.name} and {call.name}: both or neither"
                return f"functions: {how} ({rule})"
    return None


def _trusted_os(profile: ProfileFields, cpus: tuple[int, ...], tree: Topology | None, judged: Version) -> str | None:
    """RET-10, MIG_TYPE-5: without MIGRATE_INFO_TYPE there is no uniprocessor Trusted OS for the caller."""
    uniprocessor = profile.get("trusted_os", "mp_or_none") != "mp_or_none"
    if uniprocessor and profile.get("functions", {}).get("MIGRATE_INFO_TYPE") is False:
        return f"trusted_os: {profile['trusted_os']} needs MIGRATE_INFO_TYPE (RET-10, MIG_TYPE-5)"
    home = profile.get("trusted_os_home")
    if home is not None and int(home, 0) not in cpus:
        return f"trusted_os_home: {home} is not one of the cores"
    if home is not None and not uniprocessor:
        return "trusted_os_home: only a uniprocessor Trusted OS (up_migratable, up_fixed) has one"
    return None


def _mode_and_format(
    profile: ProfileFields, cpus: tuple[int, ...], tree: Topology | None, judged: Version
) -> str | None:
    """PSTATE-4, OSI-1: both came with 1.0. FEAT-11: the mode needs the call that sets it."""
    if judged < V1_0 and profile.get("power_state_format") == "extended":
        return f"power_state_format: version {judged} has the original format only (PSTATE-4)"
    if not profile.get("os_initiated"):
        return None
    if judged < V1_0:
        return f"os_initiated: version {judged} has no OS-initiated mode (OSI-1)"
    if profile.get("functions", {}).get("PSCI_SET_SUSPEND_MODE") is False:
        return "os_initiated: it needs PSCI_SET_SUSPEND_MODE (FEAT-11)"
    for place, state in enumerate(profile.get("states", ())):
        if not isinstance(state, str) and "last_in_level" not in state:
            return f"states[{place}].last_in_level: in OS-initiated mode every power_state tells it (PSTATE-7)"
    return None


def _states(profile: ProfileFields, cpus: tuple[int, ...], tree: Topology | None, judged: Version) -> str | None:
    """PSTATE-5, -6, -10, -11 and PD-3 to PD-6: a power_state says what the states that it stands for are."""
    seen: dict[int, int] = {}
    for place, state in enumerate(profile.get("states", ())):
        word = int(state if isinstance(state, str) else state["power_state"], 0)
        if word in seen:
            return f"states[{place}]: {word:#x} is the same power_state as states[{seen[word]}] (PSTATE-6)"
        seen[word] = place
        wrong = _word(word, state, profile.get("power_state_format"))
        if wrong is None and not isinstance(state, str):
            wrong = _composite(state, tree)
        if wrong is not None:
            return f"states[{place}]{wrong}"
    return None


def _word(word: int, state: str | Mapping[str, Any], form: str | None) -> str | None:
    if form is None:
        return None if isinstance(state, str) else ": say which power_state_format it is written in"
    if word & RESERVED[form]:
        return f".power_state: {word:#x} has reserved bits of the {form} format set (PSTATE-10)"
    if isinstance(state, str):
        return None
    powerdown = state["core"] == "powerdown"
    if bool(word >> STATE_TYPE[form] & 1) != powerdown:
        return f".power_state: StateType of {word:#x} is not that of a core in {state['core']} (PSTATE-5)"
    asked = local_states(state)
    down = max((level for level, name in asked.items() if name == "POWERDOWN"), default=0)
    highest = max((level for level, name in asked.items() if name != "RUN"), default=0)
    if form == "original" and powerdown and not down <= (word >> 24 & 3) <= highest:
        return f".power_state: PowerLevel of {word:#x} is not the level that is powered down (PSTATE-11)"
    return None


def _composite(state: Mapping[str, Any], tree: Topology | None) -> str | None:
    known = set() if tree is None else set(tree.levels)
    below = str(state["core"]).upper()
    levels = local_states(state)
    for level in sorted({*levels, state.get("last_in_level", 0)} - {0}):
        if tree is not None and level not in known:
            field = "levels" if level in levels else "last_in_level"
            return f".{field}: no power domain is at level {level}"
    for level, name in sorted(levels.items()):
        if DEPTH(name) > DEPTH(below):
            return f".levels: level {level} in {name.lower()} is deeper than what is below it (PD-3 to PD-6)"
        below = name
    highest = max((level for level, name in levels.items() if name != "RUN"), default=0)
    if tree is not None and highest and not any(highest in levels_of(tree, core) for core in range(len(tree.homes))):
        return f".levels: no core has a power domain at level {highest}"
    return None


def _affinity(profile: ProfileFields, cpus: tuple[int, ...], tree: Topology | None, judged: Version) -> str | None:
    """AFF-7: before 1.0 all levels are there."""
    if judged < V1_0 and "affinity_levels" in profile and set(profile["affinity_levels"]) != {1, 2, 3}:
        return f"affinity_levels: version {judged} has all of 1, 2 and 3 (AFF-7)"
    return None


def _ranges(profile: ProfileFields, cpus: tuple[int, ...], tree: Topology | None, judged: Version) -> str | None:
    for field in ("unusable", "protected"):
        for place, (first, last) in enumerate(profile.get(field, ())):
            if int(first, 0) > int(last, 0):
                return f"{field}[{place}]: {first} is above {last}"
    return None


def _power_levels(profile: ProfileFields, cpus: tuple[int, ...], tree: Topology | None, judged: Version) -> str | None:
    """HWSTATE-1, HWSTATE-7: each power level of the tree has a value of its own, and 0 means the core."""
    listed = profile.get("power_levels")
    if listed is None:
        return None
    known = set() if tree is None else set(tree.levels)
    if {int(level) for level in listed} != known:
        levels = ", ".join(map(str, sorted(known))) or "no power domain"
        return f"power_levels: say the value of each level of the topology, which has {levels}"
    values = [int(value, 0) for value in listed.values()]
    if 0 in values or len(set(values)) < len(values):
        return "power_levels: each level has a value of its own, and 0 means the core (HWSTATE-1)"
    return None


REQUIREMENTS: tuple[ProfileRequirement, ...] = (
    _functions_exist, _functions_go_together, _trusted_os, _mode_and_format, _states, _affinity, _ranges, _power_levels,
)  # fmt: skip
