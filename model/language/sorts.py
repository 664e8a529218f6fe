"""The sorts that terms range over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sort:
    """A set of values with a name."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class BitVector(Sort):
    """Unsigned words of `width` bits."""

    width: int


@dataclass(frozen=True, slots=True)
class Quantity(Sort):
    """Numbers that rules only compare, never calculate with; at most `distinct` different ones at a time.

    What the rules say depends on the order of these numbers alone, so a solver may take any `distinct` numbers
    for them.
    """

    distinct: int

    @property
    def width(self) -> int:
        """The bits that tell so many numbers apart."""
        return (self.distinct - 1).bit_length()


@dataclass(frozen=True, slots=True)
class Enumeration(Sort):
    """A finite sort whose values are listed, from the lowest to the highest where they have an order."""

    values: tuple[str, ...]


BOOL = Sort("Bool")
CORE = Sort("Core")
"""The cores of the caller-visible system; a reader may take any number of them."""
NODE = Sort("Node")
"""The power domains above core level: clusters and the system (DEN0022 4.2)."""
U8 = BitVector("u8", 8)
U32 = BitVector("u32", 32)
U64 = BitVector("u64", 64)


def blank(sort: Sort) -> bool | int | str | None:
    """The first value of a sort: what a field holds before the first boot. None where the values are not listed."""
    if isinstance(sort, Enumeration):
        return sort.values[0]
    return None if sort in (CORE, NODE) else False if sort == BOOL else 0
