#!/bin/python -IES
"""Creates virtual machines with KVM, runs the stub in them, and tells what KVM told.

One file, standard library only, so that it can be the first program of a small emulated host as
well as a plain program on a real arm64 machine. It imports as little as it can: on an emulated
machine every module costs a tenth of a second.

It knows nothing of PSCI and judges nothing. It reads requests and writes replies, each a frame:

    "PSCI" | length (4 bytes) | CRC-32 of the payload (4 bytes) | payload

all little endian. A payload is lines of words, an empty line, and bytes; the first word of a line
says what it is. Requests and replies are described where they are read and written below.
"""

# pathlib would be the most expensive import of all, and enum and dataclasses are not cheap.
# ruff: noqa: PTH102, PTH112, PTH123, PTH208

from __future__ import annotations

import ctypes
import errno
import faulthandler
import mmap
import os
import signal
import struct
import sys
import threading
import time
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# --- the kernel's interface ------------------------------------------------------------------------------

KVM_CREATE_VM = 0xAE01
KVM_CHECK_EXTENSION = 0xAE03
KVM_GET_VCPU_MMAP_SIZE = 0xAE04
KVM_CREATE_VCPU = 0xAE41
KVM_SET_USER_MEMORY_REGION = 0x4020AE46
KVM_IRQ_LINE = 0x4008AE61
KVM_RUN = 0xAE80
KVM_GET_MP_STATE = 0x8004AE98
KVM_SET_MP_STATE = 0x4004AE99
KVM_ENABLE_CAP = 0x4068AEA3
KVM_GET_ONE_REG = 0x4010AEAB
KVM_SET_ONE_REG = 0x4010AEAC
KVM_ARM_VCPU_INIT = 0x4020AEAE
KVM_ARM_PREFERRED_TARGET = 0x8020AEAF
KVM_ARM_SET_COUNTER_OFFSET = 0x4010AEB5
KVM_SET_DEVICE_ATTR = 0x4018AEE1
KVM_HAS_DEVICE_ATTR = 0x4018AEE3
NAMES = {number: name for name, number in list(globals().items()) if name.startswith("KVM_")}

KVM_CAP_ARM_PSCI_0_2 = 102
KVM_CAP_ARM_SYSTEM_SUSPEND = 216
KVM_CAP_COUNTER_OFFSET = 227

KVM_ARM_VCPU_POWER_OFF = 1 << 0
KVM_ARM_VCPU_PSCI_0_2 = 1 << 2
KVM_ARM_VM_SMCCC_CTRL = 0
KVM_ARM_VM_SMCCC_FILTER = 0
KVM_HYPERCALL_EXIT_SMC = 1 << 0
KVM_HYPERCALL_EXIT_16BIT = 1 << 1

MP_STATE_STOPPED = 5
SYSTEM_EVENT_SUSPEND = 5
PSCI_DENIED = -3

EXIT_HYPERCALL = 3
EXIT_MMIO = 6
EXIT_INTR = 10
EXIT_SYSTEM_EVENT = 24

REG_X0 = 0x6030_0000_0010_0000
REG_PC = 0x6030_0000_0010_0040
REG_MPIDR = 0x6030_0000_0013_C005
REG_TIMER_CNT = 0x6030_0000_0013_DF1A
REG_PSCI_VERSION = 0x6030_0000_0014_0000

RUN_IMMEDIATE_EXIT = 1
RUN_EXIT_REASON = 8
RUN_EXIT = 32
"""Offsets into the page that KVM shares with us; the last is that of the union of all exits."""

ISB, RET = 0xD5033FDF, 0xD65F03C0
MRS_X0_CNTVCT, MRS_X0_CNTFRQ = 0xD53BE040, 0xD53BE000

AFFINITY_MASK = 0xFF_00FF_FFFF
NO_INTERRUPT = 1023
GICD_SGIR = 0xF00
GICC_IAR = 0x0C

WAITING_SECONDS = 0.0002
"""For how long a core that waits for its turn leaves its processor to another."""

MAGIC = b"PSCI"
MAX_FRAME = 64 << 20
KICK_SECONDS = 3.0
MAX_ODDITIES = 64
"""How many unexpected exits of one life are told; the rest is only counted."""

_LIBC = ctypes.CDLL(None, use_errno=True)
_IOCTL = _LIBC.ioctl
_IOCTL.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)


