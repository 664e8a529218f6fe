"""KVM as a peer: in a small emulated arm64 host (`kvm:SERIES`), or on this machine (`kvm`); see README.md here."""

from __future__ import annotations

import os
import platform
import re
import shutil
import struct
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from psci.host.kernels import Kernel
from psci.host.packages import Packages
from psci.host.qemu import qemu_version
from psci.host.requirements import CannotRun, Missing, Requirement
from psci.model.events import Event
from psci.oracle.peers.kvm import initrd
from psci.oracle.peers.kvm.events import DriverReply, compose, parse_life
from psci.oracle.peers.peer import PeerDied, PeerError
from psci.oracle.peers.process import Child
from psci.oracle.peers.program import Program, ProgramStep, pending_before
from psci.oracle.peers.stub import build, encode, layout

DRIVER = Path(__file__).with_name("driver.py")
QEMU = "qemu-system-aarch64"
CPU = "cortex-a76"
"""The emulated host's processor: with the virtualization host extensions, and without what makes emulation slow."""

RAM_BASE = 0x4000_0000
RAM_SIZE = layout.EXCHANGE_DISTANCE + layout.EXCHANGE_SIZE
IMAGE = RAM_BASE + layout.TEXT_OFFSET
GICD, GICC = 0x0800_0000, 0x0801_0000
OBSERVE, FINISHED, WAITING = 0x0900_0000, 0x0900_0008, 0x0900_0010
KVM_CAP_ARM_SYSTEM_SUSPEND = 216

