"""One machine that QEMU emulates: its memory is ours too, and it goes from life to life."""

from __future__ import annotations

import contextlib
import itertools
import mmap
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psci.oracle.peers.emulated.board import Board, BoardLimits
from psci.oracle.peers.emulated.process import QemuProcess, sleeping
from psci.oracle.peers.emulated.snapshot import Snapshot
from psci.oracle.peers.peer import PeerDied
from psci.oracle.peers.program import CallStep, ProgramStep
from psci.oracle.peers.stub import decode, encode, layout

_EVENTS = {"guest-shutdown": "off", "guest-reset": "reset", "guest-panic": "crash"}
"""What QEMU's reasons mean; any other end of the machine was not the guest's."""

_OURS = "host-qmp-system-reset"
_LOOKS_FOR_LATE_REQUESTS = 2
_MERGED_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """One life: what the cores logged, and how it ended as seen from outside."""

    life: decode.StubLife
    system: str | None
    raw: Mapping[str, Any]
    complete: bool
    """False where the time limit ended it."""


class EmulatedMachine:
    """A QEMU process whose memory we share, and its way from life to life."""

    def __init__(
        self,
        command: Sequence[str],
        board: Board,
        *,
        smc: bool,
        stub: bytes,
        limits: BoardLimits,
        patience: encode.Patience,
    ) -> None:
        """Start QEMU, and wait until the stub is there where the way to it is long.

        Args:
            command: QEMU and its arguments, without the memory.
            board: the machine.
            smc: whether calls are made by SMC.
            stub: the image of the stub, as it was loaded.
            limits: how long to wait.
            patience: how long cores wait for each other.

        Raises:
            Missing: QEMU cannot be started.
            PeerDied: it ended, or the stub was not started in time.
        """
        self.board = board
        self._smc = smc
        self._limits = limits
        # An anonymous file: nothing is left behind however we end.
        self._descriptor = os.memfd_create("psci-guest-memory")
        self._snapshot: Snapshot | None = None
        try:
            os.ftruncate(self._descriptor, board.ram_size)
            self._memory = mmap.mmap(self._descriptor, board.ram_size)
            if board.image is not None:
                self.platform = self._platform_at(board.image)
                self._write(encode.idle(self.platform, patience))
            path = f"/proc/self/fd/{self._descriptor}"
            self._process = QemuProcess(
                [*command, "-object", f"memory-backend-file,id=ram,size={board.ram_size},share=on,mem-path={path}"],
                pass_fds=[self._descriptor], start_seconds=limits.launch, answer_seconds=limits.command,
            )  # fmt: skip
        except BaseException:
            os.close(self._descriptor)
            raise
        self.pid = self._process.pid
        try:
            if board.slow_start:
                self._arrive(stub)
                self._snapshot = Snapshot(self._process, self._memory, self._descriptor, limits.reset)
            self._threads = self._vcpu_threads()
        except BaseException:
            self.close()
            raise
        self._places: tuple[int | None, ...] = (None,) * len(self._threads)
        self._fresh = True
        self._paused = False

    def _platform_at(self, image: int) -> encode.StubMachine:
        board = self.board
        return encode.StubMachine(
            image=image, mpidrs=board.mpidrs, smc=self._smc, gic=board.gic, gicd=board.gicd, gicc=board.gicc,
            ends_rings=board.ends_rings,
        )  # fmt: skip

    @property
    def _base(self) -> int:
        return self.platform.exchange - self.board.ram_base

    def _arrive(self, stub: bytes) -> None:
        """Wait until the boot core waits to be armed; the stub may be anywhere at the start of a block."""
        begin = stub[: layout.VECTORS_OFFSET]
        deadline = time.monotonic() + self._limits.arrival
        while time.monotonic() < deadline:
            if not self.alive:
                raise PeerDied(f"before the stub was started: {self._process.obituary()}")
            for image in self._places_of(begin):
                self.platform = self._platform_at(image)
                at = self._base + layout.H_BOOTS
                if self._base + layout.EXCHANGE_SIZE <= self.board.ram_size and any(self._memory[at : at + 4]):
                    return
            time.sleep(0.02)
        raise PeerDied(f"the stub was not started within {self._limits.arrival:g} s")

    def _places_of(self, begin: bytes) -> list[int]:
        board = self.board
        if board.image is not None:
            return [board.image]
        offsets = range(layout.TEXT_OFFSET, board.ram_size, layout.BLOCK_ALIGNMENT)
        return [board.ram_base + at for at in offsets if self._memory[at : at + len(begin)] == begin]

    @property
    def alive(self) -> bool:
        """Whether QEMU has not ended."""
        return self._process.alive

    def close(self) -> None:
        """End QEMU and give its memory back."""
        self._process.close()
        if self._snapshot is not None:
            self._snapshot.close()
        self._memory.close()
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def run(self, lives: Sequence[Sequence[ProgramStep]], encoded: Sequence[Sequence[encode.Segment]]) -> list[Lived]:
        """Live each of `lives`, given also as what `encode.life` made of them.

        Raises:
            PeerDied: QEMU ended, or did not answer in time.
            PeerError: the memory holds what the stub cannot have written.
        """
        origin: int | None = None
        lived: list[Lived] = []
        for steps, segments in zip(lives, encoded, strict=True):
            self._place(steps)
            self._boot()
            self._write(segments)
            self._write((encode.ARM,))
            self._fresh = False
            try:
                system, raw, complete = self._watch()
            except PeerDied as died:
                raise PeerDied(f"{died}{self._last_calls(steps)}") from died
            if origin is None or self._snapshot is not None:
                boot = decode.boot(self._read, self.platform)
                if boot is None:
                    raise PeerDied(f"the boot core did not start: {self._process.obituary()}")
                # A snapshot puts the counter back; in the trace time goes on.
                origin = boot.t - (_last_moment(lived) + 1 if lived else 0)
            life = decode.life(self._read, self.platform, steps, origin)
            lived.append(Lived(life=life, system=system, raw=raw, complete=complete))
        return lived

    def _last_calls(self, steps: Sequence[ProgramStep]) -> str:
        """Which calls were open; the memory is ours and outlives QEMU."""
        in_call = (layout.Status.IN_CALL, layout.Status.IN_SILENT_CALL)
        open_calls = []
        for index, core in enumerate(decode.cores(self._read, len(self.platform.mpidrs))):
            own = [step for step in steps if step.cpu == index]
            step = own[core.started - 1] if 0 < core.started <= len(own) and core.status in in_call else None
            if isinstance(step, CallStep):
                open_calls.append(f"core {index} was in step {core.started - 1}, fn {step.fn:#x}")
        return "; " + ", ".join(open_calls) if open_calls else ""

    def _read(self, offset: int, size: int) -> bytes:
        return self._memory[self._base + offset : self._base + offset + size]

    def _write(self, segments: Sequence[encode.Segment]) -> None:
        for segment in segments:
            start = self._base + segment.offset
            self._memory[start : start + len(segment.data)] = segment.data

    def _vcpu_threads(self) -> tuple[int, ...]:
        answer = self._process.execute("query-cpus-fast")
        cpus = answer if isinstance(answer, list) else []
        found = {cpu.get("cpu-index"): cpu.get("thread-id") for cpu in cpus if isinstance(cpu, dict)}
        threads = tuple(found.get(index) for index in range(len(self.platform.mpidrs)))
        if not all(isinstance(thread, int) for thread in threads):
            raise PeerDied("QEMU did not tell the threads of its virtual CPUs")
        return tuple(thread for thread in threads if isinstance(thread, int))

    def _place(self, steps: Sequence[ProgramStep]) -> None:
        """Give cores whose steps are to overlap different CPUs of the host.

        Without this the host may queue a woken core behind the one that spins for it, although
        another CPU is idle, and calls of the same turn never overlap.
        """
        host = sorted(os.sched_getaffinity(0))
        places = apart(steps, len(self._threads), len(host))
        if places == self._places:
            return
        self._places = places
        for thread, place in zip(self._threads, places, strict=True):
            with contextlib.suppress(OSError):
                os.sched_setaffinity(thread, host if place is None else {host[(place + self.pid) % len(host)]})

    def _boot(self) -> None:
        """Bring the machine to where its boot core waits to be armed."""
        if self._snapshot is not None:
            if not self._fresh:
                self._restore(self._snapshot)
            return
        if self._fresh and self._stays_fresh():
            return
        self._process.execute("system_reset")
        limit = time.monotonic() + self._limits.reset
        reset = False
        while True:
            event = self._process.take_event(max(0.0, limit - time.monotonic()))
            if event is None and not reset:
                raise PeerDied(f"QEMU did not reset the machine within {self._limits.reset:g} s")
            name, data = event or ("RESET", {"reason": _OURS})
            if name == "SHUTDOWN":
                self._paused = True
            elif name == "RESET" and data.get("reason") == _OURS:
                break
            elif name == "RESET":
                # One that the guest asked for was on its way already: ours comes after it, or was merged with it.
                reset = True
                limit = min(limit, time.monotonic() + _MERGED_SECONDS)
        if self._paused:
            self._process.execute("cont")
            self._paused = False

    def _restore(self, snapshot: Snapshot) -> None:
        self._process.execute("stop")
        if self._paused:
            # QEMU goes on after the guest switched itself off only when it was reset.
            self._process.execute("system_reset")
            deadline = time.monotonic() + self._limits.reset
            while (event := self._process.take_event(max(0.0, deadline - time.monotonic()))) is not None:
                if event[0] == "RESET" and event[1].get("reason") == _OURS:
                    break
            else:
                raise PeerDied(f"QEMU did not reset the machine within {self._limits.reset:g} s")
            self._paused = False
        snapshot.restore()
        # What the guest asked for before it was stopped is no news of the life that begins.
        while self._process.take_event() is not None:
            pass
        self._process.execute("cont")

    def _stays_fresh(self) -> bool:
        """Whether the machine that the guest reset boots undisturbed.

        Another core may have asked for a reset, or for power-off, while QEMU was about to stop it for the first reset:
        QEMU then carries that out too, a moment later. Its main loop looks at such requests before each answer of its
        monitor.
        """
        quiet = 0
        while quiet < _LOOKS_FOR_LATE_REQUESTS:
            self._process.execute("query-status")
            quiet += 1
            while (event := self._process.take_event()) is not None:
                name, _ = event
                if name == "SHUTDOWN":
                    self._paused = True
                    return False
                if name == "RESET":
                    quiet = 0
        return True

    def _watch(self) -> tuple[str | None, Mapping[str, Any], bool]:
        """Wait for the end of a life; returns what the outside saw, its raw form, and whether it was complete."""
        began = changed = time.monotonic()
        before: tuple[decode.CoreProgress, ...] = ()
        barrier = False
        while True:
            event = self._process.take_event()
            if event is not None:
                system = self._system(*event)
                if system is not None:
                    return system, {"qmp": event[0], **event[1]}, True
                continue
            if not self.alive:
                raise PeerDied(self._process.obituary())
            cores = decode.cores(self._read, len(self.platform.mpidrs))
            now = time.monotonic()
            if cores != before:
                before, changed, barrier = cores, now, False
            elif self._settled(cores, now - changed):
                if barrier or all(core.status in (layout.Status.FINISHED, layout.Status.NEVER) for core in cores):
                    return None, {}, True
                # QEMU's main loop handles our request after the requests that the guest made before.
                self._process.execute("query-status")
                barrier = True
                continue
            if now - began > self._limits.life:
                return None, {}, False
            time.sleep(0.0001 if now - changed < 0.02 else 0.001)

    def _settled(self, cores: Sequence[decode.CoreProgress], quiet: float) -> bool:
        return all(self._quiet_enough(index, core, quiet) for index, core in enumerate(cores))

    def _quiet_enough(self, index: int, core: decode.CoreProgress, quiet: float) -> bool:
        match core.status:
            case layout.Status.FINISHED | layout.Status.LOST:
                return True
            case layout.Status.NEVER:
                if index == 0:
                    return quiet >= self._limits.arrival
                return quiet >= (self._limits.start if core.expected else 0)
            case layout.Status.IN_SILENT_CALL:
                if core.expected:
                    return quiet >= self._limits.start
                asleep = quiet >= self._limits.silent and sleeping(self.pid, self._threads[index])
                return asleep or quiet >= self._limits.answer
            case layout.Status.IN_CALL:
                return quiet >= self._limits.answer
            case _:
                return False

    def _system(self, name: str, data: Mapping[str, Any]) -> str | None:
        """What an event means for the life that is running; None: nothing."""
        reason = data.get("reason")
        if name == "SHUTDOWN":
            self._paused = True
        elif name == "RESET" and reason != _OURS:
            self._fresh = self._snapshot is None
        else:
            return None
        if reason not in _EVENTS:
            raise PeerDied(f"QEMU ended the machine: {reason}")
        return _EVENTS[reason]


def _last_moment(lived: Sequence[Lived]) -> int:
    events = [event.t1 for life in lived for event in life.life.events if event.t1 is not None]
    return max([*events, *(boot.t for life in lived for boot in life.life.boots)], default=0)


def apart(steps: Sequence[ProgramStep], cores: int, places: int) -> tuple[int | None, ...]:
    """A place for each core, so that cores with steps of the same turn are apart as far as there are places.

    None for every core where nothing overlaps, or where there is only one place.
    """
    turns: dict[int, set[int]] = {}
    for step in steps:
        turns.setdefault(step.turn, set()).add(step.cpu)
    together = Counter(pair for cpus in turns.values() for pair in itertools.permutations(cpus, 2))
    if not together or places < 2:
        return (None,) * cores
    chosen: list[int | None] = []
    for core in range(cores):
        cost = [
            (sum(together[core, other] for other, at in enumerate(chosen) if at == place), chosen.count(place), place)
            for place in range(places)
        ]
        chosen.append(min(cost)[2])
    return tuple(chosen)
