"""QEMU's own PSCI, as the peer `qemu`: the stub on `-M virt`, watched through shared memory and QMP."""

from __future__ import annotations

import contextlib
import itertools
import mmap
import os
import re
import shutil
import subprocess
import time
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from psci.model.events import Boot, End, Event, Host, Machine, System, Timeout
from psci.oracle.peers.peer import PeerDied, PeerError, PeerMissing, Requirement
from psci.oracle.peers.qemu.process import QemuProcess, sleeping
from psci.oracle.peers.stub import build, decode, encode, layout
from psci.oracle.program import CallStep, Program, Step

Conduit = Literal["hvc", "smc"]

QEMU = "qemu-system-aarch64"
REMEDY = f"run `psci peers install`, install qemu-system-arm, or name a {QEMU} with --qemu"
RAM_BASE = 0x4000_0000
RAM_SIZE = 64 << 20
GICD = 0x0800_0000
GICC = 0x0801_0000
_PSCI_VERSION = 0x8400_0000
_EVENTS = {"guest-shutdown": "off", "guest-reset": "reset", "guest-panic": "crash"}
"""What QEMU's reasons mean; any other end of the machine was not the guest's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long we wait for the machine, in seconds."""

    answer: float = 0.25
    """For the return of a call, once nothing else happens."""
    start: float = 0.25
    """For the entry of a core that a successful CPU_ON should start."""
    silent: float = 0.001
    """For a call that should not return, once its virtual CPU sleeps."""
    life: float = 20.0
    """For a whole life."""
    reset: float = 5.0
    """For QEMU to reset the machine."""
    launch: float = 20.0
    """For QEMU to start."""
    command: float = 10.0
    """For QEMU's monitor to answer."""

    def times(self, factor: float) -> Limits:
        """The same, more patient: what a campaign asks for before it reports that there was no answer."""
        return Limits(**{name: seconds * factor for name, seconds in asdict(self).items()})


