"""A guest that knows nothing of it is recorded, and its trace is judged."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import pytest
from recorded_guest import AFFINITY_INFO, CONTEXT, CPU_OFF, CPU_ON, ENTRY, SYSTEM_OFF, VERSION, guest

from psci.cli.main import run
from psci.host.packages import Packages
from psci.host.qemu import qemu_version
from psci.host.requirements import Missing
from psci.model.events import BootEvent, CallEvent, EndEvent, EnterEvent, Event, MachineEvent, ReturnEvent
from psci.oracle.checker.checker import check
from psci.oracle.logs.importing.log import LogError, LogLines
from psci.oracle.logs.importing.machine import LogTerms
from psci.oracle.logs.recording.reading import REMEDY, read_recorder
from psci.oracle.logs.recording.recorder import build, interface
from psci.oracle.traces.file import read_trace

EL1, EL2 = 0x3C5, 0x3C9
ON, OFF = 0, 1


def line(kind: str, cpu: int, pc: int, *registers: int, cpsr: int = EL1, vmpidr: int = 0) -> str:
    words = (pc, cpsr, vmpidr, *registers, *[0] * (18 - len(registers)))
    return f"{kind} {cpu} {' '.join(f'{word:x}' for word in words)}\n"


def read(text: str, level: int | None = None, terms: LogTerms | None = None) -> list[Event]:
    return read_recorder(LogLines(io.BytesIO(text.encode()), "log"), terms or LogTerms(psci="1.1"), level)


def qemu() -> str:
    """A QEMU whose plugins read registers: `PSCI_RECORDING_QEMU`, or what this machine has."""
    named = os.environ.get("PSCI_RECORDING_QEMU")
    path = Path(named) if named else Packages().find("qemu-system-aarch64")
    try:
        if path is None:
            raise Missing("qemu-system-aarch64 is not on this machine: run `psci peers install`")
        build(interface(qemu_version(path)))
    except Missing as missing:
        pytest.skip(f"NOTHING WAS RECORDED: {missing}")
    return str(path)


@pytest.mark.peer
def test_a_guest_is_recorded_and_judged(tmp_path: Path) -> None:
    program, image, trace = qemu(), tmp_path / "guest", tmp_path / "trace.ndjson"
    image.write_bytes(guest())
    machine = ["-nodefaults", "-M", "virt", "-cpu", "max", "-smp", "2", "-m", "64", "-display", "none", "-nic", "none"]
    assert run(["record", "-o", str(trace), "--", program, *machine, "-no-reboot", "-kernel", str(image)]) == 0
    events = list(read_trace(trace))
    assert events[0] == MachineEvent(psci="1.1", cpus=(0, 1), boot_cpu=0, conduit="hvc", peer="recorded in QEMU")
    of_first = [event for event in events if getattr(event, "cpu", None) == 0]
    calls = [(event.fn, event.args[:1]) for event in of_first if isinstance(event, CallEvent)]
    assert [fn for fn, _ in calls] == [VERSION, CPU_ON, CPU_ON, AFFINITY_INFO, SYSTEM_OFF]
    answers = [event.x0 for event in of_first if isinstance(event, ReturnEvent)]
    assert answers[:3] == [0x1_0001, 0, (1 << 64) - 2]
    assert answers[3] in (ON, OFF)
    assert [event for event in events if isinstance(event, EnterEvent)] == [
        EnterEvent(cpu=1, pc=ENTRY, x0=CONTEXT, el=1)
    ]
    assert [event.fn for event in events if isinstance(event, CallEvent) and event.cpu == 1] == [CPU_OFF]
    assert check(events).verdict.value == "conforms"


def test_calls_returns_entries_and_boots_are_told_apart() -> None:
    text = line("hvc", 0, 0x400, CPU_ON, 1, ENTRY, CONTEXT) + line("ran", 1, ENTRY, CONTEXT) + line("ran", 0, 0x404, 0)
    text += line("ran", 1, ENTRY, 5) + line("hvc", 1, 0x500, CPU_OFF) + line("hvc", 0, 0x400, 0x8400_0009)
    text += line("hvc", 0, 0x400, VERSION) + line("ran", 0, 0x404, 0x1_0001)
    on = CallEvent(cpu=0, fn=CPU_ON, args=(1, ENTRY, CONTEXT))
    assert read(text)[1:] == [
        on,
        EnterEvent(cpu=1, pc=ENTRY, x0=CONTEXT, el=1),
        ReturnEvent(cpu=0, x0=0),
        CallEvent(cpu=1, fn=CPU_OFF, args=(0, 0, 0)),
        CallEvent(cpu=0, fn=0x8400_0009, args=(0, 0, 0)),
        BootEvent(cpu=0, cause="unknown"),
        CallEvent(cpu=0, fn=VERSION, args=(0, 0, 0)),
        ReturnEvent(cpu=0, x0=0x1_0001),
    ]


def test_a_trace_ends_where_the_return_of_a_call_was_not_seen() -> None:
    text = line("hvc", 0, 0x400, VERSION) + line("ran", 0, 0x404, 0x1_0001) + 2 * line("hvc", 0, 0x500, VERSION)
    why = "log:4: core 0x0 calls again, and its call at line 3 did not return to 0x504; " + REMEDY
    assert read(text)[3:] == [CallEvent(cpu=0, fn=VERSION, args=(0, 0, 0)), EndEvent(why=why)]


def test_a_guest_below_a_hypervisor_is_followed_from_cpu_to_cpu() -> None:
    text = line("hvc", 3, 0x400, VERSION, vmpidr=0x8000_0001) + line("smc", 3, 0x900, VERSION, cpsr=EL2)
    text += line("ran", 3, 0x904, 7, cpsr=EL2) + line("ran", 2, 0x404, 0x1_0001, vmpidr=0x8000_0001)
    assert read(text)[1:] == [CallEvent(cpu=1, fn=VERSION, args=(0, 0, 0)), ReturnEvent(cpu=1, x0=0x1_0001)]
    assert read(text, level=2)[1:] == [CallEvent(cpu=3, fn=VERSION, args=(0, 0, 0)), ReturnEvent(cpu=3, x0=7)]


@pytest.mark.parametrize("text", ["hvc\n", "hvc 0 1 2\n", line("fly", 0, 0), line("hvc", 0, 0).replace(" 0 ", " z ", 1),
                                  line("hvc", 0, 1 << 64)])  # fmt: skip
def test_a_line_that_the_recorder_cannot_have_written_is_told(text: str) -> None:
    with pytest.raises(LogError, match="log:1: not a line of the recorder"):
        read(text)


@pytest.mark.parametrize(("version", "api"), [("QEMU emulator version 11.1.3 (Debian)", 7),
                                              ("QEMU emulator version 10.0.13", 4)])  # fmt: skip
def test_the_plugin_is_built_for_the_interface_of_this_qemu(version: str, api: int) -> None:
    assert interface(version) == api


def test_an_old_qemu_is_named_and_what_is_needed() -> None:
    with pytest.raises(Missing, match=r"version 7\.2\.22: recording needs QEMU 10 or newer"):
        interface("QEMU emulator version 7.2.22")


def test_a_missing_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(Missing, match="no-such-compiler, a C compiler, is not on this machine: install gcc or clang"):
        build(7, tmp_path)


@pytest.mark.parametrize("api", [4, 7])
def test_the_plugin_builds_without_a_warning(api: int, tmp_path: Path) -> None:
    if shutil.which(os.environ.get("CC") or "cc") is None:
        pytest.skip("THE RECORDER WAS NOT BUILT: no C compiler on this machine")
    assert build(api, tmp_path).stat().st_size > 0


@pytest.mark.parametrize(
    ("words", "status", "error"),
    [
        (["no-such-qemu"], 3, "no-such-qemu is not on this machine: install it, or give its path"),
        (["true"], 3, "true --version did not answer like QEMU (status 0)"),
    ],
)
def test_what_is_missing_is_one_line_and_status_3(
    words: list[str], status: int, error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["record", "-o", str(tmp_path / "trace"), "--", *words]) == status
    assert capsys.readouterr().err.endswith(f"{error}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["record", "-o", str(tmp_path / "no" / "trace"), "--", "no-such-qemu"]) == 2
    assert capsys.readouterr().err == f"psci: {tmp_path}/no is no folder: make it, or write the trace elsewhere\n"
