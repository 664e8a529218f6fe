"""QEMU's log (`-d`): the exceptions that it handled as PSCI calls, and the registers before and after each.

The log has to hold every instruction's registers, at least of the conduit instruction, of the one after it, and of the
first one of each entry point: `-d int,exec,cpu,nochain` with one instruction in each block (`-accel
tcg,one-insn-per-tb=on`, before QEMU 8.1 `-singlestep`), and `-dfilter` for these addresses where the log becomes long.
`cpu_reset` in `-d` tells when the machine starts again, and `-trace arm_psci_call` the affinity fields of the callers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.cpu_suspend import CPU_SUSPEND
from psci.model.calls.system_off import SYSTEM_OFF, SYSTEM_RESET
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.calls.system_reset2 import SYSTEM_RESET2
from psci.model.calls.system_suspend import SYSTEM_SUSPEND
from psci.model.events import BootEvent, CallEvent, EnterEvent, Event, ReturnEvent
from psci.oracle.importing.log import MAX_IMPORTED, LogLines
from psci.oracle.importing.machine import LogTerms, described
from psci.oracle.traces.format import MAX_CORES

_TRACE = re.compile(r"Trace (\d{1,5}): 0x[0-9a-f]+ \[")
_PROGRAM_COUNTER = re.compile(r" PC=([0-9a-f]{16}) ")
_REGISTER = re.compile(r"\bX(\d\d)=([0-9a-f]{16})")
_LEVEL = re.compile(r"PSTATE=[0-9a-f]+ .*\bEL(\d)")
_EXCEPTION = re.compile(r"Taking exception \d+ \[([^\]]*)\] on CPU (\d{1,5})")
_HANDLED = "...handled as PSCI call"
_NOT_HANDLED = re.compile(r"\.\.\.to EL\d PC ")
"""The caller's own hypervisor or firmware takes the exception."""
_PSCI_CALL = re.compile(r"PSCI Call x0=0x([0-9a-f]{1,16}) .*\bcpuid=0x([0-9a-f]{1,10})\b")
_RESET = re.compile(r"CPU Reset \(CPU (\d{1,5})\)")
_CONDUITS = {"Hypervisor Call": "hvc", "Secure Monitor Call": "smc"}
_INSTRUCTION_BYTES = 4
_LAST_CALLS = tuple(fid for call in (SYSTEM_OFF, SYSTEM_OFF2, SYSTEM_RESET, SYSTEM_RESET2) for fid in call.ids())
"""After one of these the machine may start again."""
_ARGUMENTS = 3
"""x1 to x3 are a PSCI call's arguments; x4 to x17 are logged, but a call of PSCI has none there."""
_MOST_CPUS_IN_A_CLUSTER = 8
"""Up to here the index of a core is its affinity in every GIC that QEMU offers."""


@dataclass(slots=True)
class _Block:
    """What was logged before a block of instructions ran."""

    pc: int | None = None
    registers: dict[int, int] | None = None
    level: int | None = None


@dataclass(slots=True)
class _Core:
    last: _Block | None = None
    """The block that ran last."""
    open: CallEvent | None = None
    line: int = 0
    """Where the open call stands in the log."""
    back: int = 0
    """Where it returns."""
    heard_of: bool = False
    """It called, or was entered, since the machine started."""


