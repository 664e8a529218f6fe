"""Return codes (DEN0022 5.2.2, Table 5)."""

from __future__ import annotations

from dataclasses import dataclass

from psci.model.tables.versions import V0_1, V0_2, V1_0, V1_3, V1_3_ALPHA, Version


@dataclass(frozen=True, slots=True)
class Code:
    """An error code or SUCCESS: a signed number, as wide as the function's result."""

    name: str
    number: int
    since: Version
    until: Version = V1_3

    def __str__(self) -> str:
        return self.name

    def word(self, width: int) -> int:
        """The code as an unsigned word of `width` bits."""
        return self.number & ((1 << width) - 1)

    def with_number(self) -> str:
        """The name and the number: `ON_PENDING (-5)`."""
        return f"{self.name} ({self.number})"


SUCCESS = Code("SUCCESS", 0, V0_1)
NOT_SUPPORTED = Code("NOT_SUPPORTED", -1, V0_1)
INVALID_PARAMETERS = Code("INVALID_PARAMETERS", -2, V0_1)
DENIED = Code("DENIED", -3, V0_1)
ALREADY_ON = Code("ALREADY_ON", -4, V0_2)
ON_PENDING = Code("ON_PENDING", -5, V0_2)
INTERNAL_FAILURE = Code("INTERNAL_FAILURE", -6, V0_2)
NOT_PRESENT = Code("NOT_PRESENT", -7, V0_2)
DISABLED = Code("DISABLED", -8, V0_2)
INVALID_ADDRESS = Code("INVALID_ADDRESS", -9, V1_0)
TIMEOUT = Code("TIMEOUT", -10, V1_3_ALPHA, V1_3_ALPHA)
RATE_LIMITED = Code("RATE_LIMITED", -11, V1_3_ALPHA, V1_3_ALPHA)
BUSY = Code("BUSY", -12, V1_3_ALPHA, V1_3_ALPHA)

CODES = (
    SUCCESS, NOT_SUPPORTED, INVALID_PARAMETERS, DENIED, ALREADY_ON, ON_PENDING, INTERNAL_FAILURE, NOT_PRESENT, DISABLED,
    INVALID_ADDRESS, TIMEOUT, RATE_LIMITED, BUSY,
)  # fmt: skip


def codes(version: Version) -> tuple[Code, ...]:
    """The codes that Table 5 of this version lists."""
    return tuple(code for code in CODES if code.since <= version <= code.until)


def code_named(number: int) -> Code | None:
    """The code with this signed number."""
    return next((code for code in CODES if code.number == number), None)


def signed(word: int, width: int) -> int:
    """A word of `width` bits as a signed number."""
    return word - (1 << width) if word >> (width - 1) else word


def code_of(word: int, width: int) -> Code | None:
    """The error that a result of `width` bits is; None for SUCCESS and for a value."""
    number = signed(word & ((1 << width) - 1), width)
    return code_named(number) if number < 0 else None


def value_in_words(word: int, width: int) -> str:
    """A result of `width` bits as a person reads it: an error by name and number, a value as a number."""
    code = code_of(word, width)
    if code is not None:
        return code.with_number()
    return str(word) if word < 10 else f"{word:#x}"
