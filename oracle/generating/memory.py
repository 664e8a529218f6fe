"""What the programs of an epoch covered so far, as the model expects it: it steers what comes next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

SituationCell = tuple[str, str]
"""A function, and the situation of the core that its call is about."""
Meeting = tuple[str, str]
"""The rules that would answer two calls, made at the same time, whose order matters."""


@dataclass(slots=True)
class Memory:
    """How often each of what can be covered was aimed at."""

    rules: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    """One rule, and the next one of a call about the same core."""
    cells: Counter[SituationCell] = field(default_factory=Counter)
    meetings: Counter[Meeting] = field(default_factory=Counter)
    words: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    """A function, the place of an argument, and what it was."""

    def met(self, one: str, other: str) -> Meeting:
        """The name of a meeting, whoever comes first."""
        return (one, other) if one < other else (other, one)


__all__ = ["Meeting", "Memory", "SituationCell"]