class KvmError(Exception):
    """A request to the kernel failed; the arguments are what was asked and the errno."""


def ioctl(fd: int, request: int, argument: int = 0) -> int:
    """Ask the kernel; `argument` is a number or the address of a structure.

    Raises:
        KvmError: it refused.
    """
    result: int = _IOCTL(fd, request, argument)
    if result < 0:
        raise KvmError(NAMES.get(request, hex(request)), ctypes.get_errno())
    return result


def ask(fd: int, request: int, data: bytes) -> bytes:
    """Ask the kernel with a structure, and return the structure as it came back.

    Raises:
        KvmError: it refused.
    """
    buffer = ctypes.create_string_buffer(data, len(data))
    ioctl(fd, request, ctypes.addressof(buffer))
    return buffer.raw


# --- time ------------------------------------------------------------------------------------------------


class Counter:
    """The system counter that guests see too: read by three instructions in a page of our own."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._page[:16] = struct.pack("<4I", ISB, MRS_X0_CNTVCT, ISB, RET)
        self._page[64:72] = struct.pack("<2I", MRS_X0_CNTFRQ, RET)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._page))
        # Made executable only after it was written: that is when the kernel makes the instruction cache see it.
        if _LIBC.mprotect(ctypes.c_void_p(address), mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC) < 0:
            raise KvmError("mprotect", ctypes.get_errno())
        self.now: Callable[[], int] = ctypes.CFUNCTYPE(ctypes.c_uint64)(address)
        self.frequency: int = ctypes.CFUNCTYPE(ctypes.c_uint64)(address + 64)()


# --- messages --------------------------------------------------------------------------------------------


class Channel:
    """Frames over two file descriptors.

    Args:
        source: where requests come from.
        sink: where replies go.
        port: whether these are a virtio port, which reads as ended until its other side is there; it never ends.
    """

    def __init__(self, source: int, sink: int, port: bool = False) -> None:
        self._source = source
        self._sink = sink
        self._port = port

    def receive(self) -> tuple[list[list[str]], memoryview] | None:
        """The next request: its lines as words, and its bytes; None at the end.

        Raises:
            ValueError: what came is not a frame.
        """
        head = self._read(12)
        if head is None:
            return None
        magic, length, check = struct.unpack("<4sII", head)
        if magic != MAGIC or length > MAX_FRAME:
            raise ValueError("the request is not a frame")
        payload = self._read(length)
        if payload is None:
            return None
        if zlib.crc32(payload) != check:
            raise ValueError("the request is damaged")
        text, _, _ = bytes(payload).partition(b"\n\n")
        return [line.split() for line in text.decode("ascii").splitlines()], memoryview(payload)[len(text) + 2 :]

    def send(self, lines: Sequence[str], data: bytes = b"") -> None:
        """Write a reply."""
        payload = "\n".join(lines).encode("ascii", "replace") + b"\n\n" + data
        frame = memoryview(struct.pack("<4sII", MAGIC, len(payload), zlib.crc32(payload)) + payload)
        while frame:
            frame = frame[os.write(self._sink, frame[: 1 << 15]) :]

    def _read(self, size: int) -> bytes | None:
        data = bytearray()
        while len(data) < size:
            part = os.read(self._source, min(size - len(data), 1 << 15))
            if not part and self._port:
                time.sleep(0.005)
            elif not part:
                return None
            data += part
        return bytes(data)


# --- one life --------------------------------------------------------------------------------------------


class CoreWatch:
    """What to look at in memory to see how far a core is (addresses, from the request)."""

    def __init__(self, status: int, progress: int, entries: int, started: int) -> None:
        self.status = status
        self.progress = progress
        self.entries = entries
        self.started = started


class LifePlan:
    """One life, as the lines of a `run` request say.

    cpus N                        how many cores
    ram ADDRESS SIZE              where memory is
    pc ADDRESS                    where the first core begins
    load ADDRESS LENGTH           bytes of the request, in order
    loadkept ADDRESS NAME         bytes of an earlier `keep` request
    psci VERSION                  a value for KVM_REG_ARM_PSCI_VERSION
    cap NUMBER                    a capability to enable, such as KVM_CAP_ARM_SYSTEM_SUSPEND
    filter BASE COUNT ACTION      a range of KVM_ARM_VM_SMCCC_FILTER
    handler MODULE FUNCTION       who answers forwarded calls; from an earlier `modules` request
    gicd, gicc, observe, waiting, finished ADDRESS    what the stub stores to
    core STATUS PROGRESS ENTRIES STARTED    words that tell how far a core is, how often it was entered, and (one
                                  for each core) 1 + the entries of the cores that it made calls to start
    busy STATUS...                a core with such a status goes on by itself
    incall STATUS...              a core with such a status is in a call
    silent STATUS...              a core with such a status is in a call that is not expected to return
    absent STATUS...              a core with such a status was not entered; the first core will be
    limit MILLISECONDS            the longest life
    stall MILLISECONDS            the longest time without progress while a core claims to be busy
    quiet MILLISECONDS            the longest time without progress while a core is awake, or should be entered
    asleep MILLISECONDS           the same while every core that is in a call sleeps in the kernel
    dump ADDRESS LENGTH           what to send back
    log COUNT MAXIMUM SIZE ADDRESS    as many records of SIZE as the word at COUNT says
    """

    def __init__(self, lines: list[list[str]], data: memoryview, kept: dict[str, bytes]) -> None:
        self.cpus = 1
        self.ram = (0, 0)
        self.words: dict[str, int] = {"settled": 0}
        self.loads: list[tuple[int, bytes | memoryview]] = []
        self.caps: list[int] = []
        self.filters: list[tuple[int, int, int]] = []
        self.handler: tuple[str, str] | None = None
        self.cores: list[CoreWatch] = []
        self.statuses: dict[str, frozenset[int]] = {}
        self.dumps: list[tuple[int, ...]] = []
        self.logs: list[tuple[int, ...]] = []
        offset = 0
        for word, *rest in lines:
            if word == "loadkept":
                self.loads.append((int(rest[0], 0), kept[rest[1]]))
                continue
            if word == "handler":
                self.handler = (rest[0], rest[1])
                continue
            numbers = tuple(int(text, 0) for text in rest)
            if word == "load":
                self.loads.append((numbers[0], data[offset : offset + numbers[1]]))
                offset += numbers[1]
            elif word == "cpus":
                self.cpus = numbers[0]
            elif word == "ram":
                self.ram = (numbers[0], numbers[1])
            elif word == "cap":
                self.caps.append(numbers[0])
            elif word == "filter":
                self.filters.append((numbers[0], numbers[1], numbers[2]))
            elif word == "core":
                self.cores.append(CoreWatch(*numbers))
            elif word in ("busy", "incall", "absent", "silent"):
                self.statuses[word] = frozenset(numbers)
            elif word == "dump":
                self.dumps.append(numbers)
            elif word == "log":
                self.logs.append(numbers)
            else:
                self.words[word] = numbers[0]


class Stop(Exception):
    """A forwarded call stopped the machine: raised by a handler with the type and the flags of the event."""


class Vcpu:
    """A core of a virtual machine and the thread that runs it."""

    def __init__(self, machine: KvmMachine, index: int, run_size: int) -> None:
        self.machine = machine
        self.index = index
        self.fd = ioctl(machine.fd, KVM_CREATE_VCPU, index)
        self.run = mmap.mmap(self.fd, run_size)
        self.pending: set[int] = set()
        self.inside = False
        self.gate = threading.Lock()
        self.thread = threading.Thread(target=self._loop, daemon=True)

    def get(self, register: int) -> int:
        """Read a 64-bit register; the core must not be inside the guest, or this waits.

        Raises:
            KvmError: the kernel refused.
        """
        value = ctypes.c_uint64()
        ask(self.fd, KVM_GET_ONE_REG, struct.pack("<QQ", register, ctypes.addressof(value)))
        return value.value

    def set(self, register: int, value: int) -> None:
        """Write a 64-bit register; the core must not be inside the guest.

        Raises:
            KvmError: the kernel refused.
        """
        held = ctypes.c_uint64(value & (1 << 64) - 1)
        ask(self.fd, KVM_SET_ONE_REG, struct.pack("<QQ", register, ctypes.addressof(held)))

    def mp_state(self) -> int:
        """What KVM_GET_MP_STATE says: 0 runnable, 5 stopped, 10 suspended.

        Raises:
            KvmError: the kernel refused.
        """
        (state,) = struct.unpack("<I", ask(self.fd, KVM_GET_MP_STATE, bytes(4)))
        return int(state)

    def kick(self) -> None:
        """Make the core leave the guest, and not enter it again before `immediate_exit` is cleared."""
        self.run[RUN_IMMEDIATE_EXIT] = 1
        if self.thread.ident is not None and self.thread.is_alive():
            signal.pthread_kill(self.thread.ident, signal.SIGUSR1)

    def asleep(self) -> bool:
        """Whether the core is in the guest's hands and sleeps in the kernel: it is off, or waits for an interrupt."""
        if not self.inside:
            return False
        try:
            with open(f"/proc/self/task/{self.thread.native_id}/stat", encoding="ascii") as file:
                return file.read().rpartition(")")[2].split()[0] == "S"
        except OSError:
            return False

    def outside(self, action: Callable[[], int]) -> int:
        """Do something while the core is not inside the guest; a CPU_SUSPEND that it is in ends early."""
        with self.gate:
            if threading.current_thread() is not self.thread:
                self.kick()
            try:
                return action()
            finally:
                self.run[RUN_IMMEDIATE_EXIT] = 0

    def close(self) -> None:
        """Give everything back; the thread must have ended."""
        self.run.close()
        os.close(self.fd)

    def _loop(self) -> None:
        try:
            while not self.machine.stopping:
                with self.gate:
                    pass  # closed while somebody looks at this core from outside
                self.inside = True
                result = _IOCTL(self.fd, KVM_RUN, 0)
                self.inside = False
                if result < 0:
                    number = ctypes.get_errno()
                    if number in (errno.EINTR, errno.EAGAIN):
                        continue
                    self.machine.tell(f"runfailed {self.index} {errno.errorcode.get(number, number)}")
                    return
                if not self._exit():
                    return
        except Exception as error:  # a thread's last words: without them its life would only run out of time
            self.machine.tell(f"broken {self.index} {type(error).__name__}: {error}")
        finally:
            self.machine.look_again.set()

    def _exit(self) -> bool:
        """Serve an exit; False when the core has nothing more to do."""
        (reason,) = struct.unpack_from("<I", self.run, RUN_EXIT_REASON)
        if reason == EXIT_MMIO:
            self._mmio()
        elif reason == EXIT_SYSTEM_EVENT:
            self._system_event()
        elif reason == EXIT_HYPERCALL:
            self._hypercall()
        elif reason != EXIT_INTR:
            first, second = struct.unpack_from("<QQ", self.run, RUN_EXIT)
            self.machine.tell(f"exit {self.index} {reason} {first:#x} {second:#x}")
            return False
        return True

    def _mmio(self) -> None:
        address, data, length, is_write = struct.unpack_from("<Q8sIB", self.run, RUN_EXIT)
        value = int.from_bytes(data[:length], "little")
        if is_write:
            self.machine.store(self, address, value)
        else:
            answer = self.machine.load(self, address)
            self.run[RUN_EXIT + 8 : RUN_EXIT + 16] = struct.pack("<Q", answer)

    def _system_event(self) -> None:
        kind, count = struct.unpack_from("<II", self.run, RUN_EXIT)
        data = struct.unpack_from(f"<{min(count, 16)}Q", self.run, RUN_EXIT + 8)
        if kind == SYSTEM_EVENT_SUSPEND and not self.machine.may_suspend(self):
            # KVM leaves this check, and the answer, to its user.
            self.set(REG_X0, PSCI_DENIED)
            self.machine.tell(f"denied {self.index} {kind}")
            return
        self.machine.tell(" ".join(["system", str(self.index), str(kind), str(count), *map(hex, data)]))
        self.machine.finish("system")

    def _hypercall(self) -> None:
        (function,) = struct.unpack_from("<Q", self.run, RUN_EXIT)
        (flags,) = struct.unpack_from("<Q", self.run, RUN_EXIT + 64)
        if flags & KVM_HYPERCALL_EXIT_SMC:
            self.set(REG_PC, self.get(REG_PC) + (2 if flags & KVM_HYPERCALL_EXIT_16BIT else 4))
        arguments = [self.get(REG_X0 + 2 * number) for number in range(1, 8)]
        before = self.machine.counter.now()
        try:
            answer = self.machine.answer(self, function, arguments)
        except Stop as stop:
            kind, given = stop.args
            self.machine.tell(f"vmmsystem {self.index} {kind} {given:#x}", before)
            self.machine.finish("system")
            return
        for number, value in enumerate(answer):
            self.set(REG_X0 + 2 * number, value)
        words = [f"{value & (1 << 64) - 1:#x}" for value in (function, *answer)]
        self.machine.tell(" ".join(["hypercall", str(self.index), *words]), before)


