"""Where everything lies in the memory that a tester and the stub share: the one home of offsets, sizes and codes.

The assembler gets these numbers as generated symbols (`symbols`), the encoder and the decoder
import them. Addresses inside the exchange area are relative to its start; all values are little
endian, and every field is naturally aligned, because a guest without an MMU must not make
unaligned accesses.

    exchange area = (address of the image, rounded down to 2 MiB) + 16 MiB

    0x000000  header
    0x001000  a block per core, and one for a core that is not in the table of MPIDRs
    0x010000  the steps of each core
    0x200000  the log of each core, and of the stranger
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

VERSION = 2
"""Changes with every change of meaning in this file."""

# --- the image -------------------------------------------------------------------------------------------

TEXT_OFFSET = 0x80000
"""Where a boot loader puts the image, from the start of a 2 MiB block."""
CONFIG_OFFSET = 0x40
"""A 32-bit word in the image, behind the arm64 header, that a loader may patch: `Config` bits."""
VECTORS_OFFSET = 0x800
SLOTS_OFFSET = 0x1000
SLOTS = 4096
SLOT_SIZE = 4
"""One instruction: `bl`, so that the link register proves where the core began."""
BLOCK_ALIGNMENT = 0x200000
EXCHANGE_DISTANCE = 0x1000000
EXCHANGE_SIZE = 0x800000
IMAGE_SIZE = EXCHANGE_DISTANCE + EXCHANGE_SIZE - TEXT_OFFSET
"""The image claims the exchange area too, so that no boot loader puts a device tree there."""


class Config(enum.IntFlag):
    """What the loader of an image may switch on."""

    MMU = 1
    """Map memory one to one before the exchange area is touched (KVM on hosts without FEAT_S2FWB)."""


MMU_NORMAL_GIB = 1
"""With `Config.MMU`, the GiB of addresses that is memory; everything else is a device (KVM's layout)."""

# --- sizes -----------------------------------------------------------------------------------------------

MAX_CORES = 8
STRANGER = MAX_CORES
"""The index of the block and log of a core whose MPIDR is not in the table."""
MAX_STEPS = 1024
MAX_RECORDS = 2048

HEADER_SIZE = 0x1000
CORES_OFFSET = 0x1000
CORE_SIZE = 0x200
"""The stub shifts by 9 to multiply with it."""
STEPS_OFFSET = 0x10000
STEP_SIZE = 0x80
STEPS_SIZE = MAX_STEPS * STEP_SIZE
LOGS_OFFSET = 0x200000
RECORD_SIZE = 0x100
LOG_SIZE = MAX_RECORDS * RECORD_SIZE

# --- the header ------------------------------------------------------------------------------------------

MAGIC = 0x3142555453495350
"""`PSISTUB1` in memory."""

H_MAGIC = 0x00
H_VERSION = 0x08
H_CORES = 0x0C
H_ARMED = 0x10
H_BOOTS = 0x14
H_GIC = 0x18
H_SHORT_US = 0x1C
H_LONG_US = 0x20
H_SPIN_US = 0x24
H_MEET_US = 0x28
H_TIMER_INTID = 0x2C
H_GICD = 0x30
H_GICC = 0x38
H_OBSERVE = 0x40
H_WAITING = 0x48
H_FINISHED = 0x50
H_ENDS_RINGS = 0x58
H_MPIDRS = 0x80


class Armed(enum.IntEnum):
    """The handshake of a life: the tester arms, the boot core takes it; a second boot waits to be armed again."""

    NO = 0
    YES = 1
    TAKEN = 2


class Gic(enum.IntEnum):
    """What the addresses `H_GICD` and `H_GICC` lead to."""

    NONE = 0
    """Nothing: wake steps are skipped."""
    TRAPPED = 1
    """A tester that answers stores to GICD_SGIR, loads of GICC_IAR and stores to GICC_EOIR, and nothing else."""
    V2 = 2
    """A GICv2, which the stub sets up, and which it also uses to sleep while it waits for its turn."""


# --- a core's block --------------------------------------------------------------------------------------

C_STATUS = 0x00
C_NEXT = 0x04
C_PROGRESS = 0x08
C_COUNT = 0x0C
C_WAIVED = 0x10
C_ENTRIES = 0x14
C_STEPS = 0x18
C_FAULTS = 0x1C
C_OVERFLOW = 0x20
C_INDEX = 0x24
C_ARRIVED = 0x28
C_COMING = 0x2C
C_LOG = 0x30
C_STEP_BASE = 0x38
C_EXCHANGE = 0x40
C_SHORT = 0x48
C_LONG = 0x50
C_SPIN = 0x58
C_MEET = 0x60
C_FREQUENCY = 0x68
C_SAVE = 0x80
"""x0 to x30 as they were behind the conduit instruction (31 x 8 bytes)."""
C_FAULT_SAVE = 0x180
C_STARTED = 0x1C0
"""For each core (32 bits): 1 + the entries it had when this core made a call that should start it; 0: nothing."""


class Status(enum.IntEnum):
    """What a core is doing; the order is not significant."""

    NEVER = 0
    """Not entered in this life."""
    RUNNING = 1
    IN_CALL = 2
    IN_SILENT_CALL = 3
    """In a call that is not expected to return."""
    WAITING = 4
    """Waiting for its turn, or for the end of a pause."""
    FINISHED = 5
    LOST = 6
    """Parked by the stub itself: too many faults, or a full log."""


MAX_FAULTS = 256
"""A core with more faults than this is parked: an undefined conduit is one for each call."""

# --- a step ----------------------------------------------------------------------------------------------

S_OP = 0x00
S_FLAGS = 0x04
S_TURN = 0x08
S_STARTS = 0x0C
S_RING = 0x10
S_PARTNERS = 0x14
S_VALUE = 0x18
S_X0 = 0x20
S_NEED = 0x60


class Opcode(enum.IntEnum):
    """What a step does."""

    CALL = 1
    WAKE = 2
    OBSERVE = 3
    PAUSE = 4


class Flag(enum.IntFlag):
    """How a step does it."""

    SMC = 1
    SILENT = 2
    """No return is expected."""


# --- a log record ----------------------------------------------------------------------------------------

R_KIND = 0x00
R_STEP = 0x04
R_T0 = 0x08
R_T1 = 0x10
R_GUARD = 0x18
R_REGS = 0x20
R_CHANGED = 0xB0
GUARD = 0x50534349
"""A record holds `GUARD + its own number`, so that a stale or foreign record shows."""
NO_STEP = 0xFFFFFFFF
RECORD_REGS = 18


class RecordKind(enum.IntEnum):
    """What a log record tells; the registers it carries are named in the comments."""

    BOOT = 1  # pc, x0, el, sctlr, daif, spsel, mpidr, frequency
    ENTER = 2  # the same
    CALL = 3
    RETURN = 4  # x0 ... x17; R_CHANGED has bit n set where x18 ... x30 came back changed
    WAKE = 5  # the index of the target
    ACK = 6  # the value read from GICC_IAR
    FAULT = 7  # esr, elr, far, spsr, vector
    FINISHED = 8


PATTERN = 0x5A5A000000000000
"""x8 ... x30 hold `PATTERN | n` when the conduit instruction runs."""

# --- interrupts ------------------------------------------------------------------------------------------

WAKE_SGI = 0
RING_SGI = 1
"""Tells a waiting core to look again; of low priority, so that it is never a wakeup event during a call."""
VIRTUAL_TIMER_INTID = 27
GICD_SIZE = 0x1000


def exchange_address(image: int) -> int:
    """The address of the exchange area of an image loaded at `image`."""
    return (image & ~(BLOCK_ALIGNMENT - 1)) + EXCHANGE_DISTANCE


def slot_address(image: int, slot: int) -> int:
    """The address of entry slot `slot` of an image loaded at `image`.

    Raises:
        ValueError: there is no such slot.
    """
    if not 0 <= slot < SLOTS:
        raise ValueError(f"entry slot {slot}: the stub has slots 0 to {SLOTS - 1}")
    return image + SLOTS_OFFSET + slot * SLOT_SIZE


def core_offset(index: int) -> int:
    """Where the block of core `index` begins in the exchange area."""
    return CORES_OFFSET + index * CORE_SIZE


def steps_offset(index: int) -> int:
    """Where the steps of core `index` begin in the exchange area."""
    return STEPS_OFFSET + index * STEPS_SIZE


def log_offset(index: int) -> int:
    """Where the log of core `index` begins in the exchange area."""
    return LOGS_OFFSET + index * LOG_SIZE


_PREFIXES: Mapping[str, type[enum.IntEnum] | type[enum.IntFlag]] = {
    "CONFIG": Config, "ARMED": Armed, "GIC": Gic, "STATUS": Status, "OP": Opcode, "FLAG": Flag, "KIND": RecordKind,
}  # fmt: skip
"""What the names of the members begin with in the assembler."""


def symbols() -> Mapping[str, int]:
    """Every number that the assembler needs, by the name it has there."""
    plain = {name: value for name, value in globals().items() if name.isupper() and type(value) is int}
    named = {f"{prefix}_{member.name}": int(member) for prefix, kind in _PREFIXES.items() for member in kind}
    return plain | named
