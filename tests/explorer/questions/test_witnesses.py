"""Every rule of 1.3 is used on some machine, or it is known why not."""

from __future__ import annotations

import pytest

from psci.explorer.questions.witnesses import coverage
from psci.model.calls import CALLS
from psci.model.language.rules import Rule
from psci.model.specification import SPECIFICATION
from psci.model.tables.versions import V1_3, Version


def cannot_be_used(rule: Rule, version: Version) -> bool:
    """RET-6: a mandatory function is never absent, and one that the version does not define is never there."""
    owner, _, name = rule.name.partition(".")
    functions = {call.name: call for call in CALLS}
    about = functions.get(name.removesuffix("_absent").removesuffix("_implemented").removesuffix("_hidden"))
    call = about if owner == "PSCI_FEATURES" and about is not None else functions.get(owner)
    if call is None:
        return False
    if name == "absent" or name.endswith("_absent"):
        return not call.optional
    return not call.exists_in(version)


# nobody who is explored calls what is not PSCI's
NOT_MET = {"NOT_PSCI.somebody_elses"}


@pytest.mark.slow
def test_each_rule_has_a_witness_or_a_reason_why_there_is_none() -> None:
    found = coverage(versions=[V1_3], limit=1_500)
    assert {rule.name for rule in found.never if not cannot_be_used(rule, V1_3)} == NOT_MET
    wanted = [rule for rule in SPECIFICATION.every_rule() if rule.applies_to(V1_3)]
    assert len(found.witnesses) + len(found.never) == len(wanted)
    for rule, witness in found.witnesses.items():
        assert witness.rule is rule