_TELLING = r"^driver: |Kernel panic - |Internal error: |Error: |Unable to handle kernel "
"""What the emulated host says when it ends for a reason; other lines come before and after."""
_KERNEL_ARGUMENTS = (
    # Warnings are told, a panic ends the machine, and what only costs time on an emulated one is off.
    "console=ttyAMA0 loglevel=5 print-fatal-signals=1 panic=-1"
    " mitigations=off nokaslr rcupdate.rcu_expedited=1 rdinit=/init"
)
_MAGIC = b"PSCI"
_MAX_FRAME = 64 << 20
_BUSY = (layout.Status.RUNNING, layout.Status.WAITING)
_IN_CALL = (layout.Status.IN_CALL, layout.Status.IN_SILENT_CALL)
_WATCHED = (layout.C_STATUS, layout.C_PROGRESS, layout.C_ENTRIES, layout.C_STARTED)
_ACTIONS = {"handle": 0, "deny": 1, "forward": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class KvmLimits:
    """How long we wait, in seconds."""

    start: float = 120.0
    """For the host to boot and the driver to answer."""
    life: float = 20.0
    """For a whole life."""
    stall: float = 5.0
    """For progress of a core that claims to be busy."""
    answer: float = 1.0
    """For a call, or an entry that is expected, once nothing else happens and the core does not sleep."""
    asleep: float = 0.004
    """For a call, once its core sleeps in the kernel."""
    grace: float = 30.0
    """For the driver to make a machine, give it back and answer, beside the life itself."""

    def times(self, factor: float) -> KvmLimits:
        """The same, more patient: what a campaign asks for before it reports that there was no answer."""
        return KvmLimits(
            start=self.start, life=self.life * factor, stall=self.stall * factor,
            answer=self.answer * factor, asleep=self.asleep * factor, grace=self.grace,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A range of function ids in KVM's SMCCC filter."""

    base: int
    count: int = 1
    action: str = "forward"
    """handle, deny or forward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """Who answers the calls that a filter forwards: Python that is sent to the driver and runs beside KVM.

    `function` of `module` is called once per life without arguments and returns the handler, which is called
    as `handler(machine, vcpu, function_id, arguments)` and returns x0, or a tuple of x0, x1, ...; to stop the
    machine it raises `Stop(type, flags)`, with the type and flags of a KVM_EXIT_SYSTEM_EVENT.
    `machine.vcpus[n]` offers `get`, `set`, `mp_state` and `outside` (`driver.Vcpu`).
    """

    module: str
    function: str
    sources: Mapping[str, str]
    """Source of each module by its dotted name, a module after those that it imports."""


@dataclass(frozen=True, slots=True)
class _Probe:
    """What a machine with a number of cores is like before it runs."""

    mpidrs: tuple[int, ...]
    psci: str


@dataclass(slots=True)
class _Host:
    """A running driver."""

    child: Child
    facts: Mapping[str, str]
    extensions: Mapping[int, int]
    """What KVM_CHECK_EXTENSION says of each capability that the driver asked for."""
    probes: dict[int, _Probe] = field(default_factory=dict)


class KvmPeer:
    """A KVM under test; one host, kept for many programs, and a fresh virtual machine for each life.

    Make it with `emulated` or `native`.
    """

    def __init__(
        self,
        name: str,
        version: str,
        command: Sequence[str],
        *,
        image: Path,
        filters: Sequence[Filter] = (),
        handler: Handler | None = None,
        psci: str | None = None,
        limits: KvmLimits | None = None,
        patience: encode.Patience | None = None,
    ) -> None:
        self.name = name
        self._psci = psci
        self.version = version
        self._command = tuple(command)
        self._image = image
        self._filters = tuple(filters)
        self._handler = handler
        self._limits = limits or KvmLimits()
        self._patience = patience or encode.Patience(short=1000, long=20_000, meet=500)
        self._host: _Host | None = None

    def run(self, programs: Sequence[Program]) -> Iterator[tuple[Event, ...]]:
        """Run each program and yield its trace; see `Peer.run`.

        Raises:
            PeerDied: the host ended or stopped answering; the next `run` starts another.
            PeerError: a program cannot be run here, or the kernel refused a request.
        """
        for program in programs:
            yield self._run(program)

    def close(self) -> None:
        """End the host; may be called again."""
        host, self._host = self._host, None
        if host is not None:
            host.child.end()

    def __enter__(self) -> KvmPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process id of the host, or None while there is none."""
        return self._host.child.pid if self._host is not None else None

    def start(self) -> Mapping[str, str]:
        """Start the host unless it runs, and return what its driver said of it: `release`, `frequency`, ...

        Raises:
            Missing: it cannot be started.
            PeerDied: it did not come up.
        """
        if self._host is None or not self._host.child.alive():
            self.close()
            self._host = self._start()
        return self._host.facts

    def has(self, capability: int) -> bool:
        """Whether this KVM has a capability; starts the host.

        Raises:
            Missing: it cannot be started.
            PeerDied: it did not come up.
        """
        self.start()
        assert self._host
        return self._host.extensions.get(capability, 0) > 0

    # --- one program -------------------------------------------------------------------------------------

    def _run(self, program: Program) -> tuple[Event, ...]:
        if not 1 <= program.cpus <= layout.MAX_CORES:
            raise PeerError(f"a program with {program.cpus} cores: this peer runs 1 to {layout.MAX_CORES}")
        program = pending_before(program)
        options = _options(program)
        try:
            probe = self._probe(program.cpus)
            machine = self._platform(probe.mpidrs)
            lives = [self._life(program, machine, steps, options) for steps in program.lives]
        except CannotRun as error:
            if isinstance(error, PeerDied):
                self.close()
            raise
        except BaseException:
            # Also for Ctrl-C: a host in an unknown state is of no use to the next program.
            self.close()
            raise
        if any(life.stuck for life in lives):
            self.close()
        return compose(
            lives, machine, program, psci=self._psci, peer=f"{self.name} ({self.version})",
            filtered=[f"{rule.base:#x}+{rule.count} {rule.action}" for rule in self._filters],
            frequency=self._frequency,
        )  # fmt: skip

    def _platform(self, mpidrs: tuple[int, ...]) -> encode.StubMachine:
        # An exit costs more than a look, but where cores outnumber processors the others cannot run while one looks.
        crowded = len(mpidrs) > self._processors
        return encode.StubMachine(
            image=IMAGE, mpidrs=mpidrs, gic=layout.Gic.TRAPPED, gicd=GICD, gicc=GICC,
            observe_doorbell=OBSERVE, finished_doorbell=FINISHED, waiting_doorbell=WAITING if crowded else 0,
        )  # fmt: skip

    def _life(
        self, program: Program, machine: encode.StubMachine, steps: Sequence[ProgramStep], options: Sequence[str]
    ) -> DriverReply:
        try:
            segments = (*encode.life(machine, steps, self._patience), encode.ARM)
        except ValueError as error:
            raise PeerError(f"the program cannot be run: {error}") from error
        lines = ["run", *self._machine_lines(program.cpus), *options, *_watch_lines(program.cpus, self._limits)]
        if program.psci is not None:
            lines.append(f"psci {_version_number(program.psci):#x}")
        lines += [f"load {machine.exchange + segment.offset:#x} {len(segment.data)}" for segment in segments]
        data = b"".join(segment.data for segment in segments)
        return parse_life(*self._ask(lines, data, self._limits.life + self._limits.grace))

    def _machine_lines(self, cpus: int) -> list[str]:
        lines = [f"cpus {cpus}", f"ram {RAM_BASE:#x} {RAM_SIZE:#x}", f"pc {IMAGE:#x}", f"loadkept {IMAGE:#x} image"]
        lines += [f"filter {rule.base:#x} {rule.count} {_ACTIONS[rule.action]}" for rule in self._filters]
        if self._handler is not None:
            lines.append(f"handler {self._handler.module} {self._handler.function}")
        return lines

    def _probe(self, cpus: int) -> _Probe:
        self.start()
        assert self._host
        probe = self._host.probes.get(cpus)
        if probe is None:
            life = parse_life(*self._ask(["probe", *self._machine_lines(cpus)], b"", self._limits.start))
            probe = _Probe(mpidrs=life.mpidrs, psci=life.psci)
            self._host.probes[cpus] = probe
        return probe

    # --- the driver --------------------------------------------------------------------------------------

    @property
    def _frequency(self) -> int:
        assert self._host
        return int(self._host.facts["frequency"])

    @property
    def _processors(self) -> int:
        assert self._host
        return int(self._host.facts["processors"])

    def _start(self) -> _Host:
        child = Child(self._command, name=self.name, telling=_TELLING)
        try:
            lines, _ = _receive(child, self._limits.start)
            facts = dict(line.split(" ", 1) for line in lines if " " in line and not line.startswith("extension"))
            numbers = (facts.get("frequency", ""), facts.get("processors", ""))
            if facts.get("hello") != "1" or not all(number.isdigit() for number in numbers):
                raise PeerDied(f"{self.name}: the driver did not say hello: {lines[:1]}")
            asked = [line.split() for line in lines if re.fullmatch(r"extension \d+ -?\d+", line)]
            extensions = {int(number): int(answer) for _, number, answer in asked}
            self._host = _Host(child=child, facts=facts, extensions=extensions)
            self._ask(["keep image"], _with_mmu(self._image.read_bytes()), self._limits.start)
            if self._handler is not None:
                self._send_handler(self._handler)
        except BaseException:
            self._host = None
            child.end()
            raise
        return self._host

    def _send_handler(self, handler: Handler) -> None:
        sources = {name: text.encode() for name, text in handler.sources.items()}
        lines = [f"module {name} {len(data)}" for name, data in sources.items()]
        self._ask(["modules", *lines], b"".join(sources.values()), self._limits.start)

    def _ask(self, lines: Sequence[str], data: bytes, seconds: float) -> tuple[list[str], bytes]:
        assert self._host
        payload = "\n".join(lines).encode("ascii") + b"\n\n" + data
        head = struct.pack("<4sII", _MAGIC, len(payload), zlib.crc32(payload))
        self._host.child.write(head + payload, seconds=seconds)
        answer, content = _receive(self._host.child, seconds)
        if answer and answer[0] == "failed":
            raise PeerError(f"{self.name}: {_refusal(answer[1:])}")
        return answer, content


def _receive(child: Child, seconds: float) -> tuple[list[str], bytes]:
    """The lines and the bytes of the next frame; nothing in it is trusted yet.

    Raises:
        PeerDied: no whole and sound frame came in time.
    """
    data = b""
    length = 12
    while len(data) < length:
        data += child.read(seconds=seconds)
        if len(data) >= 12 and length == 12:
            magic, size, _ = struct.unpack_from("<4sII", data)
            if magic != _MAGIC or size > _MAX_FRAME:
                raise PeerDied(f"{child.name}: the driver sent what is not a frame: {data[:40]!r}")
            length += size
    payload = data[12:length]
    if len(data) != length or zlib.crc32(payload) != struct.unpack_from("<I", data, 8)[0]:
        raise PeerDied(f"{child.name}: the driver sent a damaged frame")
    head, _, content = payload.partition(b"\n\n")
    return head.decode("ascii", "replace").splitlines(), content


def _refusal(lines: Sequence[str]) -> str:
    """What a `failed` answer means and what to do."""
    words = (lines[0] if lines else "driver said nothing").split(maxsplit=2)
    text = lines[1] if len(lines) > 1 else ""
    if words[0] != "ioctl" or len(words) < 3:
        return " ".join([*words, text])
    what, number = words[1], words[2]
    hints = {
        ("KVM_SET_ONE_REG", "EINVAL"): "this kernel's KVM does not offer that PSCI version",
        ("KVM_HAS_DEVICE_ATTR", "ENXIO"): "this kernel has no SMCCC filter (it came with 6.4)",
        ("KVM_HAS_DEVICE_ATTR", "EINVAL"): "this kernel has no SMCCC filter (it came with 6.4)",
        ("KVM_HAS_DEVICE_ATTR", "ENOTTY"): "this kernel has no SMCCC filter (it came with 6.4)",
        ("KVM_SET_DEVICE_ATTR", "EEXIST"): "two ranges of the filter overlap, or one holds a reserved id",
        ("KVM_SET_DEVICE_ATTR", "EBUSY"): "the filter can be set only before a vCPU ran",
        ("KVM_SET_DEVICE_ATTR", "EINVAL"): "a range of the filter is empty, too long or has no such action",
        ("KVM_ENABLE_CAP", "EINVAL"): "this kernel's KVM does not have that capability",
        ("KVM_CREATE_VM", "EINVAL"): "this host cannot run virtual machines of that kind",
    }
    hint = hints.get((what, number))
    return f"{what} failed with {number} ({text})" + (f": {hint}" if hint else "")


def _options(program: Program) -> list[str]:
    """The lines of a request that a program's options ask for.

    Raises:
        PeerError: an option is not known, or has no such value.
    """
    unknown = set(program.options) - {"system_suspend"}
    if unknown:
        raise PeerError(f"option {min(unknown)!r}: KVM has system_suspend (on, off)")
    value = program.options.get("system_suspend", "off")
    if value not in ("on", "off"):
        raise PeerError(f"option system_suspend={value!r}: on or off")
    return [f"cap {KVM_CAP_ARM_SYSTEM_SUSPEND}"] if value == "on" else []


def _version_number(version: str) -> int:
    match = re.fullmatch(r"(\d+)\.(\d+)", version)
    if match is None:
        raise PeerError(f"PSCI {version!r} cannot be asked of KVM: give MAJOR.MINOR, such as 1.1")
    return int(match[1]) << 16 | int(match[2])


def _watch_lines(cpus: int, limits: KvmLimits) -> list[str]:
    exchange = encode.StubMachine(image=IMAGE, mpidrs=(0,)).exchange
    blocks = [exchange + layout.core_offset(index) for index in range(cpus)]
    everyone = [*range(cpus), layout.STRANGER]
    return [
        f"gicd {GICD:#x}",
        f"gicc {GICC:#x}",
        f"observe {OBSERVE:#x}",
        f"finished {FINISHED:#x}",
        f"waiting {WAITING:#x}",
        *("core " + " ".join(hex(block + word) for word in _WATCHED) for block in blocks),
        "busy " + " ".join(str(int(status)) for status in _BUSY),
        "incall " + " ".join(str(int(status)) for status in _IN_CALL),
        f"absent {int(layout.Status.NEVER)}",
        f"silent {int(layout.Status.IN_SILENT_CALL)}",
        f"limit {limits.life * 1000:.0f}",
        f"stall {limits.stall * 1000:.0f}",
        f"quiet {limits.answer * 1000:.0f}",
        f"asleep {limits.asleep * 1000:.0f}",
        f"dump {exchange + layout.CORES_OFFSET:#x} {layout.CORE_SIZE * (layout.MAX_CORES + 1)}",
        *(
            f"log {exchange + layout.core_offset(index) + layout.C_COUNT:#x} {layout.MAX_RECORDS} {layout.RECORD_SIZE}"
            f" {exchange + layout.log_offset(index):#x}"
            for index in everyone
        ),
    ]


def _with_mmu(image: bytes) -> bytes:
    """The stub, told to map its memory: uncached accesses of a guest need not agree with what the host sees."""
    patched = bytearray(image)
    (config,) = struct.unpack_from("<I", patched, layout.CONFIG_OFFSET)
    struct.pack_into("<I", patched, layout.CONFIG_OFFSET, config | layout.Config.MMU)
    return bytes(patched)


# --- the two kinds of host -------------------------------------------------------------------------------


def emulated(
    series: str = "latest",
    *,
    mode: str | None = None,
    kernel: str | Path | None = None,
    qemu: str | Path | None = None,
    packages: Packages | None = None,
    cpu: str = CPU,
    filters: Sequence[Filter] = (),
    handler: Handler | None = None,
    psci: str | None = None,
    limits: KvmLimits | None = None,
    patience: encode.Patience | None = None,
) -> KvmPeer:
    """The KVM of an arm64 kernel, which runs at EL2 of a machine that QEMU emulates.

    Args:
        series: which of the suites' kernels, such as 6.12; or `latest`.
        mode: what KVM is told by kvm-arm.mode, such as protected; default: it chooses.
        kernel: an arm64 Image of the user's own instead.
        qemu: the QEMU that emulates; default: the one on PATH, else one that was fetched.
        packages: where everything else comes from.
        cpu: QEMU's `-cpu`.
        filters: ranges of KVM's SMCCC filter.
        handler: who answers forwarded calls.
        psci: the version to judge against; default: the one that KVM reports, which a handler may hide.
        limits: how long to wait.
        patience: how long cores wait for each other.

    Raises:
        Missing: something is not on this machine and cannot be fetched.
    """
    packages = packages or Packages()
    found = packages.kernel(series) if kernel is None else own_kernel(kernel)
    program = packages.program(QEMU) if qemu is None else _own_program(qemu)
    archive = initrd.build(packages.python(), DRIVER, found.modules, packages.cache / "initrd")
    name = f"kvm:{series}" if kernel is None else f"kvm:{found.image}"
    told = f"kvm-arm.mode={mode}" if mode else ""
    parts = (f"{found}", told, f"{qemu_version(program)}, TCG, {cpu}")
    return KvmPeer(
        f"{name}+{mode}" if mode else name, "; ".join(filter(None, parts)),
        _qemu_command(program, cpu, found.image, archive, told),
        image=build.image(packages.find_or_fetch), filters=filters, handler=handler, psci=psci,
        limits=limits, patience=patience,
    )  # fmt: skip


def native(
    *,
    python: str | None = None,
    packages: Packages | None = None,
    filters: Sequence[Filter] = (),
    handler: Handler | None = None,
    psci: str | None = None,
    limits: KvmLimits | None = None,
    patience: encode.Patience | None = None,
) -> KvmPeer:
    """The KVM of the arm64 machine that this runs on; the arguments are those of `emulated`.

    Raises:
        Missing: this is not an arm64 machine with /dev/kvm.
    """
    missing = next((need for need in native_requirements() if need.found is None), None)
    if missing is not None:
        raise Missing(f"{missing.what} is not on this machine: {missing.remedy}")
    system = platform.uname()
    return KvmPeer(
        "kvm", f"{system.system} {system.release} {system.version} {system.machine}",
        [python or sys.executable, "-IS", str(DRIVER)], image=build.image((packages or Packages()).find_or_fetch),
        filters=filters, handler=handler, psci=psci, limits=limits, patience=patience,
    )  # fmt: skip


def peer(spec: str, *, kernel: str | Path | None = None, qemu: str | Path | None = None) -> KvmPeer:
    """The peer called `kvm`, `kvm:latest` or `kvm:SERIES`; with `kernel`, always an emulated host.

    Raises:
        Missing: something is not on this machine and cannot be fetched.
        PeerError: no peer has that name.
    """
    head, colon, series = spec.partition(":")
    if head != "kvm" or (colon and not re.fullmatch(r"latest|\d+\.\d+", series)):
        raise PeerError(f"{spec!r} names no KVM: give kvm (this machine's own), kvm:latest or kvm:SERIES (kvm:6.12)")
    if not colon and kernel is None and qemu is None:
        return native()
    return emulated(series or "latest", kernel=kernel, qemu=qemu)


def requirements(packages: Packages | None = None) -> list[Requirement]:
    """What the emulated peers need, and what of it is there."""
    packages = packages or Packages()
    return [packages.requirement(QEMU), *packages.kernel_requirements(), build.requirement(packages.find)]


def native_requirements() -> list[Requirement]:
    """What the native peer needs, and what of it is there."""
    machine = platform.machine()
    usable = os.access("/dev/kvm", os.R_OK | os.W_OK)
    return [
        Requirement(
            what="an arm64 processor", found=machine if machine in ("aarch64", "arm64") else None,
            remedy="use kvm:latest, which emulates one",
        ),
        Requirement(
            what="/dev/kvm", found="/dev/kvm" if usable else None,
            remedy="load KVM and give this user access to /dev/kvm, or use kvm:latest",
        ),
    ]  # fmt: skip


def _qemu_command(qemu: Path, cpu: str, kernel: Path, archive: Path, told: str) -> list[str]:
    cores = min(max(2, os.cpu_count() or 2), 4)
    return [
        str(qemu), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-accel", "tcg,thread=multi", "-M", "virt,virtualization=on,gic-version=3", "-cpu", cpu,
        "-smp", str(cores), "-m", "512", "-kernel", str(kernel), "-initrd", str(archive),
        "-append", f"{_KERNEL_ARGUMENTS} {told}".strip(),
        # The kernel's messages are the child's complaints; the driver has a port of its own.
        "-chardev", "file,id=console,path=/dev/stderr,append=on", "-serial", "chardev:console",
        "-chardev", "stdio,id=port,signal=off", "-device", "virtio-serial-pci",
        "-device", "virtserialport,chardev=port,name=psci",
    ]  # fmt: skip


def _own_program(path: str | Path) -> Path:
    found = shutil.which(str(path))
    if found is None:
        raise Missing(f"{path} is not a program: name a {QEMU} with --qemu")
    return Path(found)


def own_kernel(path: str | Path) -> Kernel:
    """A kernel that the user gave, described by the banner in its image.

    Raises:
        Missing: there is no such file, or it is not an arm64 Image.
    """
    image = Path(path)
    try:
        data = image.read_bytes()
    except OSError as error:
        raise Missing(f"{path} cannot be read ({error.strerror}): name an arm64 Image with --kernel") from error
    if data[:2] == b"\x1f\x8b":
        data = zlib.decompressobj(47).decompress(data)
    if data[0x38:0x3C] != b"ARM\x64":
        raise Missing(f"{path} is not an arm64 kernel: name arch/arm64/boot/Image with --kernel")
    banner = re.search(rb"Linux version ((\d+\.\d+)[^ ]*) [^\n]{0,300}", data)
    version = banner[1].decode("ascii", "replace") if banner else "unknown"
    return Kernel(series=banner[2].decode() if banner else "unknown", package=str(path), version=version, image=image)
