"""Changed rules that survive although they make a difference: why nothing that is seen can show it.

A mutant that is not here, and that nobody notices, is an open question: the search for a trace ends after some steps.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

ARGUMENTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        (
            "CPU_SUSPEND.downgraded: drop rule", "CPU_SUSPEND.downgraded: weaken since*", "CPU_SUSPEND.early_return: *",
            "CPU_DEFAULT_SUSPEND.early_return: drop rule",
        ),
        "A call that returns SUCCESS may have ended early, or slept in a downgraded state, or in a standby state: the "
        "caller cannot tell (CPU_SUSPEND-7b), so that each of these explains what is seen of the others.",
    ),
    (
        ("*: drop update of slept",),
        "The wakeup sets the same field, and it is silent until the call returns or the core is entered: whoever sees "
        "that the core has slept can explain it by a wakeup that was not seen yet.",
    ),
    (
        ("*: drop update of dozed",),
        "Statistics are held to bounds that the trace itself gives: the field only says where they are zero.",
    ),
    (
        ("REEVALUATE.votes_counted_again: weaken since to 0.2",),
        "Version 0.1 has no call that shows or asks for the state of a power domain.",
    ),
    (
        ("STOP.stopped: drop conjunct 2",),
        "A core that has stopped stops again: a silent move that changes nothing.",
    ),
    (
        ("GO_DOWN.system_call_completes: drop conjunct 2",),
        "The event says by which call the system went down; none says that it went down by no call.",
    ),
)  # fmt: skip
"""Names of mutants as patterns, and the argument for these."""


def argument_for(mutant: str) -> str:
    """Why nothing that is seen shows a mutant; empty where nobody has said."""
    return next((why for patterns, why in ARGUMENTS if any(fnmatchcase(mutant, p) for p in patterns)), "")


__all__ = ["ARGUMENTS", "argument_for"]
