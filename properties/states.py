"""What is known of every reachable state, whatever else a property needs; `psci check` looks only at such states."""

from __future__ import annotations

from typing import Any

from psci.model.language.terms import conjunction
from psci.properties.helpers import REACHABLE
from psci.properties.language import always_true


@always_true("STATES", "states-fit-together", cites=("SM-1", "SM-2", "SM-3", "SM-16", "SYS-4"), helpers=REACHABLE)
def states_fit_together(m: Any, s: Any, h: Any) -> Any:
    """Only an ON core does anything, nothing runs when the system is down, no version does what it does not know."""
    return conjunction(*(helper.claim(m, s, h) for helper in REACHABLE))


PROPERTIES = (states_fit_together,)
