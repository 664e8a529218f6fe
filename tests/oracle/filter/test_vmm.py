"""The VMM's half that is written from the rules, without a kernel."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from psci.explorer.abstraction.machines import small
from psci.explorer.system import Product
from psci.model.calls.cpu_off import CPU_OFF
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.calls.system_suspend import SYSTEM_SUSPEND
from psci.model.errors import InputError
from psci.model.language.rules import Completion
from psci.model.machine import Machine
from psci.model.scenarios.filter import Composition, claimed_set
from psci.model.step import Stepper, accepts
from psci.model.tables.versions import V1_1, V1_3
from psci.oracle.filter.vmm import CannotServe, filters, source
from psci.oracle.filter.witness import witness
from psci.oracle.peers.kvm.adapter import Filter

OFFERED = (SYSTEM_OFF2, SYSTEM_SUSPEND)
WHOLE = Composition(V1_1, V1_3, OFFERED, claimed_set(OFFERED))
MP_STATE_RUNNABLE, MP_STATE_STOPPED = 0, 5


class Stop(Exception):
    """As the driver has it."""


def vmm_machine() -> Machine:
    return WHOLE.machines((0, 1), small(2, V1_3).declared)[1]


def loaded(machine: Machine) -> Any:
    namespace: dict[str, Any] = {"Stop": Stop}
    exec(source(WHOLE, machine), namespace)
    return namespace["psci"]()


def fake(*states: int) -> Any:
    """A machine whose cores KVM reports like this; `kicked` lists those that were taken out of the guest."""
    kicked: list[int] = []
    vcpus = [
        SimpleNamespace(mp_state=lambda s=state: s, outside=lambda look: look(), kick=lambda c=core: kicked.append(c))
        for core, state in enumerate(states)
    ]
    return SimpleNamespace(vcpus=vcpus, kicked=kicked)


def served(handler: Any, machine: Any, fn: int, *arguments: int) -> tuple[str, object]:
    try:
        return "returns", handler(machine, 0, fn, (*arguments, 0, 0, 0, 0, 0, 0, 0))
    except Stop as stop:
        return "stops", stop.args


@pytest.mark.parametrize("others", [MP_STATE_RUNNABLE, MP_STATE_STOPPED])
def test_whatever_it_does_the_rules_allow(others: int) -> None:
    machine = vmm_machine()
    stepper, handler = Stepper(machine), loaded(machine)
    state = stepper.initial()
    if others == MP_STATE_RUNNABLE:
        state = state._replace(power=("ON", "ON"), activity=("RUNNING", "RUNNING"))
    compared = 0
    for call in Product(machine).invocations[0]:
        if call.fn not in WHOLE.forwarded:
            continue
        _, wide = stepper.function(call.fn)
        outcomes = stepper.allowed(state, call).outcomes
        kind, value = served(handler, fake(0, others), call.fn, call.x1, call.x2, call.x3)
        if kind == "returns":
            assert isinstance(value, int)
            assert any(accepts(outcome, value, wide) for outcome in outcomes), call
        else:
            assert any(outcome.completion is not Completion.RETURNS for outcome in outcomes), call
        compared += 1
    assert compared >= 30


def test_hibernation_is_reported_with_the_flag_that_kvm_uses() -> None:
    handler = loaded(vmm_machine())
    assert served(handler, fake(0, 5), 0xC400_0015, 0, 0) == ("stops", (1, 1))
    assert served(handler, fake(0, 5), 0x8400_0015, 1, 1 << 32) == ("stops", (1, 1))
    assert served(handler, fake(0, 5), 0xC400_0015, 1, 1 << 32) == ("returns", (1 << 64) - 2)
    assert served(handler, fake(0, 5), 0x8400_0015, 2, 0) == ("returns", 0xFFFF_FFFE)


def test_every_other_core_is_stopped_before_the_event_is_told() -> None:
    machine = fake(0, 0, 5)
    assert served(loaded(vmm_machine()), machine, 0xC400_0015, 0, 0) == ("stops", (1, 1))
    assert machine.kicked == [1, 2]


def test_system_suspend_looks_at_the_other_cores() -> None:
    handler = loaded(vmm_machine())
    assert served(handler, fake(0, MP_STATE_STOPPED), 0xC400_000E, 0x4000_0000, 7) == ("stops", (5, 0))
    assert served(handler, fake(0, MP_STATE_RUNNABLE), 0xC400_000E, 0x4000_0000, 7) == ("returns", (1 << 64) - 3)


def test_an_id_that_is_not_served_is_not_supported() -> None:
    assert loaded(vmm_machine())(fake(0, 5), 0, 0x8400_001F, (0,) * 7) == -1


def test_the_module_needs_nothing() -> None:
    text = source(WHOLE, vmm_machine())
    assert "import" not in text
    assert max(map(len, text.splitlines())) < 3000


@pytest.mark.parametrize("call", [CPU_OFF, CPU_ON])
def test_what_only_the_kernel_can_do_is_refused(call: Any) -> None:
    composition = Composition(V1_1, V1_3, (call,), frozenset(call.ids()))
    with pytest.raises(CannotServe, match="kernel"):
        source(composition, vmm_machine())


def test_adjacent_ids_make_one_range_of_the_filter() -> None:
    assert filters([0x8400_0016, 0x8400_0015, 0xC400_0015]) == (
        Filter(base=0x8400_0015, count=2), Filter(base=0xC400_0015),
    )  # fmt: skip


@pytest.mark.parametrize("fid", [0x8000_0000, 0xC000_FFFF])
def test_ids_that_kvm_keeps_for_itself_are_refused(fid: int) -> None:
    with pytest.raises(InputError, match="KVM refuses ranges that touch"):
        filters([fid])


def test_each_id_is_missed_after_at_most_two_calls() -> None:
    only = Composition(V1_1, V1_3, (SYSTEM_OFF2,), claimed_set((SYSTEM_OFF2,)))
    found = {fid: witness(only, fid) for fid in only.forwarded}
    assert {fid: len(one.program.lives[0]) for fid, one in found.items() if one is not None} == {
        0x8400_0000: 1, 0x8400_000A: 2, 0x8400_0015: 2, 0xC400_0015: 2,
    }  # fmt: skip
