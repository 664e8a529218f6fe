"""How much the judgement of one trace may cost."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

LIMIT_OF_EXPLANATIONS = 50_000
"""Above this many explanations of one event the trace is not judged further."""

_BETWEEN_LOOKS = 256
"""How many steps are taken before the clock and the memory are looked at again."""


class LimitReached(Exception):
    """The judgement of a trace would cost more than it may; the message says which limit was hit."""


@dataclass(slots=True)
class Limits:
    """What one trace may cost."""

    explanations: int = LIMIT_OF_EXPLANATIONS
    seconds: float | None = None
    megabytes: int | None = None
    _steps: int = field(default=0, init=False)
    _begun: float = field(default_factory=time.monotonic, init=False)

    def spend(self, explanations: int = 0) -> None:
        """Count a step of the work.

        Args:
            explanations: how many explanations of one event are held.

        Raises:
            LimitReached: a limit is hit.
        """
        if explanations > self.explanations:
            raise LimitReached(f"more than {self.explanations:,} explanations of one event")
        self._steps += 1
        if self._steps % _BETWEEN_LOOKS == 1:
            self.look()

    def look(self) -> None:
        """Compare time and memory with the limits.

        Raises:
            LimitReached: a limit is hit.
        """
        if self.seconds is not None and time.monotonic() - self._begun > self.seconds:
            raise LimitReached(f"the time limit of {self.seconds:g} s")
        if self.megabytes is not None and _resident_megabytes() > self.megabytes:
            raise LimitReached(f"the memory limit of {self.megabytes:,} MB")


def _resident_megabytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


__all__ = ["LIMIT_OF_EXPLANATIONS", "LimitReached", "Limits"]