class KvmMachine:
    """A virtual machine for one life."""

    def __init__(
        self, kvm: int, plan: LifePlan, memory: mmap.mmap, counter: Counter, handler: Callable[..., object]
    ) -> None:
        self.plan = plan
        self.memory = memory
        self.counter = counter
        self.handler = handler
        self.told: list[str] = []
        self.untold = 0
        self.stopping = False
        self.why = ""
        self.look_again = threading.Event()
        self.lock = threading.Lock()
        self.vcpus: list[Vcpu] = []
        self.fd = ioctl(kvm, KVM_CREATE_VM)
        try:
            self._set_up(kvm)
        except BaseException:
            self.close()
            raise

    def _set_up(self, kvm: int) -> None:
        plan = self.plan
        self.exact_clock = ioctl(self.fd, KVM_CHECK_EXTENSION, KVM_CAP_COUNTER_OFFSET) > 0
        if self.exact_clock:
            ask(self.fd, KVM_ARM_SET_COUNTER_OFFSET, bytes(16))
        address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        ask(self.fd, KVM_SET_USER_MEMORY_REGION, struct.pack("<IIQQQ", 0, 0, plan.ram[0], plan.ram[1], address))
        for cap in plan.caps:
            ask(self.fd, KVM_ENABLE_CAP, struct.pack("<I", cap).ljust(104, b"\0"))
        for base, count, action in plan.filters:
            self._filter(base, count, action)
        run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE)
        target = ask(self.fd, KVM_ARM_PREFERRED_TARGET, bytes(32))
        for index in range(plan.cpus):
            vcpu = Vcpu(self, index, run_size)
            self.vcpus.append(vcpu)
            features = KVM_ARM_VCPU_PSCI_0_2 | (KVM_ARM_VCPU_POWER_OFF if index else 0)
            ask(vcpu.fd, KVM_ARM_VCPU_INIT, target[:4] + struct.pack("<I", features) + bytes(24))
        first = self.vcpus[0]
        if "psci" in plan.words:
            first.set(REG_PSCI_VERSION, plan.words["psci"])
        self.psci = first.get(REG_PSCI_VERSION)
        self.mpidrs = [vcpu.get(REG_MPIDR) & AFFINITY_MASK for vcpu in self.vcpus]
        first.set(REG_PC, plan.words["pc"])
        self.offset = (0, 0) if self.exact_clock else self._measure_offset()

    def _filter(self, base: int, count: int, action: int) -> None:
        rule = ctypes.create_string_buffer(struct.pack("<IIB", base, count, action).ljust(24, b"\0"), 24)
        attribute = (0, KVM_ARM_VM_SMCCC_CTRL, KVM_ARM_VM_SMCCC_FILTER, ctypes.addressof(rule))
        ask(self.fd, KVM_HAS_DEVICE_ATTR, struct.pack("<IIQQ", *attribute))
        ask(self.fd, KVM_SET_DEVICE_ATTR, struct.pack("<IIQQ", *attribute))

    def _measure_offset(self) -> tuple[int, int]:
        """The least and the greatest amount by which our counter may be ahead of the guest's."""
        best = (0, 1 << 63)
        for _ in range(16):
            before = self.counter.now()
            guest = self.vcpus[0].get(REG_TIMER_CNT)
            after = self.counter.now()
            if after - before < best[1] - best[0]:
                best = (before - guest, after - guest)
        return best

    # --- what happens ------------------------------------------------------------------------------------

    def tell(self, what: str, since: int | None = None) -> None:
        """Put something that was seen from outside on record, with the time in the guest's counter."""
        now = self.counter.now()
        before = now if since is None else since
        with self.lock:
            if len(self.told) > 4096:
                self.untold += 1
            else:
                self.told.append(f"{before - self.offset[1]} {now - self.offset[0]} {what}")

    def finish(self, why: str) -> None:
        """End this life; may be called by any thread."""
        with self.lock:
            self.why = self.why or why
            self.stopping = True
        self.look_again.set()

    def store(self, vcpu: Vcpu, address: int, value: int) -> None:
        """The guest stored a word where no memory is."""
        words = self.plan.words
        if address == words.get("finished"):
            self.look_again.set()
        elif address == words.get("waiting"):
            time.sleep(WAITING_SECONDS)
        elif address == words.get("observe"):
            self.observe(value, by=vcpu.index)
        elif address == words.get("gicd", -GICD_SGIR) + GICD_SGIR:
            for target in self.vcpus:
                if value >> (16 + target.index) & 1:
                    self._line(target, raised=value & 0xF)
        elif not self._known_page(address):
            self._odd(f"store {vcpu.index} {address:#x} {value:#x}")

    def load(self, vcpu: Vcpu, address: int) -> int:
        """The guest loaded a word where no memory is."""
        if address == self.plan.words.get("gicc", -GICC_IAR) + GICC_IAR:
            return self._line(vcpu, raised=None)
        if not self._known_page(address):
            self._odd(f"load {vcpu.index} {address:#x}")
        return 0

    def _known_page(self, address: int) -> bool:
        return any(address >> 12 == self.plan.words.get(name, 0) >> 12 for name in ("gicd", "gicc"))

    def _odd(self, what: str) -> None:
        with self.lock:
            self.untold += 1
            few = self.untold <= MAX_ODDITIES
        if few:
            self.tell(what)

    def _line(self, vcpu: Vcpu, raised: int | None) -> int:
        """Make an interrupt pending, or take the first that is (None); the line is high while one is pending."""
        with self.lock:
            taken = NO_INTERRUPT
            if raised is not None:
                vcpu.pending.add(raised)
            elif vcpu.pending:
                taken = min(vcpu.pending)
                vcpu.pending.discard(taken)
            # Type 0 is the interrupt input of a core, number 0 its IRQ.
            line = (vcpu.index & 0xFF) << 16 | (vcpu.index >> 8) << 28
            ask(self.fd, KVM_IRQ_LINE, struct.pack("<II", line, 1 if vcpu.pending else 0))
        return taken

    def observe(self, index: int, by: int) -> int | None:
        """Look at a core from outside; KVM answers only while the core is not in the guest."""
        if index >= len(self.vcpus):
            self.tell(f"store {by} observe {index}")
            return None
        before = self.counter.now()
        target = self.vcpus[index]
        state = target.outside(target.mp_state)
        self.tell(f"observe {index} {state} {by}", before)
        return state

    def may_suspend(self, caller: Vcpu) -> bool:
        """Whether every other core is off, as SYSTEM_SUSPEND wants it."""
        others = [vcpu for vcpu in self.vcpus if vcpu is not caller]
        return all(self.observe(vcpu.index, by=caller.index) == MP_STATE_STOPPED for vcpu in others)

    def answer(self, vcpu: Vcpu, function: int, arguments: Sequence[int]) -> Sequence[int]:
        """What x0, x1, ... hold after a forwarded call.

        Raises:
            Stop: the call stops the machine.
        """
        answer = self.handler(self, vcpu.index, function, arguments)
        return answer if isinstance(answer, (tuple, list)) else (int(str(answer)),)

    # --- the life ----------------------------------------------------------------------------------------

    def live(self) -> None:
        """Run until no core can go on, the machine stopped, or the time is over; then look at every core."""
        for vcpu in self.vcpus:
            vcpu.thread.start()
        self._watch()
        self.stopping = True
        for vcpu in self.vcpus:
            self._stop(vcpu)
        for vcpu in self.vcpus:
            if not vcpu.thread.is_alive():
                before = self.counter.now()
                self.tell(f"final {vcpu.index} {vcpu.mp_state()}", before)

    def _watch(self) -> None:
        plan, words = self.plan, self.plan.words
        deadline = time.monotonic() + words["limit"] / 1000
        seen, since, pause = None, 0.0, 0.001
        while not self.stopping:
            self.look_again.wait(pause)
            self.look_again.clear()
            now = time.monotonic()
            state = [self._progress(core) for core in plan.cores]
            if state != seen:
                seen, since, pause = state, now, 0.001
            else:
                pause = min(pause * 1.5, 0.01)
            if now > deadline:
                self.finish("limit")
            elif not any(vcpu.thread.is_alive() for vcpu in self.vcpus):
                self.finish("broken")
            elif now - since >= words[self._patience(state)] / 1000:
                self.finish("stall" if self._busy(state) else "done")

    def _progress(self, core: CoreWatch) -> tuple[int, int, int]:
        return self._word(core.status), self._word(core.progress), self._word(core.entries)

    def _expected(self, index: int, entries: int) -> bool:
        """Whether some core made a call that should start this one, which was not entered since."""
        return any(self._word(caller.started + 4 * index) == entries + 1 for caller in self.plan.cores)

    def _patience(self, state: Sequence[tuple[int, int, int]]) -> str:
        """The word of the plan that tells how long nothing must change before nothing will."""
        if self._busy(state):
            return "stall"
        if state[0][0] in self.plan.statuses["absent"]:
            return "quiet"
        outside = self.plan.statuses["absent"] | self.plan.statuses["silent"]
        if any(status in outside and self._expected(n, entries) for n, (status, _, entries) in enumerate(state)):
            return "quiet"
        in_call = self.plan.statuses["incall"]
        callers = [vcpu for vcpu, (status, _, _) in zip(self.vcpus, state, strict=True) if status in in_call]
        if not callers:
            return "settled"
        return "asleep" if all(vcpu.asleep() for vcpu in callers) else "quiet"

    def _busy(self, state: Sequence[tuple[int, int, int]]) -> bool:
        return any(status in self.plan.statuses["busy"] for status, _, _ in state)

    def _stop(self, vcpu: Vcpu) -> None:
        deadline = time.monotonic() + KICK_SECONDS
        while vcpu.thread.is_alive():
            vcpu.kick()
            vcpu.thread.join(0.05)
            if time.monotonic() > deadline:
                self.tell(f"stuck {vcpu.index}")
                return

    def _word(self, address: int) -> int:
        offset = address - self.plan.ram[0]
        return int.from_bytes(self.memory[offset : offset + 4], "little")

    def close(self) -> None:
        """Give everything back."""
        for vcpu in self.vcpus:
            vcpu.close()
        os.close(self.fd)


