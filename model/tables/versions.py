"""The versions of PSCI that the rules distinguish (DEN0022 1.1, Table 6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import total_ordering

from psci.model.errors import InputError


@total_ordering
@dataclass(frozen=True, slots=True, eq=True)
class Version:
    """A published version or draft; versions are ordered by age."""

    name: str
    rank: int
    number: int | None
    """What PSCI_VERSION returns (u32), or None where there is no such function."""
    issue: str

    def __lt__(self, other: Version) -> bool:
        return self.rank < other.rank

    def __str__(self) -> str:
        return self.name


V0_1 = Version("0.1", 0, None, "A")
V0_2 = Version("0.2", 1, 0x0000_0002, "B.b, with the errata of C")
V1_0 = Version("1.0", 2, 0x0001_0000, "C")
V1_1 = Version("1.1", 3, 0x0001_0001, "D.b")
V1_2 = Version("1.2", 4, 0x0001_0002, "E")
V1_3_ALPHA = Version("1.3-alpha", 5, 0x0001_0003, "F ALP1")
V1_3_BETA = Version("1.3-beta", 6, 0x0001_0003, "F beta")
V1_3_F = Version("1.3-F", 7, 0x0001_0003, "F")
V1_3 = Version("1.3", 8, 0x0001_0003, "F.b")

VERSIONS = (V0_1, V0_2, V1_0, V1_1, V1_2, V1_3_ALPHA, V1_3_BETA, V1_3_F, V1_3)


class UnknownVersion(InputError):
    """No such version; the message lists those that exist."""


def version(name: str) -> Version:
    """The version of that name.

    Raises:
        UnknownVersion: there is none.
    """
    for candidate in VERSIONS:
        if candidate.name == name:
            return candidate
    raise UnknownVersion(f"unknown PSCI version {name!r}: choose one of {', '.join(v.name for v in VERSIONS)}")


def versions(since: Version, until: Version) -> Iterator[Version]:
    """The versions from `since` to `until`, both included."""
    return (candidate for candidate in VERSIONS if since <= candidate <= until)
