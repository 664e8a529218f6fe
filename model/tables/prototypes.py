"""What the prototype of each function lists as its return values (DEN0022 5.1; facts, table 1.4).

These are data of their own, not derived from the rules: the rules say what the text of a function yields, and
`psci check` holds one against the other. `VALUE` is a result outside Table 5.
"""

from __future__ import annotations

from collections.abc import Mapping

from psci.model.tables.codes import (
    ALREADY_ON,
    DENIED,
    DISABLED,
    INTERNAL_FAILURE,
    INVALID_ADDRESS,
    INVALID_PARAMETERS,
    NOT_PRESENT,
    NOT_SUPPORTED,
    ON_PENDING,
    SUCCESS,
    Code,
)
from psci.model.tables.versions import V0_1, V0_2, V1_0, V1_1, V1_2, V1_3, V1_3_ALPHA, Version

VALUE = "value"
Listed = tuple[Code | str, Version, Version]
"""What is listed, from which version on, until which."""


def _since(version: Version, *listed: Code | str) -> tuple[Listed, ...]:
    return tuple((one, version, V1_3) for one in listed)


def _only(version: Version, *listed: Code | str) -> tuple[Listed, ...]:
    return tuple((one, version, version) for one in listed)


PROTOTYPES: Mapping[str, tuple[Listed, ...]] = {
    "PSCI_VERSION": _since(V0_2, VALUE),
    "CPU_SUSPEND": (
        *_since(V0_1, SUCCESS, INVALID_PARAMETERS),
        *_only(V0_1, NOT_SUPPORTED, DENIED),
        *_since(V1_0, DENIED, INVALID_ADDRESS),
    ),
    "CPU_OFF": (*_since(V0_1, DENIED), *_only(V0_1, NOT_SUPPORTED, INVALID_PARAMETERS)),
    "CPU_ON": (
        *_since(V0_1, SUCCESS, INVALID_PARAMETERS),
        *_only(V0_1, NOT_SUPPORTED, DENIED),
        *_since(V0_2, ALREADY_ON, ON_PENDING, INTERNAL_FAILURE),
        *_since(V1_0, INVALID_ADDRESS),
        *_since(V1_2, DENIED),
    ),
    "AFFINITY_INFO": _since(V0_2, VALUE, INVALID_PARAMETERS, DISABLED),
    "MIGRATE": (
        *_since(V0_1, SUCCESS, NOT_SUPPORTED, INVALID_PARAMETERS, DENIED),
        *_since(V0_2, INTERNAL_FAILURE, NOT_PRESENT),
    ),
    "MIGRATE_INFO_TYPE": _since(V0_2, VALUE, NOT_SUPPORTED),
    "MIGRATE_INFO_UP_CPU": _since(V0_2, VALUE),
    "SYSTEM_OFF": (),
    "SYSTEM_RESET": (),
    "SYSTEM_OFF2": _since(V1_3_ALPHA, NOT_SUPPORTED, INVALID_PARAMETERS),
    "SYSTEM_RESET2": _since(
        V1_1, NOT_SUPPORTED, INVALID_PARAMETERS, DENIED, ALREADY_ON, ON_PENDING, INTERNAL_FAILURE, NOT_PRESENT,
        DISABLED, INVALID_ADDRESS, VALUE,
    ),
    "MEM_PROTECT": _since(V1_1, VALUE, NOT_SUPPORTED),
    "MEM_PROTECT_CHECK_RANGE": _since(V1_1, SUCCESS, NOT_SUPPORTED, DENIED),
    "PSCI_FEATURES": _since(V1_0, VALUE, NOT_SUPPORTED),
    "CPU_FREEZE": _since(V1_0, NOT_SUPPORTED, DENIED),
    "CPU_DEFAULT_SUSPEND": _since(V1_0, SUCCESS, INVALID_ADDRESS),
    "NODE_HW_STATE": _since(V1_0, VALUE, NOT_SUPPORTED, INVALID_PARAMETERS),
    "SYSTEM_SUSPEND": _since(V1_0, NOT_SUPPORTED, ALREADY_ON, INVALID_ADDRESS),
    "PSCI_SET_SUSPEND_MODE": _since(V1_0, SUCCESS, NOT_SUPPORTED, INVALID_PARAMETERS, DENIED),
    "PSCI_STAT_RESIDENCY": _since(V1_0, VALUE),
    "PSCI_STAT_COUNT": _since(V1_0, VALUE),
}  # fmt: skip
"""By function. The drafts of 1.3 whose prototypes nobody has are absent: nothing is held against them."""


def listed(function: str, version: Version) -> frozenset[str] | None:
    """What the prototype of a function lists in a version: names of codes, and `value`; None where nobody knows."""
    if function not in PROTOTYPES:
        return None
    return frozenset(str(one) for one, since, until in PROTOTYPES[function] if since <= version <= until)


__all__ = ["PROTOTYPES", "VALUE", "listed"]