# --- the server ------------------------------------------------------------------------------------------


class DriverServer:
    """Answers requests until the channel ends."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.counter = Counter()
        self.kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
        self.kept: dict[str, bytes] = {}
        self.modules: dict[str, object] = {}
        self.memory: mmap.mmap | None = None
        self.closing: threading.Thread | None = None
        signal.signal(signal.SIGUSR1, lambda number, frame: None)
        sys.setswitchinterval(0.0005)

    def serve(self) -> None:
        """Say hello, then answer each request; ends with the channel."""
        system = os.uname()
        caps = (KVM_CAP_ARM_PSCI_0_2, KVM_CAP_ARM_SYSTEM_SUSPEND, KVM_CAP_COUNTER_OFFSET)
        self.channel.send([
            "hello 1",
            f"release {system.release}",
            f"build {system.version}",
            f"python {sys.version.split()[0]}",
            f"frequency {self.counter.frequency}",
            f"processors {os.cpu_count() or 1}",
            *(f"extension {cap} {ioctl(self.kvm, KVM_CHECK_EXTENSION, cap)}" for cap in caps),
        ])  # fmt: skip
        while (request := self.channel.receive()) is not None:
            lines, data = request
            try:
                self._serve(lines, data)
            except KvmError as error:
                what, number = error.args
                symbol = errno.errorcode.get(number, number)
                self.channel.send(["failed", f"ioctl {what} {symbol}", os.strerror(number)])
            except Exception as error:  # the other side must hear what is wrong, whatever it is
                self.channel.send(["failed", f"driver {type(error).__name__}", str(error).replace("\n", " ")])

    def _serve(self, lines: list[list[str]], data: memoryview) -> None:
        """One request: `keep NAME` with bytes, `modules` with sources, `probe`, or `run`.

        Raises:
            KvmError: the kernel refused something.
            ValueError: there is no such request.
        """
        (word, *rest), *others = lines
        if word == "keep":
            self.kept[rest[0]] = bytes(data)
            self.channel.send(["kept"])
        elif word == "modules":
            self._load_modules(others, data)
            self.channel.send(["loaded"])
        elif word in ("run", "probe"):
            self._run(LifePlan(others, data, self.kept), alive=word == "run")
        else:
            raise ValueError(f"no request is called {word}")

    def _load_modules(self, lines: list[list[str]], data: memoryview) -> None:
        """Make modules of sources: `module NAME LENGTH` lines, in the order in which they import each other."""
        offset = 0
        for _, name, length in lines:
            source = bytes(data[offset : offset + int(length)])
            offset += int(length)
            module = type(sys)(name)
            module.__dict__["Stop"] = Stop
            sys.modules[name] = module
            exec(compile(source, f"{name}.py", "exec"), module.__dict__)
            parent, _, child = name.rpartition(".")
            if parent in sys.modules:
                setattr(sys.modules[parent], child, module)

    def _run(self, plan: LifePlan, alive: bool) -> None:
        memory = self._memory(plan.ram[1])
        for address, data in plan.loads:
            offset = address - plan.ram[0]
            memory[offset : offset + len(data)] = data
        machine = KvmMachine(self.kvm, plan, memory, self.counter, self._handler(plan))
        try:
            if alive:
                machine.live()
            dumps = list(self._dumps(plan, memory))
            lines = [
                "life",
                f"why {machine.why}",
                f"psci {machine.psci:#x}",
                f"clock {'exact' if machine.exact_clock else 'measured'}",
                "mpidrs " + " ".join(map(hex, machine.mpidrs)),
                f"untold {machine.untold}",
                *(f"told {text}" for text in machine.told),
            ]
            lines += [f"dump {start:#x} {len(part)}" for start, part in dumps]
            self.channel.send(lines, b"".join(part for _, part in dumps))
        finally:
            self._close_later(machine)

    def _close_later(self, machine: KvmMachine) -> None:
        """Giving a machine back is waiting for grace periods; the next life need not wait for them."""
        if self.closing is not None:
            self.closing.join()
        self.closing = threading.Thread(target=machine.close, daemon=True)
        self.closing.start()

    def _dumps(self, plan: LifePlan, memory: mmap.mmap) -> Iterator[tuple[int, bytes]]:
        base = plan.ram[0]
        for start, length in plan.dumps:
            yield start, memory[start - base : start - base + length]
        for count, maximum, size, start in plan.logs:
            records = min(int.from_bytes(memory[count - base : count - base + 4], "little"), maximum)
            yield start, memory[start - base : start - base + records * size]

    def _memory(self, size: int) -> mmap.mmap:
        """The guest's memory; every life uses it again, because the tester writes all that the stub reads."""
        if self.memory is None or len(self.memory) != size:
            self.memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        return self.memory

    def _handler(self, plan: LifePlan) -> Callable[..., object]:
        if plan.handler is None:
            return lambda machine, index, function, arguments: (-1,)
        module, name = plan.handler
        handler: Callable[..., object] = getattr(sys.modules[module], name)()
        return handler


