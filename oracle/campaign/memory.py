"""What the programs of an epoch covered so far, as the model expects it: it steers what comes next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

Cell = tuple[str, str]
"""A function, and the situation of the core that its call is about."""
Meeting = tuple[str, str, str]
"""Two functions that are called at the same time about one core, and the situation of that core before."""


@dataclass(slots=True)
class Memory:
    """How often each of what can be covered was aimed at."""

    rules: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    """One rule, and the next one of a call about the same core."""
    cells: Counter[Cell] = field(default_factory=Counter)
    meetings: Counter[Meeting] = field(default_factory=Counter)

    def met(self, one: str, other: str, situation: str) -> Meeting:
        """The name of a meeting, whoever comes first."""
        first, second = sorted((one, other))
        return first, second, situation


__all__ = ["Cell", "Meeting", "Memory"]
