"""Calls that overlap: which claims still hold, and why.

A call has three points: it is invoked, it is decided, it completes. Only the decision changes the state, in one step;
so whatever the calls of several cores do between these points, the states are those of a sequence of decisions. What is
proved of every step is proved of that sequence. CALLER-STAYS and LOCAL-CORES say that a core which is in a call is left
running by the others until its call is decided, as each step assumes of its caller.

A claim depends on the points of a call only by what it is *given* of callers. A caller knows the state in which it
invokes, not the one in which its call is decided. So a duty that speaks about the state is one from the invocation to
the decision: it is enough for the proof, which uses it at the decision, and holding at the invocation alone is not.
"""

from __future__ import annotations

from collections.abc import Iterator

from psci.model.calls import CALLS
from psci.model.language.rules import Completion
from psci.model.language.terms import fields_read
from psci.model.symbols.state import FIELDS
from psci.properties.language import ClaimKind, Invariant, Property, Step, given_of

FIELD_NAMES = frozenset(field.name for field in FIELDS)
REASONS = {
    ClaimKind.STEP: "It speaks about decisions, and these are atomic.",
    ClaimKind.INVARIANT: "It speaks about states, which only decisions and moves change.",
    ClaimKind.TOTAL: "It speaks about the state in which a call is decided, whichever that is.",
    ClaimKind.WITNESS: "The run that shows it has no overlap, and runs without overlap are runs.",
    ClaimKind.LIVENESS: "Fairness is about the decision of a call that was invoked; other cores may step in between.",
    ClaimKind.EXPLORED: "Its scenarios have one caller at a time.",
    ClaimKind.REFINEMENT: "It compares decisions, state by state.",
}
"""Why a claim of each kind survives overlap, where it is given nothing that a caller has to know of the state."""


def duties_over_time(prop: Property) -> tuple[Invariant, ...]:
    """What a property or its lemmas are given of callers that reads the state, so that it matters when it holds."""
    given = dict.fromkeys((*prop.given, *(fact for lemma in prop.all_lemmas() for fact in lemma.given)))
    return tuple(fact for fact in given if any(_reads_state(fact, prop, step) for step in _calls()))


def _calls() -> Iterator[Step]:
    for call in CALLS:
        for completion in Completion:
            yield Step(call, completion)


def _reads_state(fact: Invariant, prop: Property, step: Step) -> bool:
    own = next(p for p in (*prop.all_lemmas(), prop) if fact in p.given)
    return not FIELD_NAMES.isdisjoint(fields_read(given_of(fact.claim, own.history, step)))


def survives(prop: Property) -> str:
    """Why a property holds when calls overlap, or what callers owe from the invocation to the decision for that."""
    duties = duties_over_time(prop)
    if duties:
        return "Under a duty over time: " + " ".join(duty.sentence for duty in duties)
    return REASONS[prop.kind]
