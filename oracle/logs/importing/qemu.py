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

from psci.model.events import BootEvent, CallEvent, EnterEvent, Event, ReturnEvent
from psci.oracle.logs.importing.following import Follower
from psci.oracle.logs.importing.log import LogLines
from psci.oracle.logs.importing.machine import LogTerms, affinity, described
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
_ARGUMENTS = 3
"""x1 to x3 are a PSCI call's arguments; x4 to x17 are logged, but a call of PSCI has none there."""


@dataclass(slots=True)
class _Block:
    """What was logged before a block of instructions ran."""

    pc: int | None = None
    registers: dict[int, int] | None = None
    level: int | None = None


class _QemuLog:
    """One log, read line by line."""

    def __init__(self, log: LogLines) -> None:
        self.log = log
        self.follower = Follower(
            log,
            "log one instruction a block (-accel tcg,one-insn-per-tb=on), and let -dfilter hold that address",
        )
        self.conduits: set[str] = set()
        self.affinities: dict[int, int] = {}
        self._last: dict[int, _Block] = {}
        """The block that each CPU ran last."""
        self._block: tuple[int, _Block] | None = None
        self._in_flight: dict[int, CallEvent | None] = {}
        """Exceptions whose end was not logged yet, by CPU, the oldest first: of a conduit instruction, or another."""
        self._blocks = 0

    def read(self) -> None:
        """All lines."""
        for line in self.log:
            self._line(line)
        self._ran()
        if not self._blocks and self.follower.events:
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
            if self._index(found[1]) == 0:
                self.follower.reset(0)

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

    def _ran(self) -> None:
        """A block that was logged in full: a return, an entry, or nothing that matters."""
        if self._block is None:
            return
        (index, block), self._block = self._block, None
        if block.pc is None or not block.registers or 0 not in block.registers:
            return
        self._blocks += 1
        self._last[index] = block
        self.follower.ran(index, block.pc, block.registers[0], block.level)

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
        assert call is not None
        self.follower.take_back(call)

    def _told(self, fn: int, affinity: int) -> None:
        """QEMU's trace event of a call, which names the core, and not the CPU."""
        callers = [index for index, call in self._in_flight.items() if call is not None and call.fn == fn]
        if len(callers) == 1:
            self.affinities[callers[0]] = affinity

    def _called(self, index: int, conduit: str) -> CallEvent:
        block = self._last.get(index)
        wanted = range(_ARGUMENTS + 1)
        if block is None or block.pc is None or block.registers is None or not block.registers.keys() >= set(wanted):
            raise self.log.wrong(
                f"the registers before the call of CPU {index} are not in the log; log with -d int,exec,cpu,nochain"
            )
        arguments = tuple(block.registers[place] for place in wanted[1:])
        self.conduits.add(conduit)
        return self.follower.called(CallEvent(cpu=index, fn=block.registers[0], args=arguments), block.pc)


def read_qemu(log: LogLines, terms: LogTerms) -> list[Event]:
    """The trace of a log of QEMU's.

    Raises:
        LogError: a line cannot be used, or the log does not hold what is needed.
    """
    found = _QemuLog(log)
    found.read()
    events = list(_renamed(found, terms))
    if len(found.conduits) == 1 and terms.conduit is None:
        terms = replace(terms, conduit=min(found.conduits))
    return [described(events, log, terms, "a log of QEMU", None), *events]


def _renamed(found: _QemuLog, terms: LogTerms) -> Iterator[Event]:
    """The events with cores by affinity instead of by index."""
    for event in found.follower.events:
        assert isinstance(event, CallEvent | ReturnEvent | EnterEvent | BootEvent)
        yield replace(event, cpu=affinity(event.cpu, found.log, terms, found.affinities))
