"""A kernel and a VMM behind one conduit."""

from __future__ import annotations

import pytest

from psci.explorer.abstraction.machines import small
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.calls.system_suspend import SYSTEM_SUSPEND
from psci.model.errors import InputError
from psci.model.language.rules import Completion
from psci.model.scenarios.filter import (
    Composed,
    Composition,
    carried,
    claimed_set,
    differing_rules,
    function_named,
    needs,
    usual_offer,
)  # fmt: skip
from psci.model.step import Invocation
from psci.model.tables.versions import V0_2, V1_1, V1_3

SET = claimed_set((SYSTEM_OFF2,))
WHOLE = Composition(V1_1, V1_3, (SYSTEM_OFF2,), SET)


def composed(composition: Composition = WHOLE) -> Composed:
    machine = small(2, V1_3)
    return Composed(composition, machine.cores, machine.declared)


def answer(one: Composed, fn: int, x1: int = 0) -> int | None:
    outcomes = one.allowed(one.vmm.initial(), Invocation(0, fn, x1)).outcomes
    assert len({outcome.value for outcome in outcomes}) == 1
    return outcomes[0].value


def test_the_claimed_set_is_two_functions_and_both_widths_of_what_is_offered() -> None:
    assert sorted(SET) == [0x8400_0000, 0x8400_000A, 0x8400_0015, 0xC400_0015]


def test_a_guest_sees_the_wanted_version() -> None:
    assert answer(composed(), 0x8400_0000) == 0x1_0003
    assert answer(composed(WHOLE.without(0x8400_0000)), 0x8400_0000) == 0x1_0001


def test_what_is_forwarded_is_served_by_the_wanted_version() -> None:
    assert answer(composed(), 0x8400_000A, 0xC400_0015) == 1
    one = composed()
    hibernated = one.allowed(one.vmm.initial(), Invocation(0, 0xC400_0015)).outcomes
    assert [(o.completion, o.state.asked[0]) for o in hibernated] == [(Completion.NEVER, "HIBERNATE")]


def test_an_id_that_is_left_out_is_unknown_to_the_kernel() -> None:
    assert answer(composed(WHOLE.without(0xC400_0015)), 0xC400_0015) == (1 << 64) - 1
    assert answer(composed(WHOLE.without(0x8400_000A)), 0x8400_000A, 0xC400_0015) == (1 << 64) - 1


def test_what_is_not_forwarded_changes_the_same_cores() -> None:
    one = composed()
    started = one.allowed(one.vmm.initial(), Invocation(0, CPU_ON.fid64 or 0, 1, 0x4000_0000, 7)).outcomes
    assert "ON_PENDING" in {outcome.state.power[1] for outcome in started}


def test_a_function_that_the_vmm_takes_over_is_absent_in_the_kernel() -> None:
    both = (SYSTEM_OFF2, SYSTEM_SUSPEND)
    one = composed(Composition(V1_1, V1_3, both, claimed_set(both)))
    assert one.kernel.machine.value("has", (SYSTEM_SUSPEND.key,)) is False
    assert one.vmm.machine.value("has", (SYSTEM_SUSPEND.key,)) is True


def test_what_serving_takes_is_read_off_the_rules() -> None:
    hibernate = needs(SYSTEM_OFF2, V1_3)
    assert hibernate.writes == ("activity", "asked", "system")
    assert "power" not in hibernate.reads
    assert "power" in needs(SYSTEM_SUSPEND, V1_3).reads


def test_the_presence_of_optional_functions_has_to_be_carried() -> None:
    assert {"SMCCC_VERSION", "SYSTEM_RESET2", "SYSTEM_SUSPEND"} <= set(carried(WHOLE))
    assert "SYSTEM_OFF2" not in carried(WHOLE)


def test_cpu_on_differs_by_denied_only() -> None:
    assert [rule.name for rule in differing_rules(CPU_ON, V1_1, V1_3)] == [
        "CPU_ON.denied_by_policy", "CPU_ON.denied_for_now",
    ]  # fmt: skip


def test_what_is_offered_where_nothing_is_said() -> None:
    assert usual_offer(V1_1, V1_3) == (SYSTEM_OFF2,)
    assert usual_offer(V0_2, V1_1) == ()
    assert usual_offer(V1_3, V1_3) == ()


def test_a_version_cannot_be_made_older_by_a_filter() -> None:
    with pytest.raises(InputError, match="older than the kernel's"):
        Composition(V1_3, V1_1, (), frozenset())


def test_a_function_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="has no such function; choose from"):
        function_named("SYSTEM_OFF3", V1_3)