# --- the first program of an emulated host ---------------------------------------------------------------


def become_init() -> Channel:
    """Mount what is needed, load the drivers that the kernel has as modules, and open the port to the outside.

    Raises:
        OSError: there is no port.
    """
    _LIBC.mount(b"dev", b"/dev", b"devtmpfs", 0, None)
    os.mkdir("/proc")
    _LIBC.mount(b"proc", b"/proc", b"proc", 0, None)
    if os.path.isdir("/modules"):
        for name in sorted(os.listdir("/modules")):
            file = os.open(f"/modules/{name}", os.O_RDONLY)
            if _LIBC.syscall(273, file, b"", 0) < 0:
                print(f"{name} was not loaded: {os.strerror(ctypes.get_errno())}", flush=True)
            os.close(file)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for name in os.listdir("/dev"):
            if name.startswith("vport"):
                try:
                    port = os.open(f"/dev/{name}", os.O_RDWR | os.O_CLOEXEC)
                except OSError:
                    continue  # it is announced before it can be opened
                return Channel(port, port, port=True)
        time.sleep(0.02)
    raise OSError("this kernel has no virtio console port: it needs CONFIG_VIRTIO_PCI and CONFIG_VIRTIO_CONSOLE")


def main() -> None:
    """Serve on standard input and output, or on the port if this is the first program of a machine."""
    faulthandler.enable()
    first = os.getpid() == 1
    try:
        DriverServer(become_init() if first else Channel(0, 1)).serve()
    except KvmError as error:
        what, number = error.args
        print(f"driver: {what}: {os.strerror(number)}", file=sys.stderr, flush=True)
    except (OSError, ValueError) as error:
        print(f"driver: {error}", file=sys.stderr, flush=True)
    finally:
        if first:
            _LIBC.reboot(0x4321FEDC)


if __name__ == "__main__":
    main()
