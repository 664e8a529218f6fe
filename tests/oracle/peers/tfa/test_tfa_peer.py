"""A real Trusted Firmware-A runs programs of the Normal world, and its traces tell what happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from psci.host.requirements import Missing
from psci.model.events import BootEvent, EnterEvent, Event, MachineEvent, ReturnEvent, SystemEvent, TimeoutEvent
from psci.oracle import peers
from psci.oracle.peers import Peer, PeerError
from psci.oracle.peers.program import CallStep, EntrySlot, PauseStep, Program, ProgramStep
from psci.oracle.peers.tfa import adapter

VERSION, OFF, ON, INFO, FEATURES = 0x8400_0000, 0x8400_0002, 0xC400_0003, 0xC400_0004, 0x8400_000A
SYSTEM_RESET, SYSTEM_SUSPEND = 0x8400_0009, 0xC400_000E
NOT_SUPPORTED = (1 << 64) - 1


def opened(name: str) -> Iterator[Peer]:
    try:
        peer = peers.open_peer(peers.request_for(name))
    except Missing as missing:
        pytest.skip(f"REAL PEER NOT TESTED: {missing}")
    yield peer
    peer.close()


@pytest.fixture(scope="module")
def raspberry() -> Iterator[Peer]:
    yield from opened("tfa")


@pytest.fixture(scope="module")
def imx() -> Iterator[Peer]:
    yield from opened("tfa:imx8mm")


def call(turn: int, cpu: int, fn: int, *args: int | EntrySlot, returns: bool = True) -> CallStep:
    return CallStep(turn=turn, cpu=cpu, fn=fn, args=args, returns=returns)


def run(peer: Peer, *lives: tuple[ProgramStep, ...], cpus: int = 4) -> tuple[Event, ...]:
    (trace,) = peer.run([Program(cpus=cpus, lives=lives)])
    return trace


def answers(trace: tuple[Event, ...], cpu: int = 0) -> list[int]:
    return [event.x0 for event in trace if isinstance(event, ReturnEvent) and event.cpu == cpu]


@pytest.mark.peer
def test_the_normal_world_runs_at_el2_calls_by_smc_and_the_trace_tells_what_was_changed(raspberry: Peer) -> None:
    trace = run(raspberry, (call(0, 0, VERSION),), cpus=2)
    machine = trace[0]
    assert isinstance(machine, MachineEvent)
    # The board has four cores, whatever a program uses.
    assert (machine.cpus, machine.conduit, machine.psci) == ((0, 1, 2, 3), "smc", "1.1")
    assert machine.cores is not None and machine.cores[0]["el"] == 2
    assert machine.extra["x-changed-firmware"] == adapter.WARM_RESET_NOTE
    assert answers(trace) == [0x1_0001]


@pytest.mark.peer
def test_a_core_goes_off_and_starts_again(raspberry: Peer) -> None:
    trace = run(raspberry, (
        call(0, 0, ON, 3, EntrySlot(1), 11), call(1, 3, VERSION), call(2, 3, OFF, returns=False),
        # A core that reads OFF here may not have arrived where a start wakes it: see the lost start in README.md.
        PauseStep(turn=3, cpu=0, microseconds=1_000_000),
        call(4, 0, INFO, 3, 0), call(5, 0, ON, 3, EntrySlot(2), 12), call(6, 3, VERSION),
    ))  # fmt: skip
    assert answers(trace) == [0, 1, 0]
    assert [(event.cpu, event.x0) for event in trace if isinstance(event, EnterEvent)] == [(3, 11), (3, 12)]


@pytest.mark.peer
def test_a_reset_begins_a_second_life(raspberry: Peer) -> None:
    trace = run(raspberry, (call(0, 0, SYSTEM_RESET, returns=False),), (call(0, 0, VERSION),))
    kinds = [type(event) for event in trace]
    assert kinds.count(SystemEvent) == kinds.count(BootEvent) == 1
    assert answers(trace) == [0x1_0001]


@pytest.mark.peer
def test_the_other_board_has_suspend_and_the_silence_of_a_core_without_power_is_not_told(imx: Peer) -> None:
    trace = run(imx, (
        call(0, 0, FEATURES, SYSTEM_SUSPEND), call(1, 0, INFO, 1, 0), call(2, 0, ON, 1, EntrySlot(1), 0),
        call(3, 0, INFO, 1, 0),
    ))  # fmt: skip
    assert answers(trace) == [0, 1, 0, 2]
    assert not any(isinstance(event, TimeoutEvent) for event in trace)


@pytest.mark.peer
def test_a_board_has_four_cores(raspberry: Peer) -> None:
    assert answers(run(raspberry, (call(0, 0, VERSION),), cpus=5)) == [0x1_0001]
    with pytest.raises(PeerError, match="step 0: core 4, but the machine has 4"):
        run(raspberry, (call(0, 4, VERSION),), cpus=5)


def test_only_the_wait_for_a_warm_reset_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    firmware = tmp_path / "bl31.bin"
    firmware.write_bytes(b"before" * 2 + adapter._WAIT_FOR_RESET + b"behind")
    changed = adapter._with_warm_reset(firmware).read_bytes()
    assert changed == b"before" * 2 + adapter._RESET_BY_HAND + b"behind"


@pytest.mark.parametrize("content", [b"nothing of the kind", 2 * adapter._WAIT_FOR_RESET])
def test_a_firmware_of_another_platform_is_refused(tmp_path: Path, content: bytes) -> None:
    firmware = tmp_path / "bl31.bin"
    firmware.write_bytes(content)
    with pytest.raises(PeerError, match=r"not a bl31\.bin of the platform rpi4"):
        adapter.raspberry(firmware, tmp_path / "stub")
