"""Profiles: what implementations declare, as data that is checked before anything is judged by it.

A profile is a JSON object in the form of `schema.json`; those of this folder can be named. What it leaves out is left
open: the oracle takes it as unknown but fixed. Nothing is guessed, and a profile that contradicts itself is refused
with one line that names the field.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from psci.model.machine import Machine, ProfileError
from psci.model.tables.versions import V1_3, version
from psci.oracle.profiles.domains import topology_from
from psci.oracle.profiles.requirements import require
from psci.oracle.profiles.symbols import declarations, ranges_of

SCHEMA = "schema.json"


def shipped() -> Mapping[str, str]:
    """The profiles that can be named, each with its sentence."""
    return {name: str(named(name)["description"]) for name in sorted(_names())}


def named(name: str) -> Mapping[str, Any]:
    """A profile of this folder.

    Raises:
        ProfileError: there is none of that name; the message lists those that exist.
    """
    if name not in _names():
        raise ProfileError(f"profile: unknown {name!r}: choose one of {', '.join(sorted(_names()))}, or give a file")
    return _parsed(resources.files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8"), name)


def read(path: Path) -> Mapping[str, Any]:
    """A profile from a file.

    Raises:
        ProfileError: there is no such file, or it is not a JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ProfileError(f"{path}: {why}; the shipped profiles are {', '.join(shipped())}") from error
    return _parsed(text, str(path))


def check(profile: Mapping[str, Any]) -> Machine:
    """The machine that a whole profile (with its cores) describes.

    Raises:
        ProfileError: a field is malformed, missing, or contradicts another; the message begins with its name.
        TopologyError: the power domains are not a tree.
        UnknownVersion: there is no such version.
    """
    validate(profile)
    if "cores" not in profile:
        raise ProfileError("cores: a profile that is to be a machine lists the MPIDR of each core")
    return machine(profile, tuple(int(mpidr, 0) for mpidr in profile["cores"]))


def machine(
    profile: Mapping[str, Any],
    cpus: tuple[int, ...],
    *,
    psci: str | None = None,
    reading: Mapping[str, str] | None = None,
) -> Machine:
    """The machine with these cores that a profile describes; the version is 1.3 where nobody says.

    Raises:
        ProfileError: the profile contradicts itself, or names what is not there.
    """
    judged = version(psci or profile.get("psci", V1_3.name))
    tree = topology_from(profile.get("topology"), cpus)
    described = profile.get("topology") is not None
    require(profile, cpus, tree if described else None, judged)
    boot = int(profile["boot_core"], 0) if "boot_core" in profile else cpus[0]
    if boot not in cpus:
        raise ProfileError(f"boot_core: {boot:#x} is not one of cores")
    declared = declarations(
        profile, cpus, tree if described else None, {**profile.get("reading", {}), **(reading or {})}
    )
    forbidden, protected = ranges_of(profile, "unusable"), ranges_of(profile, "protected")
    return Machine(judged, cpus, cpus.index(boot), tree, declared, forbidden, protected)


def validate(profile: Mapping[str, Any]) -> None:
    """Hold a profile against the schema.

    Raises:
        ProfileError: the first field that does not fit, and why.
    """
    import jsonschema  # slow to import, and needed only where a profile is given

    error = next(iter(sorted(jsonschema.Draft202012Validator(schema()).iter_errors(profile), key=_place)), None)
    if error is not None:
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        raise ProfileError(f"{where.lstrip('.') or 'profile'}: {_why(error)}")


@cache
def schema() -> Mapping[str, Any]:
    """The JSON schema of profiles."""
    text = resources.files(__package__).joinpath(SCHEMA).read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def _place(error: Any) -> tuple[str, ...]:
    return tuple(str(part) for part in error.absolute_path)


def _why(error: Any) -> str:
    if error.validator == "additionalProperties":
        known = ", ".join(error.schema["properties"])
        extra = sorted(set(error.instance) - set(error.schema["properties"]))
        return f"there is no field {extra[0]!r}: choose from {known}"
    if error.validator == "enum":
        return f"one of {', '.join(map(str, error.validator_value))}, not {error.instance!r}"
    if error.validator == "pattern":
        return f'a number in hexadecimal such as "0x1", not {error.instance!r}'
    if error.validator == "oneOf":
        return f"cannot be {error.instance!r}; see the schema"
    return str(error.message)


def _names() -> Iterator[str]:
    for entry in resources.files(__package__).iterdir():
        if entry.name.endswith(".json") and entry.name != SCHEMA:
            yield entry.name.removesuffix(".json")


def _parsed(text: str, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ProfileError(f"{name}: no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ProfileError(f"{name}: a profile is a JSON object")
    return found


__all__ = ["check", "machine", "named", "read", "schema", "shipped", "validate"]
