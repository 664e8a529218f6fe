"""What every call has in common is the same list wherever it is named."""

from __future__ import annotations

from psci.model.calls.conventions import OF_ALL_CALLS, apply_to
from psci.model.declare import Call
from psci.model.language.rules import native, u32
from psci.model.tables.codes import INVALID_PARAMETERS
from psci.model.tables.versions import V0_2


def test_the_rules_of_all_calls_are_those_that_a_call_gets() -> None:
    call = Call("SOME", "5", fid32=0x8400_001E, fid64=0xC400_001E, since=V0_2, arguments=(u32("one"), native("two")))

    @call.must_refuse(INVALID_PARAMETERS, cites=("RET-1",))
    def own(_m: object, _s: object, _call: object) -> bool:
        """Its own rule."""
        return True

    apply_to(call)
    assert {rule.name.partition(".")[2] for rule in call.rules} == OF_ALL_CALLS | {"own"}
