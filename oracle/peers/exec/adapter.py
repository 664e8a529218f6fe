"""Runs programs on an implementation that is a program of its own: one process, many machines, one after the other."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from psci.host.requirements import Missing, Requirement
from psci.model.errors import InputError
from psci.model.events import (
    BootEvent,
    CallEvent,
    EndEvent,
    EnterEvent,
    Event,
    HostEvent,
    MachineEvent,
    ObserveEvent,
    ReturnEvent,
    SystemEvent,
    TimeoutEvent,
    WakeEvent,
)
from psci.oracle.peers.exec import protocol
from psci.oracle.peers.peer import Garbled, Hung, PeerDied
from psci.oracle.peers.process import Child
from psci.oracle.peers.program import (
    ArgumentValue,
    CallStep,
    EntrySlot,
    ObserveStep,
    PauseStep,
    Program,
    ProgramStep,
    WakeStep,
)
from psci.oracle.traces.format import Wrong

SLOTS = 0x4000_0000
SLOT_SIZE = 0x1000
"""Where the entry slots of a program are."""
SETTLING_MICROSECONDS = 1000
"""A pause of so long is time enough for all that happens without a call."""


@dataclass(frozen=True, slots=True)
class ExecLimits:
    """How long the program may take, and how much it may say."""

    start: float = 20.0
    """Seconds until its first `machine` line."""
    answer: float = 5.0
    """Seconds until it has settled, or takes its input."""
    silence: float = 0.02
    """Seconds to wait for the return of a call before it is asked to settle."""
    lines: int = 10_000
    """Between two lines of ours."""

    def times(self, factor: float) -> ExecLimits:
        """The same, with more patience."""
        return ExecLimits(self.start * factor, self.answer * factor, self.silence * factor, self.lines)


class ExecPeer:
    """A program that speaks the protocol."""

    name = "exec"

    def __init__(self, command: str, *, psci: str | None = None, limits: ExecLimits | None = None) -> None:
        """Prepare to start a program; it starts when it is first needed.

        Args:
            command: the program and its arguments, quoted as for a shell; no shell runs it.
            psci: the version to ask for where a program names none.
            limits: how long it may take.

        Raises:
            InputError: the command names no program.
            Missing: there is no such program.
        """
        self.command = command
        self.psci = psci
        self.limits = limits or ExecLimits()
        self.version = command
        self._argv = words(command)
        self._child: Child | None = None
        self._rest = b""
        found = requirement(command)
        if found.found is None:
            raise Missing(f"{found.what} is not on this machine: {found.remedy}")

    def run(self, programs: Sequence[Program]) -> Iterable[tuple[Event, ...]]:
        """Run each program and yield its trace.

        Raises:
            PeerDied: the program under test crashed, hung or said what is not a line of the protocol; `trace` is what
                happened until then, and the next program starts it again.
        """
        for program in programs:
            events: list[Event] = []
            try:
                for event in _Run(self, program).events():
                    events.append(event)
            except PeerDied as death:
                death.trace = (*events, EndEvent(why=str(death))) if events else ()
                self.close()
                raise
            yield tuple(events)

    def close(self) -> None:
        """End the program."""
        child, self._child, self._rest = self._child, None, b""
        if child is not None:
            child.end()

    @property
    def pid(self) -> int | None:
        """The process id of the program, while it runs."""
        return None if self._child is None else self._child.pid

    # ---- lines

    def send(self, *lines: bytes) -> None:
        """Write lines, together."""
        if self._child is None:
            self._child = Child(self._argv, name=self.command)
        self._child.write(b"".join(lines), seconds=self.limits.answer)

    def line(self, seconds: float) -> bytes | None:
        """The next line that the program says; None where it says nothing for so long."""
        assert self._child is not None
        while (end := self._rest.find(b"\n")) < 0 and len(self._rest) <= protocol.LONGEST_LINE:
            data = self._child.read_within(seconds)
            if data is None:
                return None
            self._rest += data
        if not 0 <= end <= protocol.LONGEST_LINE:
            raise Garbled(f"{self.command} said a line of more than {protocol.LONGEST_LINE} bytes")
        line, self._rest = self._rest[:end], self._rest[end + 1 :]
        return line

    def garbled(self, line: bytes, why: object) -> Garbled:
        """The error that shows what the program said."""
        shown = line[:200].decode("utf-8", "backslashreplace")
        return Garbled(f"{self.command} said {shown!r}: {why}")


class _Run:
    """One program on one machine."""

    def __init__(self, peer: ExecPeer, program: Program) -> None:
        self.peer = peer
        self.limits = peer.limits
        self.program = program
        self.machine = self._started()
        self.cpus = self.machine.cpus
        self.core_of = {cpu: core for core, cpu in enumerate(self.cpus)}
        boot = self.cpus[0] if self.machine.boot_cpu is None else self.machine.boot_cpu
        self.boot = boot
        self.queues: list[list[ProgramStep]] = []
        self.open: list[CallStep | None] = []
        self.runs: list[bool] = []
        self.awaited: set[int] = set()
        """Cores whose call is expected to return and has not."""
        self.over = False
        self.settled = False
        self.lines = 0

    def _started(self) -> MachineEvent:
        peer, program = self.peer, self.program
        peer.send(protocol.start(program.cpus, program.psci or peer.psci))
        line = peer.line(self.limits.start)
        if line is None:
            raise Hung(f"{peer.command} did not answer `start` within {self.limits.start:g} s")
        try:
            machine = protocol.machine_from(line)
        except Wrong as error:
            raise peer.garbled(line, error) from None
        if len(machine.cpus) < program.cpus:
            raise peer.garbled(line, f"a machine of {program.cpus} cores was asked for")
        if machine.boot_cpu is not None and machine.boot_cpu not in machine.cpus:
            raise peer.garbled(line, "`boot_cpu` is not one of `cpus`")
        peer.version = machine.peer or peer.command
        return machine

    def events(self) -> Iterator[Event]:
        yield self.machine
        for number, steps in enumerate(self.program.lives):
            if number:
                if not self.over:
                    yield HostEvent(action="restart")
                self.peer.send(protocol.boot())
                yield BootEvent(cpu=self.boot, cause="cold")
            yield from self._life(steps)
        yield EndEvent(why="done")

    def _life(self, steps: Sequence[ProgramStep]) -> Iterator[Event]:
        self.queues = [[step for step in steps if step.cpu == core] for core in range(len(self.cpus))]
        self.open = [None for _ in self.cpus]
        self.runs = [cpu == self.boot for cpu in self.cpus]
        self.awaited.clear()
        self.over = False
        while not self.over:
            self._forget_late_wakes()
            able = [core for core, queue in enumerate(self.queues) if queue and self._idle(core)]
            turn = min((self.queues[core][0].turn for core in able), default=-1)
            held_back = any(queue and (not able or queue[0].turn < turn) for queue in self.queues)
            late = [core for core, queue in enumerate(self.queues) if queue and _is_late(queue[0])]
            if held_back and not self.settled:
                yield from self._settle()
            elif late and (not able or self.queues[late[0]][0].turn < turn):
                yield from self._begin(late[:1])
            elif able:
                yield from self._begin([core for core in able if self.queues[core][0].turn == turn])
            else:
                break
        if self.over or not self.settled:
            # What it says after it went down belongs to this life too.
            yield from self._settle()
        if not self.over:
            for core, cpu in enumerate(self.cpus):
                if self.open[core] is not None:
                    yield TimeoutEvent(cpu=cpu)

    def _idle(self, core: int) -> bool:
        return self.runs[core] and self.open[core] is None

    def _forget_late_wakes(self) -> None:
        """Whoever runs again needs no wakeup from the outside."""
        for core, queue in enumerate(self.queues):
            while queue and _is_late(queue[0]) and self.open[core] is None:
                queue.pop(0)

    # ---- our side

    def _begin(self, cores: Sequence[int]) -> Iterator[Event]:
        lines: list[bytes] = []
        events: list[Event] = []
        pause = False
        for core in cores:
            step = self.queues[core].pop(0)
            match step:
                case CallStep(fn=fn, args=args, returns=returns):
                    given = tuple(_address(argument) for argument in args)
                    lines.append(protocol.call(self.cpus[core], fn, given))
                    events.append(CallEvent(cpu=self.cpus[core], fn=fn, args=given))
                    self.open[core] = step
                    if returns:
                        self.awaited.add(core)
                case WakeStep(target=target):
                    lines.append(protocol.wake(self.cpus[target]))
                    events.append(WakeEvent(cpu=self.cpus[target], cause="irq"))
                case ObserveStep(target=target):
                    lines.append(protocol.observe(self.cpus[target]))
                case PauseStep(microseconds=microseconds):
                    pause |= microseconds >= SETTLING_MICROSECONDS
        if lines:
            self.settled = False
            # A call is stamped before the program can see it, a return after it was said: no race is invented.
            yield from events
            self.lines = 0
            self.peer.send(*lines)
        while self.awaited and not self.over:
            line = self.peer.line(self.limits.silence)
            if line is None:
                yield from self._settle()
                break
            yield from self._heard(line)
        if pause and not self.over and not self.settled:
            yield from self._settle()

    def _settle(self) -> Iterator[Event]:
        self.lines = 0
        self.peer.send(protocol.settle())
        self.settled = False
        while not self.settled:
            line = self.peer.line(self.limits.answer)
            if line is None:
                raise Hung(f"{self.peer.command} did not settle within {self.limits.answer:g} s")
            yield from self._heard(line)
        self.awaited.clear()

    # ---- its side

    def _heard(self, line: bytes) -> Iterator[Event]:
        self.lines += 1
        if self.lines > self.limits.lines:
            raise Garbled(f"{self.peer.command} said more than {self.limits.lines} lines and did not settle")
        try:
            event = protocol.said(line)
            if isinstance(event, protocol.Settled):
                self.settled = True
                return
            if not isinstance(event, SystemEvent):
                self._follow(event)
        except Wrong as error:
            raise self.peer.garbled(line, error) from None
        if isinstance(event, SystemEvent) and event.event != "suspend":
            self.over = True
            self.awaited.clear()
        yield event

    def _follow(self, event: Event) -> None:
        cpu = getattr(event, "cpu", None)
        core = self.core_of.get(-1 if cpu is None else cpu)
        if core is None:
            raise Wrong("the machine has no such core")
        match event:
            case ReturnEvent():
                if self.open[core] is None and not self.over:
                    raise Wrong("a return of a core that made no call")
                self.open[core] = None
                self.awaited.discard(core)
            case EnterEvent():
                self.open[core] = None
                self.runs[core] = True
                self.awaited.discard(core)
            case ObserveEvent():
                pass


def _is_late(step: ProgramStep) -> bool:
    return isinstance(step, WakeStep) and step.late


def words(command: str) -> list[str]:
    """The program and its arguments.

    Raises:
        InputError: there is none.
    """
    try:
        found = shlex.split(command)
    except ValueError as error:
        raise InputError(f"exec: {command!r} cannot be split into words ({error}): quote it as for a shell") from None
    if not found:
        raise InputError("exec: names no program: write exec:COMMAND, such as exec:./my-psci")
    return found


def requirement(command: str) -> Requirement:
    """The program itself."""
    name = words(command)[0]
    found = None
    with contextlib.suppress(OSError):
        found = shutil.which(name)
    return Requirement(name, found, "give the path of an executable program after exec:")


def _address(argument: ArgumentValue) -> int:
    return SLOTS + SLOT_SIZE * argument.slot + argument.offset if isinstance(argument, EntrySlot) else argument


__all__ = ["ExecLimits", "ExecPeer", "requirement", "words"]