class _QemuLog:
    """One log, read line by line."""

    def __init__(self, log: LogLines, terms: LogTerms) -> None:
        self.log = log
        self.cpus = terms.cpus
        self.events: list[Event] = []
        self.conduits: set[str] = set()
        self.affinities: dict[int, int] = {}
        self._cores: dict[int, _Core] = {}
        self._entries: set[int] = set()
        self._block: tuple[int, _Block] | None = None
        self._in_flight: dict[int, CallEvent | None] = {}
        """Exceptions whose end was not logged yet, by CPU, the oldest first: of a conduit instruction, or another."""
        self._ending = False
        self._blocks = 0

    def read(self) -> None:
        """All lines."""
        for line in self.log:
            self._line(line)
            if len(self.events) > MAX_IMPORTED:
                raise self.log.wrong(f"more than {MAX_IMPORTED:,} events; cut the log at a boot")
        self._ran()
        if not self._blocks and self.events:
            raise self.log.wrong("the log has no registers, which hold the answers; log with -d int,exec,cpu,nochain")

    def _line(self, line: str) -> None:
        if found := _TRACE.match(line):
            self._ran()
            self._block = (self._index(found[1]), _Block(registers={}))
        elif self._block is not None and (line.startswith((" PC=", "X", "PSTATE="))):
            self._dump(self._block[1], line)
        elif found := _EXCEPTION.match(line):
            self._ran()
            self._taken(self._index(found[2]), _CONDUITS.get(found[1]))
        elif found := _PSCI_CALL.search(line):
            self._told(int(found[1], 16), int(found[2], 16))
        elif line.startswith(_HANDLED):
            self._end(of_conduit=True)
        elif _NOT_HANDLED.match(line):
            self._end(of_conduit=False)
        elif found := _RESET.match(line):
            self._ran()
            self._reset(self._index(found[1]))

    def _index(self, text: str) -> int:
        if int(text) >= MAX_CORES:
            raise self.log.wrong(f"CPU {text}: at most {MAX_CORES:,} cores are judged")
        return int(text)

    def _dump(self, block: _Block, line: str) -> None:
        if found := _PROGRAM_COUNTER.match(line):
            block.pc = int(found[1], 16)
        if found := _LEVEL.match(line):
            block.level = int(found[1])
        assert block.registers is not None
        block.registers.update((int(name), int(value, 16)) for name, value in _REGISTER.findall(line))

    def _core(self, index: int) -> _Core:
        return self._cores.setdefault(index, _Core())

    def _ran(self) -> None:
        """A block that was logged in full: a return, an entry, or nothing that matters."""
        if self._block is None:
            return
        (index, block), self._block = self._block, None
        if block.pc is None or not block.registers or 0 not in block.registers:
            return
        self._blocks += 1
        core = self._core(index)
        core.last = block
        x0 = block.registers[0]
        if core.open is not None and block.pc == core.back:
            self.events.append(ReturnEvent(cpu=core.open.cpu, x0=x0))
            core.open = None
        elif block.pc in self._entries and (core.open is not None or not core.heard_of):
            self.events.append(EnterEvent(cpu=index, pc=block.pc, x0=x0, el=block.level))
            core.open, core.heard_of = None, True

    def _taken(self, index: int, conduit: str | None) -> None:
        """An exception begins; QEMU says later, and without the CPU, whether it was a call of PSCI."""
        self._in_flight.pop(index, None)
        self._in_flight[index] = None if conduit is None else self._called(index, conduit)

    def _end(self, of_conduit: bool) -> None:
        """An exception ends: handled as a call of PSCI, or taken by the machine's own software."""
        calls = [index for index, call in self._in_flight.items() if call is not None]
        others = [index for index, call in self._in_flight.items() if call is None]
        if of_conduit:
            if calls:
                del self._in_flight[calls[0]]
        elif others:
            del self._in_flight[others[0]]
        elif len(calls) == 1:
            self._no_call(calls[0])
        elif calls:
            raise self.log.wrong(
                f"CPUs {calls} ran a conduit instruction at once, and one was no call of QEMU's PSCI; the log does not "
                "tell which: use a machine without EL2 and EL3 of its own"
            )

    def _no_call(self, index: int) -> None:
        call = self._in_flight.pop(index)
        self._cores[index].open = None
        place = max(place for place, event in enumerate(self.events) if event is call)
        del self.events[place]

    def _told(self, fn: int, affinity: int) -> None:
        """QEMU's trace event of a call, which names the core, and not the CPU."""
        callers = [index for index, call in self._in_flight.items() if call is not None and call.fn == fn]
        if len(callers) == 1:
            self.affinities[callers[0]] = affinity

    def _called(self, index: int, conduit: str) -> CallEvent:
        core = self._core(index)
        block = core.last
        if block is None or block.pc is None or block.registers is None or 3 not in block.registers:
            raise self.log.wrong(
                f"the registers before the call of CPU {index} are not in the log; log with -d int,exec,cpu,nochain"
            )
        if core.open is not None:
            if not self._ending:
                raise self.log.wrong(
                    f"CPU {index} calls again, and its call at line {core.line} did not return to {core.back:#x}; "
                    "log one instruction a block (-accel tcg,one-insn-per-tb=on), and let -dfilter hold that address"
                )
            self._boot(index)
        call = CallEvent(
            cpu=index, fn=block.registers[0], args=tuple(block.registers[n] for n in range(1, _ARGUMENTS + 1))
        )
        self.conduits.add(conduit)
        self._remember(call)
        self.events.append(call)
        core.open, core.line, core.back = call, self.log.number, block.pc + _INSTRUCTION_BYTES
        core.heard_of = True
        return call

    def _remember(self, call: CallEvent) -> None:
        """What a call says of what comes after it: where cores are entered, that the machine starts again."""
        fn = call.fn & 0xFFFF_FFFF
        if fn in (*CPU_ON.ids(), *CPU_SUSPEND.ids()):
            self._entries.add(call.args[1])
        elif fn in SYSTEM_SUSPEND.ids():
            self._entries.add(call.args[0])
        elif fn in _LAST_CALLS:
            self._ending = True

    def _reset(self, index: int) -> None:
        if index == 0 and self._ending:
            self._boot(0)

    def _boot(self, index: int) -> None:
        self.events.append(BootEvent(cpu=index, cause="unknown"))
        self._ending = False
        for place, core in self._cores.items():
            core.open, core.heard_of = None, place == index

    def affinity(self, index: int) -> int:
        """The affinity fields of a core."""
        if self.cpus is not None:
            if index >= len(self.cpus):
                raise self.log.wrong(f"the log tells of CPU {index}, and --cpus names {len(self.cpus)} cores")
            return self.cpus[index]
        if index in self.affinities:
            return self.affinities[index]
        if index >= _MOST_CPUS_IN_A_CLUSTER:
            raise self.log.wrong(
                f"the affinity fields of CPU {index} are not in the log; give --cpus, or log with -trace arm_psci_call"
            )
        return index


def read_qemu(log: LogLines, terms: LogTerms) -> list[Event]:
    """The trace of a log of QEMU's.

    Raises:
        LogError: a line cannot be used, or the log does not hold what is needed.
    """
    found = _QemuLog(log, terms)
    found.read()
    events = list(_renamed(found))
    if len(found.conduits) == 1 and terms.conduit is None:
        terms = replace(terms, conduit=min(found.conduits))
    return [described(events, log, terms, "a log of QEMU", None), *events]


def _renamed(found: _QemuLog) -> Iterator[Event]:
    """The events with cores by affinity instead of by index."""
    for event in found.events:
        assert isinstance(event, CallEvent | ReturnEvent | EnterEvent | BootEvent)
        yield replace(event, cpu=found.affinity(event.cpu))
