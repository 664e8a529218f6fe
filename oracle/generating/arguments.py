"""Values at the edges for the arguments of calls, taken from what the rules do with each register.

Nothing here is written for a particular call: the rules say which words they compare a register
with, which bits they mask, where it names a core, where it is an address and where it is only kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from psci.model.declare import Call
from psci.model.language.rules import REGISTERS
from psci.model.machine import Machine
from psci.model.specification import Specification
from psci.oracle.peers.program import ArgumentValue

ALL_32 = 0xFFFF_FFFF
ALL_64 = 0xFFFF_FFFF_FFFF_FFFF
MUST_BE_ZERO = (1 << 31, 1 << 30, 1 << 24, 1 << 40, 1 << 63)
"""Bits of MPIDR_EL1 that are not affinity fields (5.1.4), the ones that hardware sets first."""
BAD_ENTRIES = (0, 1, 0x1000, ALL_32, ALL_32 & ~3, ALL_64, ALL_64 & ~3, 1 << 48, (1 << 48) - 4, 1 << 63)
"""Addresses that hold no code of ours; the last ones are beyond what any machine maps."""
EDGES = (0, 1, ALL_64, ALL_32, 1 << 31, 1 << 63, 1 << 32, ALL_64 << 32 & ALL_64, 0x7FFF_FFFF, 2)
"""Words that are only kept, at the edges: nothing, everything, the bits of signs, bit 0, one half."""
_AS_BEFORE = 0.4
"""How often a word is one that was accepted before, where there is one."""
POWER_STATES = (
    *(kind << 16 | level << 24 for level in range(4) for kind in (0, 1)), *(kind << 30 | 1 for kind in (0, 1)),
)  # fmt: skip
"""What the fields of power_state make together, standby and powerdown at each level, in both formats (5.4.2)."""
OFFSETS = (1, 2, 3)
"""Misaligned entries; 1 asks for T32 where the caller is AArch32."""
NEAR_IDS = (
    0x8400_0016, 0x8400_001F, 0xC400_001F, 0x8400_0020, 0xC400_0000, 0xC400_0002, 0xC400_0008, 0xC400_0009, 0xC400_000A,
    0x8402_0003, 0xC480_0003, 0x8400_FFFF, 0x8500_0003, 0xC300_0003,
)  # fmt: skip
"""Function ids in PSCI's range or near it that belong to no function: other widths, other owners, reserved bits."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What an argument can be."""

    words: tuple[int, ...] = ()
    """Words that the rules tell apart, the plainest first."""
    cores: tuple[int, ...] = ()
    """The MPIDRs of the machine, where the argument names a core."""
    strangers: tuple[int, ...] = ()
    """Words that name no core."""
    is_entry: bool = False
    is_kept: bool = False
    name: str = ""
    """Of the argument: calls that have an argument of one name mean the same by it."""

    def draw(self, random: Random, wide: bool, focus: int | None, used: Sequence[int] = ()) -> ArgumentValue | None:
        """A value; None stands for an entry slot of its own, which the caller has to choose.

        Args:
            random: where choices come from.
            wide: the call has an SMC64 id.
            focus: the MPIDR that is to be named more often than others.
            used: words that calls gave to an argument of this name before, and that were not refused.
        """
        if self.is_entry:
            return None if random.random() < 0.85 else random.choice(BAD_ENTRIES)
        if self.cores:
            return self._core(random, focus)
        if self.is_kept:
            word = random.choice(EDGES) if random.random() < 0.4 else random.getrandbits(64)
            return word if wide else word & ALL_32
        word = random.choice(used) if used and random.random() < _AS_BEFORE else self._word(random)
        # Bits above a 32-bit argument: ignored, or checked (SMC-19); from an SMC32 call, the caller's fault (SMC-5).
        return word | random.getrandbits(32) << 32 if random.random() < 0.04 else word

    def _word(self, random: Random) -> int:
        chance = random.random()
        if chance < 0.3:
            return self.words[0]
        if chance < 0.7:
            return random.choice(self.words)
        if chance < 0.87:
            # Fields that rules look at one by one, together: a type and a level, a valid state and a stray bit.
            return random.choice(self.words) | random.choice(self.words)
        # Some words that no rule tells apart, but an implementation may: power states are its own business.
        return 1 << random.randrange(32)

    def _core(self, random: Random, focus: int | None) -> int:
        chance = random.random()
        if chance < 0.15:
            return random.choice(self.strangers)
        if focus is not None and chance < 0.75:
            return focus
        return random.choice(self.cores)


def pools(call: Call, machine: Machine, specification: Specification) -> tuple[Pool, ...]:
    """A pool for each argument of a call, in the order of x1, x2, x3."""
    from psci.explorer.abstraction.registers import PLAIN, registers_of

    registers = registers_of(call, specification.of(call.name, machine.version), machine)
    found = []
    for register, argument in zip(registers[: len(REGISTERS)], call.arguments, strict=False):
        if register.is_address:
            found.append(Pool(is_entry=True))
        elif register.names_core:
            found.append(Pool(cores=machine.cores, strangers=strangers(machine.cores)))
        elif register.is_stored:
            found.append(Pool(is_kept=True))
        else:
            fields = POWER_STATES if argument.name == "power_state" else ()
            words = tuple(dict.fromkeys((*register.candidates(machine, PLAIN), *fields, ALL_32)))
            found.append(Pool(words=words, name=argument.name))
    return tuple(found)


def strangers(cores: Sequence[int]) -> tuple[int, ...]:
    """Words like an MPIDR that name no core: absent ones, and cores with bits that must be zero."""
    words = [max(cores) + 1, 0x100, 0x1_0000, 1 << 32, 0x00FF_FFFF, 0xFF_00FF_FFFF, ALL_32, ALL_64]
    words += [core | bit for core in (cores[0], cores[-1]) for bit in MUST_BE_ZERO]
    return tuple(word for word in words if word not in cores)
