"""What is known of every reachable state: a core does one thing at a time, and every call is answered.

`psci check` looks only at states of which STATES holds.
"""

from __future__ import annotations

from typing import Any

from psci.model.language.sorts import CORE
from psci.model.language.terms import TRUE, conjunction, implies, some
from psci.properties.helpers import REACHABLE
from psci.properties.language import Step, always_true, total


@always_true("STATES", "states-fit-together", cites=("SM-1", "SM-2", "SM-3", "SM-16", "SYS-4"), helpers=REACHABLE)
def states_fit_together(m: Any, s: Any, h: Any) -> Any:
    """Only an ON core does anything, nothing runs when the system is down, no version does what it does not know."""
    return conjunction(*(helper.claim(m, s, h) for helper in REACHABLE))


@always_true(
    "GOING-ASKED", "somebody-asked-for-the-way-down", cites=("SYS-4", "OFF-3", "RESET-2"),
    lemmas=(states_fit_together,),
)  # fmt: skip
def somebody_asked_for_the_way_down(m: Any, s: Any, h: Any) -> Any:
    """A system is on its way down only after some core made a system call that was accepted."""
    return implies(s.system == "GOING", some(CORE, lambda core: s.asked[core] != "NONE"))


@total("TOTAL", "every-call-is-answered", cites=("RET-1", "RET-4", "SM-16"), lemmas=(states_fit_together,))
def every_call_is_answered(m: Any, s: Any, h: Any, step: Step) -> Any:
    """Every call of a running core has an answer that is more than a permission."""
    return TRUE
