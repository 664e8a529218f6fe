"""QEMU's own PSCI, as the peer `qemu`: the stub on `-M virt`, watched through shared memory and QMP."""

from __future__ import annotations

import re
import shutil
import weakref
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from psci.host.qemu import qemu_version
from psci.host.requirements import CannotRun, Missing, Requirement
from psci.model.events import BootEvent, EndEvent, Event, HostEvent, MachineEvent, SystemEvent, TimeoutEvent
from psci.oracle.peers.peer import PeerError
from psci.oracle.peers.program import CallStep, Program
from psci.oracle.peers.qemu.machine import RAM_BASE, RAM_SIZE, Lived, QemuLimits, VirtualMachine
from psci.oracle.peers.stub import build, decode, encode, layout

Conduit = Literal["hvc", "smc"]

QEMU = "qemu-system-aarch64"
REMEDY = f"run `psci peers install`, install qemu-system-arm, or name a {QEMU} with --qemu"
GICD = 0x0800_0000
GICC = 0x0801_0000
_PSCI_VERSION = 0x8400_0000


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
        limits: QemuLimits | None = None,
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
            Missing: QEMU, or what builds the stub, is not on this machine.
            PeerError: an option has a value that QEMU cannot be given.
        """
        if conduit not in ("hvc", "smc"):
            raise PeerError(f"conduit {conduit!r}: QEMU offers hvc and smc")
        if not re.fullmatch(r"[A-Za-z0-9_.,=+-]+", cpu):
            raise PeerError(f"cpu model {cpu!r}: letters, digits and `_ . , = + -` only")
        path = _find_qemu(qemu, find)
        if path is None:
            raise Missing(f"{qemu or QEMU} is not on this machine: {REMEDY}")
        self.name = "qemu" if conduit == "hvc" else "qemu:smc"
        self._binary = path
        self._conduit: Conduit = conduit
        self._cpu = cpu
        self._limits = limits or QemuLimits()
        self._patience = patience or encode.Patience()
        self.image = image or build.image(find)
        self._psci = psci
        self._machines: dict[int, VirtualMachine] = {}
        # Not a method of ours, which would keep us alive: a peer that is forgotten ends its machines too.
        self._close_machines = partial(_close, self._machines)
        weakref.finalize(self, self._close_machines)
        self.version = f"{qemu_version(path)}; -M {self._machine_option}; -cpu {cpu}"

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

    def _machine(self, cpus: int) -> VirtualMachine:
        machine = self._machines.get(cpus)
        if machine is not None and not machine.alive:
            machine.close()
            machine = None
        if machine is None:
            if not 1 <= cpus <= layout.MAX_CORES:
                raise PeerError(f"a program with {cpus} cores: this peer runs 1 to {layout.MAX_CORES}")
            machine = VirtualMachine(self._command(cpus), self._platform(cpus), self._limits, self._patience)
            self._machines[cpus] = machine
        return machine

    def _platform(self, cpus: int) -> encode.StubMachine:
        return encode.StubMachine(
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


def _close(machines: dict[int, VirtualMachine]) -> None:
    while machines:
        _, machine = machines.popitem()
        machine.close()


def compose(lives: Sequence[Lived], platform: encode.StubMachine, *, psci: str, conduit: str, peer: str) -> list[Event]:
    """The trace of a program from its lives, from `MachineEvent` to `EndEvent`."""
    first = lives[0].life.boots[0]
    events: list[Event] = [
        MachineEvent(
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
                events.append(HostEvent(action="restart"))
            events.append(BootEvent(cpu=platform.mpidrs[0], cause="cold", t=boot.t if boot else None, extra=extra))
        events.extend(life.events)
        if lived.system is not None:
            events.append(SystemEvent(event=lived.system, source="qmp", raw=lived.raw))
        else:
            events.extend(TimeoutEvent(cpu=platform.mpidrs[index]) for index in _silent(life))
        if not lived.complete:
            why = "time limit"
    faults = [fault for lived in lives for fault in lived.life.faults]
    events.append(EndEvent(why=why, extra={"x-faults": faults} if faults else {}))
    return events


def _silent(life: decode.StubLife) -> list[int]:
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
            found = f"{path} ({qemu_version(path)})"
        except CannotRun:
            found = None
    return [Requirement(what=str(qemu or QEMU), found=found, remedy=REMEDY), build.requirement(find)]


def _find_qemu(qemu: str | Path | None, find: build.Finder) -> Path | None:
    on_path = shutil.which(str(qemu or QEMU))
    if on_path:
        return Path(on_path)
    return find(QEMU) if qemu is None else None
