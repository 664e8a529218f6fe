"""How the reference implementation chooses where the rules leave a choice."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol, TypeVar

T = TypeVar("T")


class Choose(Protocol):
    """Makes the choices that the rules leave."""

    def __call__(self, options: Sequence[T]) -> T:
        """One of the options, of which there is at least one; the most ordinary comes first."""


def first(options: Sequence[T]) -> T:
    """The deterministic choice."""
    return options[0]


def seeded(seed: int) -> Choose:
    """A choice that is random, and the same for the same seed."""
    random = Random(seed)

    def choose(options: Sequence[T]) -> T:
        return random.choice(options)

    return choose


class Refuses(enum.Enum):
    """How often an implementation uses a permission: to refuse, to return early, to sleep less deeply than asked."""

    NEVER = "never"
    SOMETIMES = "sometimes"
    OFTEN = "often"

    @property
    def share(self) -> float:
        """Of the calls for which it is permitted."""
        return {"never": 0.0, "sometimes": 0.05, "often": 0.5}[self.value]


def refusing(refuses: Refuses, seed: int | None) -> Callable[[], bool]:
    """Whether to use a permission now."""
    random = Random(f"refuses {seed}")

    def now() -> bool:
        return random.random() < refuses.share

    return now


__all__ = ["Choose", "Refuses", "first", "refusing", "seeded"]