class QemuPeer:
    """QEMU's PSCI; one QEMU process for each number of cores, kept for many programs."""

    def __init__(
        self,
        *,
        qemu: str | Path | None = None,
        conduit: Conduit = "hvc",
        cpu: str = "cortex-a57",
        psci: str | None = None,
        image: Path | None = None,
        find: build.Finder = build.nowhere,
        limits: Limits | None = None,
        patience: encode.Patience | None = None,
    ) -> None:
        """Find QEMU and the stub; processes start with the first program.

        Args:
            qemu: the QEMU to test; default: `qemu-system-aarch64` on PATH, else what `find` knows.
            conduit: hvc (the stub at EL1) or smc (the stub at EL2).
            cpu: QEMU's `-cpu`.
            psci: the version to judge against; default: what PSCI_VERSION answers.
            image: the stub; default: the one of this version, built if it has to be.
            find: where programs are that are not on PATH.
            limits: how long to wait for the machine.
            patience: how long cores wait for each other.

        Raises:
            PeerMissing: QEMU, or what builds the stub, is not on this machine.
            PeerError: an option has a value that QEMU cannot be given.
        """
        if conduit not in ("hvc", "smc"):
            raise PeerError(f"conduit {conduit!r}: QEMU offers hvc and smc")
        if not re.fullmatch(r"[A-Za-z0-9_.,=+-]+", cpu):
            raise PeerError(f"cpu model {cpu!r}: letters, digits and `_ . , = + -` only")
        path = _find_qemu(qemu, find)
        if path is None:
            raise PeerMissing(f"{qemu or QEMU} is not on this machine: {REMEDY}")
        self.name = "qemu" if conduit == "hvc" else "qemu:smc"
        self._binary = path
        self._conduit: Conduit = conduit
        self._cpu = cpu
        self._limits = limits or Limits()
        self._patience = patience or encode.Patience()
        self.image = image or build.image(find)
        self._psci = psci
        self._machines: dict[int, _VirtualMachine] = {}
        # Not a method of ours, which would keep us alive: a peer that is forgotten ends its machines too.
        self._close_machines = partial(_close, self._machines)
        weakref.finalize(self, self._close_machines)
        self.version = f"{_version(path)}; -M {self._machine_option}; -cpu {cpu}"

    def run(self, programs: Sequence[Program]) -> Iterator[tuple[Event, ...]]:
        """Run each program and yield its trace; see `Peer.run`.

        Raises:
            PeerDied: QEMU ended or stopped answering; the next `run` starts another.
            PeerError: a program cannot be run, or the memory holds what the stub cannot have written.
        """
        for program in programs:
            yield self._run(program)

    def close(self) -> None:
        """End every QEMU that was started; may be called again."""
        self._close_machines()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the QEMUs that run now."""
        return tuple(machine.pid for machine in self._machines.values())

    def __enter__(self) -> QemuPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def psci(self) -> str:
        """The version that traces are to be judged against; asks the machine once if it was not given.

        Raises:
            PeerDied: QEMU did not answer.
            PeerError: what it answered is not a version.
        """
        return self._version_on(next(iter(self._machines), 1))

    def _version_on(self, cpus: int) -> str:
        if self._psci is None:
            self._psci = self._ask_version(cpus)
        return self._psci

    @property
    def _machine_option(self) -> str:
        return "virt,gic-version=2" + (",virtualization=on" if self._conduit == "smc" else "")

    def _run(self, program: Program) -> tuple[Event, ...]:
        if program.options:
            raise PeerError(f"option {next(iter(program.options))!r}: this peer has no switches for a program")
        psci = self._version_on(program.cpus)
        if program.psci not in (None, psci):
            raise PeerError(f"PSCI {program.psci} was asked for; this QEMU implements {psci} and offers no choice")
        return tuple(self._trace(program, psci))

    def _trace(self, program: Program, psci: str) -> list[Event]:
        machine = self._machine(program.cpus)
        try:
            encoded = [encode.life(machine.platform, steps, self._patience) for steps in program.lives]
        except ValueError as error:
            raise PeerError(f"the program cannot be run: {error}") from error
        try:
            lives = machine.run(program.lives, encoded)
        except BaseException:
            # Also for Ctrl-C: a machine in an unknown state is of no use to the next program.
            del self._machines[program.cpus]
            machine.close()
            raise
        return compose(lives, machine.platform, psci=psci, conduit=self._conduit, peer=f"{self.name} ({self.version})")

    def _machine(self, cpus: int) -> _VirtualMachine:
        machine = self._machines.get(cpus)
        if machine is not None and not machine.alive:
            machine.close()
            machine = None
        if machine is None:
            if not 1 <= cpus <= layout.MAX_CORES:
                raise PeerError(f"a program with {cpus} cores: this peer runs 1 to {layout.MAX_CORES}")
            machine = _VirtualMachine(self._command(cpus), self._platform(cpus), self._limits, self._patience)
            self._machines[cpus] = machine
        return machine

    def _platform(self, cpus: int) -> encode.Platform:
        return encode.Platform(
            image=RAM_BASE + layout.TEXT_OFFSET, mpidrs=tuple(range(cpus)), smc=self._conduit == "smc",
            gic=layout.Gic.V2, gicd=GICD, gicc=GICC,
        )  # fmt: skip

    def _command(self, cpus: int) -> list[str]:
        return [
            str(self._binary), "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none", "-no-shutdown",
            "-accel", "tcg,thread=multi", "-M", f"{self._machine_option},memory-backend=ram", "-cpu", self._cpu,
            "-smp", str(cpus), "-m", str(RAM_SIZE >> 20), "-kernel", str(self.image),
        ]  # fmt: skip

    def _ask_version(self, cpus: int) -> str:
        events = self._trace(Program(cpus=cpus, lives=((CallStep(turn=0, cpu=0, fn=_PSCI_VERSION),),)), "unknown")
        answers = [getattr(event, "x0", None) for event in events if event.k == "return"]
        if not answers or answers[0] is None or not 0 < answers[0] < 0x8000_0000:
            raise PeerError(f"PSCI_VERSION answered {answers or 'nothing'}: name the version to judge against")
        return f"{answers[0] >> 16}.{answers[0] & 0xFFFF}"


def _close(machines: dict[int, _VirtualMachine]) -> None:
    while machines:
        _, machine = machines.popitem()
        machine.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lived:
    """One life: what the cores logged, and how it ended as seen from outside."""

    life: decode.Life
    system: str | None
    raw: Mapping[str, Any]
    complete: bool
    """False where the time limit ended it."""


class _VirtualMachine:
    """A QEMU process whose memory we share, and its way from life to life."""

    def __init__(
        self, command: Sequence[str], platform: encode.Platform, limits: Limits, patience: encode.Patience
    ) -> None:
        self.platform = platform
        self._limits = limits
        # An anonymous file: nothing is left behind however we end.
        descriptor = os.memfd_create("psci-guest-memory")
        try:
            os.ftruncate(descriptor, RAM_SIZE)
            self._memory = mmap.mmap(descriptor, RAM_SIZE)
            self._base = platform.exchange - RAM_BASE
            self._write(encode.idle(platform, patience))
            backend = f"memory-backend-file,id=ram,size={RAM_SIZE},share=on,mem-path=/proc/self/fd/{descriptor}"
            self._process = QemuProcess(
                [*command, "-object", backend],
                pass_fds=[descriptor], start_seconds=limits.launch, answer_seconds=limits.command,
            )  # fmt: skip
        finally:
            os.close(descriptor)
        self.pid = self._process.pid
        self._threads = self._vcpu_threads()
        self._places: tuple[int | None, ...] = (None,) * len(self._threads)
        self._fresh = True
        self._paused = False

    @property
    def alive(self) -> bool:
        return self._process.alive

    def close(self) -> None:
        self._process.close()
        self._memory.close()

    def run(self, lives: Sequence[Sequence[Step]], encoded: Sequence[Sequence[encode.Segment]]) -> list[_Lived]:
        origin: int | None = None
        lived = []
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
            if origin is None:
                boot = decode.boot(self._read, self.platform)
                if boot is None:
                    raise PeerDied(f"the boot core did not start: {self._process.obituary()}")
                origin = boot.t
            life = decode.life(self._read, self.platform, steps, origin)
            lived.append(_Lived(life=life, system=system, raw=raw, complete=complete))
        return lived

    def _last_calls(self, steps: Sequence[Step]) -> str:
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

    def _place(self, steps: Sequence[Step]) -> None:
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
        if self._fresh:
            return
        self._process.execute("system_reset")
        limit = time.monotonic() + self._limits.reset
        while True:
            event = self._process.take_event(max(0.0, limit - time.monotonic()))
            if event is None:
                raise PeerDied(f"QEMU did not reset the machine within {self._limits.reset:g} s")
            name, data = event
            # A reset that the guest asked for may have been on its way already; ours comes after it.
            if name == "RESET" and data.get("reason") == "host-qmp-system-reset":
                break
        if self._paused:
            self._process.execute("cont")
            self._paused = False

    def _watch(self) -> tuple[str | None, Mapping[str, Any], bool]:
        """Wait for the end of a life; returns what the outside saw, its raw form, and whether it was complete."""
        began = changed = time.monotonic()
        before: tuple[decode.Core, ...] = ()
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

    def _settled(self, cores: Sequence[decode.Core], quiet: float) -> bool:
        return all(self._quiet_enough(index, core, quiet) for index, core in enumerate(cores))

    def _quiet_enough(self, index: int, core: decode.Core, quiet: float) -> bool:
        match core.status:
            case layout.Status.FINISHED | layout.Status.LOST:
                return True
            case layout.Status.NEVER:
                return quiet >= (self._limits.start if core.expected or index == 0 else 0)
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
        elif name == "RESET" and reason != "host-qmp-system-reset":
            self._fresh = True
        else:
            return None
        if reason not in _EVENTS:
            raise PeerDied(f"QEMU ended the machine: {reason}")
        return _EVENTS[reason]


def apart(steps: Sequence[Step], cores: int, places: int) -> tuple[int | None, ...]:
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


def compose(lives: Sequence[_Lived], platform: encode.Platform, *, psci: str, conduit: str, peer: str) -> list[Event]:
    """The trace of a program from its lives, from `Machine` to `End`."""
    first = lives[0].life.boots[0]
    events: list[Event] = [
        Machine(
            psci=psci, cpus=platform.mpidrs, boot_cpu=platform.mpidrs[0], conduit=conduit,
            cores={cpu: {"isa": "aarch64", "el": first.el, "world": "normal"} for cpu in platform.mpidrs},
            clock=f"system counter, 1/{first.frequency} s", peer=peer, extra={"x-boot": _boot_report(first)},
        )
    ]  # fmt: skip
    why = "done"
    for number, lived in enumerate(lives):
        life = lived.life
        if number:
            boot = life.boots[0] if life.boots else None
            extra = {"x-boot": _boot_report(boot)} if boot else {}
            if lives[number - 1].system is None:
                # Nothing in the machine ended that life: we took its power away.
                events.append(Host(action="restart"))
            events.append(Boot(cpu=platform.mpidrs[0], cause="cold", t=boot.t if boot else None, extra=extra))
        events.extend(life.events)
        if lived.system is not None:
            events.append(System(event=lived.system, source="qmp", raw=lived.raw))
        else:
            events.extend(Timeout(cpu=platform.mpidrs[index]) for index in _silent(life))
        if not lived.complete:
            why = "time limit"
    faults = [fault for lived in lives for fault in lived.life.faults]
    events.append(End(why=why, extra={"x-faults": faults} if faults else {}))
    return events


def _silent(life: decode.Life) -> list[int]:
    """Cores that did not answer, and cores that should have been entered and were not."""
    outside = (layout.Status.NEVER, layout.Status.IN_SILENT_CALL)
    expected = [index for index, core in enumerate(life.cores) if core.expected and core.status in outside]
    return sorted({*life.unanswered, *expected})


def _boot_report(boot: decode.Entered) -> dict[str, Any]:
    return {"pc": hex(boot.pc), "x0": hex(boot.x0), "el": boot.el} | {k: hex(v) for k, v in boot.regs().items()}


def requirements(qemu: str | Path | None = None, find: build.Finder = build.nowhere) -> list[Requirement]:
    """What this peer needs, and what of it is there."""
    path = _find_qemu(qemu, find)
    found = None
    if path is not None:
        try:
            found = f"{path} ({_version(path)})"
        except PeerError:
            found = None
    return [Requirement(what=str(qemu or QEMU), found=found, remedy=REMEDY), build.requirement(find)]


def _find_qemu(qemu: str | Path | None, find: build.Finder) -> Path | None:
    on_path = shutil.which(str(qemu or QEMU))
    if on_path:
        return Path(on_path)
    return find(QEMU) if qemu is None else None


def _version(path: Path) -> str:
    """The first line of `--version`.

    Raises:
        PeerError: it is not a program that prints a version.
    """
    try:
        done = subprocess.run(
            [str(path), "--version"], capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerError(f"{path} --version: {error}") from error
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    if done.returncode != 0 or not lines or not lines[0].startswith("QEMU"):
        raise PeerError(f"{path} --version did not answer like QEMU (status {done.returncode})")
    return lines[0].strip()
