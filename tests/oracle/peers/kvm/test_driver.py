"""The driver's frames and plans, and an adapter that faces a hostile driver."""

from __future__ import annotations

import os
import struct
import sys
import zlib
from pathlib import Path

import pytest

from psci.host.requirements import Missing
from psci.oracle.peers.kvm import driver
from psci.oracle.peers.kvm.adapter import Filter, KvmLimits, KvmPeer, own_kernel, peer
from psci.oracle.peers.peer import PeerDied, PeerError
from psci.oracle.peers.program import CallStep, Program
from psci.oracle.peers.stub import layout

# --- frames ----------------------------------------------------------------------------------------------


def frame(lines: list[str], data: bytes = b"") -> bytes:
    payload = "\n".join(lines).encode() + b"\n\n" + data
    return struct.pack("<4sII", b"PSCI", len(payload), zlib.crc32(payload)) + payload


def received(data: bytes) -> tuple[list[list[str]], bytes] | None:
    source, sink = os.pipe()
    os.write(sink, data)
    os.close(sink)
    try:
        request = driver.Channel(source, -1).receive()
    finally:
        os.close(source)
    return None if request is None else (request[0], bytes(request[1]))


def test_a_frame_is_words_and_bytes() -> None:
    assert received(frame(["run", "cpus 2"], b"\n\n\0")) == ([["run"], ["cpus", "2"]], b"\n\n\0")


def test_a_channel_that_ends_is_no_request() -> None:
    assert received(b"") is None
    assert received(frame(["run"])[:-1]) is None


@pytest.mark.parametrize("data", [b"hello, this is not a frame", frame(["run"])[:-1] + b"?"], ids=["text", "damaged"])
def test_what_is_not_a_frame_is_refused_by_the_driver(data: bytes) -> None:
    with pytest.raises(ValueError, match="the request is"):
        received(data)


def test_a_plan_takes_its_bytes_in_the_order_of_its_lines() -> None:
    lines = "cpus 2|ram 0x1000 4096|load 0x1000 2|loadkept 0x1800 image|load 0x1100 1|psci 0x10001|filter 8 1 2|cap 216"
    plan = driver.LifePlan([line.split() for line in lines.split("|")], memoryview(b"abc"), {"image": b"I"})
    assert [(address, bytes(data)) for address, data in plan.loads] == [(0x1000, b"ab"), (0x1800, b"I"), (0x1100, b"c")]
    assert (plan.cpus, plan.ram, plan.words["psci"], plan.filters, plan.caps) == (
        2, (0x1000, 4096), 0x10001, [(8, 1, 2)], [216],
    )  # fmt: skip


# --- a hostile driver ------------------------------------------------------------------------------------

PRELUDE = """
import os, struct, sys, time, zlib
def send(lines, data=b"", crc=None):
    payload = "\\n".join(lines).encode() + b"\\n\\n" + data
    crc = zlib.crc32(payload) if crc is None else crc
    os.write(1, struct.pack("<4sII", b"PSCI", len(payload), crc) + payload)
def take():
    head = sys.stdin.buffer.read(12)
    if len(head) < 12: sys.exit(0)
    return sys.stdin.buffer.read(struct.unpack_from("<I", head, 4)[0])
HELLO = ["hello 1", "release 7", "frequency 62500000", "processors 2"]
LIFE = ["life", "why done", "psci 0x10003", "clock exact", "mpidrs 0x0", "untold 0"]
"""
PROGRAM = Program(cpus=1, lives=((CallStep(turn=0, cpu=0, fn=0x8400_0000),),))
GREETED = "send(HELLO); take(); send(['kept']); take();"
PROBED = f"{GREETED} send(LIFE); take();"

HOSTILE = {
    "silence": ("time.sleep(60)", "gave no answer within 1 s"),
    "an early end": ("sys.exit('no /dev/kvm')", "ended with status 1: no /dev/kvm"),
    "text": ("os.write(1, b'Linux version 7.2 booting ...')", "what is not a frame: b'Linux version 7.2 booting"),
    "a damaged frame": ("send(HELLO, crc=1)", "a damaged frame"),
    "two frames in one": ("send(['x']) or os.write(1, b'y' * 40); time.sleep(9)", "(did not say hello|damaged frame)"),
    "an endless frame": (
        "os.write(1, struct.pack('<4sII', b'PSCI', 1 << 31, 0)); time.sleep(60)", "what is not a frame",
    ),
    "half a frame": ("os.write(1, struct.pack('<4sII', b'PSCI', 99, 0)); time.sleep(60)", "gave no answer within 1 s"),
    "a wrong hello": ("send(['hello 2'])", "did not say hello"),
    "a hello without a clock": ("send(['hello 1', 'frequency fast'])", "did not say hello"),
    "no life": (f"{GREETED} send(['what?'])", r"the driver's reply cannot be read \(ValueError: no life\)"),
    "a life without facts": (f"{GREETED} send(['life'])", r"cannot be read \(KeyError"),
    "numbers that are none": (f"{GREETED} send([*LIFE, 'told a b c'])", r"cannot be read \(ValueError"),
    "more memory than there is": (f"{GREETED} send([*LIFE, 'dump 0x1000 99'], b'x')", r"\(ValueError: 99 bytes of 1\)"),
    "less than no memory": (f"{GREETED} send([*LIFE, 'dump 0x1000 -1'], b'x')", r"\(ValueError: -1 bytes of 1\)"),
    "an event without words": (f"{GREETED} send([*LIFE, 'told 1 2 system'])", r"told system  between 1 and 2"),
    "a core that is not there": (f"{GREETED} send([*LIFE, 'told 1 2 final 1 0'])", "ValueError: told final 1 0"),
    "time that goes backwards": (f"{GREETED} send([*LIFE, 'told 2 1 final 0 0'])", "between 2 and 1"),
    "an end in the middle of a life": (f"{PROBED} os._exit(3)", "ended with status 3"),
    "a life without a word": (f"{PROBED} time.sleep(60)", r"gave no answer within 1\.5 s"),
}  # fmt: skip


