"""What a rule leaves to the implementation, also among rules that come and go."""

from __future__ import annotations

import gc

from psci.model.language.effects import Effect
from psci.model.language.rules import RESULT, Completion, Modality, Rule
from psci.model.language.terms import TRUE, equal
from psci.model.step import Outcome, accepts
from psci.model.tables.versions import V0_2, V1_3


def leaves_only(word: int) -> Rule:
    """A rule that allows one result, as a condition and not as a value."""
    return Rule(
        "CALL.choice",
        Modality.MAY_REFUSE,
        TRUE,
        Completion.RETURNS,
        None,
        equal(RESULT, word),
        Effect(),
        (),
        V0_2,
        V1_3,
        "",
    )


def test_each_of_many_rules_is_asked_for_its_own_condition() -> None:
    # a rule that is gone leaves its place in memory to the next
    for word in range(200):
        rule = leaves_only(word)
        outcome = Outcome(rule, Completion.RETURNS, None, state=None)
        assert accepts(outcome, word, wide=True) and not accepts(outcome, word + 1, wide=True)
        del rule, outcome
        gc.collect(0)
