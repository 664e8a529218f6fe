"""What the properties say of a machine, in words of their own.

Properties take the symbols of the model and nothing that its rules are made of, so that none can be true because it
repeats a rule: what a rule computes from the symbols is said here again, from DEN0022.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psci.model.declare import Call
from psci.model.language.sorts import U32
from psci.model.language.terms import TRUE, Const, Term, choose, conjunction, implies
from psci.model.symbols.machine import MachineTerms

V0_1, V0_2, V1_0, V1_1, V1_2, V1_3 = 0, 0x2, 0x1_0000, 0x1_0001, 0x1_0002, 0x1_0003
"""Versions as PSCI_VERSION reports them; 0 stands for 0.1, which has no such call."""
SET_SUSPEND_MODE_ID = 0x8400_000F
STATE_TYPE, STATE_TYPE_EXTENDED = 16, 30
"""The bit of power_state that asks for a powerdown state, by the format (Tables 7 and 8)."""
RESERVED, RESERVED_EXTENDED = Const(0xFCFE_0000, U32), Const(0xB000_0000, U32)
"""The bits of power_state that must be zero, by the format."""


def powerdown(m: MachineTerms, power_state: Term) -> Term:
    """A power_state asks for a powerdown state: its StateType is 1 (5.4.2)."""
    return choose(m.extended_state_id, power_state.bit(STATE_TYPE_EXTENDED), power_state.bit(STATE_TYPE))


def reserved_bits_are_zero(m: MachineTerms, power_state: Term) -> Term:
    """No bit of a power_state is set that has to be zero (5.4.2)."""
    return (power_state & choose(m.extended_state_id, RESERVED_EXTENDED, RESERVED)) == 0


def uniprocessor(m: MachineTerms) -> Term:
    """There is a Trusted OS that runs on one core at a time (5.9)."""
    return m.trusted_os != "MP_OR_NONE"


def hosts(m: MachineTerms, s: Any, core: Term) -> Any:
    """A uniprocessor Trusted OS would be on the core: it starts there, or was put there by MIGRATE (TOS-2)."""
    return (s.migrated & (s.resident == core)) | (~s.migrated & m.starts_trusted_os(core))


def has_smc64(m: MachineTerms, call: Call) -> Term:
    """The function has its SMC64 id, if it is there: always, unless it may have one id without the other."""
    assert call.fid64 is not None
    return TRUE if call.fid32 is None else (m.both_ids != "APART") | m.has(call.fid64)


def osi_possible(m: MachineTerms) -> Term:
    """OS-initiated mode is supported, and so is the call that switches to it (FEAT-11, OSI-1)."""
    return m.osi_supported & m.has(SET_SUSPEND_MODE_ID)


def present(m: MachineTerms, call: Call) -> Term:
    """The function is implemented: itself, or one that requires it and is no older than it (RET-7 to RET-9)."""
    whose = call if call.together_with is None else call.together_with
    own = m.has(whose.ids()[0])
    if call.required_by is None:
        return own
    return own | (m.has(call.required_by.ids()[0]) & (m.psci_version >= (call.since.number or 0)))


def refused(result: Term) -> Term:
    """A result is an error: a negative number."""
    return result.bit(63)


def in_instance(m: MachineTerms, call: Any) -> Callable[[Term], Any]:
    """Of a core: its affinity fields from lowest_affinity_level up are those of target_affinity (AFF-15)."""

    def belongs(core: Term) -> Any:
        def agree(low: int, high: int) -> Any:
            return m.mpidr(core).bits(high, low) == call.target_affinity.bits(high, low)

        fields = (implies(call.lowest_affinity_level <= k, agree(8 * k, 8 * k + 7)) for k in range(3))
        return conjunction(agree(24, 63), *fields)

    return belongs