def hostile(tmp_path: Path, code: str) -> KvmPeer:
    script = tmp_path / "driver.py"
    script.write_text(PRELUDE + code)
    image = tmp_path / "stub.bin"
    image.write_bytes(bytes(0x100))
    limits = KvmLimits(start=1.0, life=0.5, grace=1.0)
    return KvmPeer("kvm:hostile", "none", [sys.executable, str(script)], image=image, limits=limits)


@pytest.mark.parametrize(("code", "message"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_driver_is_one_line(tmp_path: Path, code: str, message: str) -> None:
    with hostile(tmp_path, code) as kvm:
        with pytest.raises(PeerDied, match=message) as caught:
            list(kvm.run([PROGRAM]))
        assert "\n" not in str(caught.value)


def memory_of(records: bytes, count: int, status: int = layout.Status.FINISHED) -> str:
    """The code of a driver whose life has these logs."""
    exchange = 0x4100_0000
    block = bytearray(layout.CORE_SIZE * (layout.MAX_CORES + 1))
    struct.pack_into("<I", block, layout.C_STATUS, status)
    struct.pack_into("<I", block, layout.C_COUNT, count)
    dumps = [
        f"dump {exchange + layout.CORES_OFFSET:#x} {len(block)}",
        f"dump {exchange + layout.log_offset(0):#x} {len(records)}",
    ]
    return f"{PROBED} send([*LIFE, *{dumps!r}], {bytes(block) + records!r}); time.sleep(60)"


@pytest.mark.parametrize(
    ("records", "count", "status"),
    [
        (b"", 0, layout.Status.FINISHED),
        (b"", 5, layout.Status.FINISHED),
        (b"\xff" * layout.RECORD_SIZE, 1, layout.Status.FINISHED),
        (b"\xff" * layout.RECORD_SIZE, 1 << 31, layout.Status.FINISHED),
        (b"\0" * layout.RECORD_SIZE, 1, 77),
        (b"\0" * 7, 1, layout.Status.FINISHED),
    ],
    ids=["no log", "no records", "ones", "too many", "no such status", "a short record"],
)
def test_memory_that_the_stub_cannot_have_written_is_refused(
    tmp_path: Path, records: bytes, count: int, status: int
) -> None:
    with hostile(tmp_path, memory_of(records, count, status)) as kvm, pytest.raises(PeerError) as caught:
        list(kvm.run([PROGRAM]))
    assert "\n" not in str(caught.value)


def test_what_the_kernel_refuses_is_explained(tmp_path: Path) -> None:
    code = f"{GREETED} send(['failed', 'ioctl KVM_HAS_DEVICE_ATTR EINVAL', 'Invalid argument']); time.sleep(60)"
    with hostile(tmp_path, code) as kvm, pytest.raises(PeerError, match=r"has no SMCCC filter \(it came with 6\.4\)"):
        list(kvm.run([PROGRAM]))


# --- what a person types ---------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["kvm:", "kvm:new", "kvm:6", "qemu", "kvm:6.12.1", ""])
def test_what_names_no_kvm_is_refused(spec: str) -> None:
    with pytest.raises(PeerError, match="names no KVM: give kvm"):
        peer(spec)


def test_a_program_that_cannot_be_run_is_refused_before_anything_starts(tmp_path: Path) -> None:
    kvm = hostile(tmp_path, "sys.exit(9)")
    for program, message in (
        (Program(cpus=0, lives=()), "a program with 0 cores: this peer runs 1 to 8"),
        (Program(cpus=9, lives=()), "a program with 9 cores"),
        (Program(cpus=1, lives=(), options={"speed": "11"}), r"option 'speed': KVM has system_suspend \(on, off\)"),
        (Program(cpus=1, lives=(), options={"system_suspend": "maybe"}), "on or off"),
    ):
        with pytest.raises(PeerError, match=message):
            list(kvm.run([program]))


def test_a_version_that_is_no_number_is_refused(tmp_path: Path) -> None:
    with hostile(tmp_path, f"{PROBED} time.sleep(60)") as kvm, pytest.raises(PeerError, match=r"give MAJOR\.MINOR"):
        list(kvm.run([Program(cpus=1, psci="1.3-alpha", lives=PROGRAM.lives)]))


def test_a_kernel_of_the_users_own_is_described_by_its_banner(tmp_path: Path) -> None:
    image = tmp_path / "Image"
    image.write_bytes(bytes(0x38) + b"ARM\x64" + b"Linux version 6.14.0-rc2 (me@home) #1 SMP\n")
    kernel = own_kernel(image)
    assert (kernel.series, kernel.version, kernel.package) == ("6.14", "6.14.0-rc2", str(image))


def test_what_is_no_arm64_kernel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bzImage").write_bytes(b"MZ" * 100)
    with pytest.raises(Missing, match="is not an arm64 kernel"):
        own_kernel(tmp_path / "bzImage")
    with pytest.raises(Missing, match="cannot be read"):
        own_kernel(tmp_path / "nothing")


def test_a_filter_forwards_unless_it_is_told_otherwise() -> None:
    assert Filter(base=0x8400_0000) == Filter(base=0x8400_0000, count=1, action="forward")
