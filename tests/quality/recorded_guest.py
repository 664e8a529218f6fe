"""A guest of a few instructions: core 0 asks for the version, starts core 1, asks about it, and ends the machine.

It is made of numbers, so that no assembler is needed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

IMAGE = 0x4008_0000
"""Where `-M virt` puts an image without a header."""
HVC, STAY = 0xD400_0002, 0x1400_0000
RAISE_FLAG = 0xB900_012A
"""str w10, [x9]"""
WAIT_FOR_FLAG = (0xB940_012A, 0x34FF_FFEA)
"""ldr w10, [x9]; cbz w10, back to it"""
FLAG = IMAGE + 0x1000
CONTEXT = 0x2A
VERSION, CPU_OFF, SYSTEM_OFF, CPU_ON, AFFINITY_INFO = 0x8400_0000, 0x8400_0002, 0x8400_0008, 0xC400_0003, 0xC400_0004


def _load(register: int, value: int) -> Iterator[int]:
    """A 32-bit value by movz and movk."""
    yield 0xD280_0000 | (value & 0xFFFF) << 5 | register
    yield 0xF2A0_0000 | (value >> 16 & 0xFFFF) << 5 | register


def _call(*words: int) -> Iterator[int]:
    for register, word in enumerate(words):
        yield from _load(register, word)
    yield HVC


def _binary(instructions: Iterable[int]) -> bytes:
    return b"".join(struct.pack("<I", instruction) for instruction in instructions)


SECOND = _binary((*_load(9, FLAG), *_load(10, 1), RAISE_FLAG, *_call(CPU_OFF), STAY))


ENTRY = IMAGE + 0x800


def guest() -> bytes:
    """The image; core 1 is entered at `ENTRY`."""
    first = _binary((
        *_call(VERSION),
        *_call(CPU_ON, 1, ENTRY, CONTEXT),
        *_call(CPU_ON, 7, ENTRY, CONTEXT),
        # before core 1 arrived QEMU answers OFF, which is wrong, and not what is tested here
        *_load(9, FLAG), *WAIT_FOR_FLAG,
        *_call(AFFINITY_INFO, 1, 0),
        *_call(SYSTEM_OFF),
        STAY,
    ))  # fmt: skip
    return first.ljust(ENTRY - IMAGE, b"\0") + SECOND
