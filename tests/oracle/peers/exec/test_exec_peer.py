"""Any program that speaks the protocol is a peer: it is judged, and what it does wrong is told with what led there."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from house import ROOT

from psci.host.requirements import Missing
from psci.model.errors import InputError
from psci.model.events import (
    CallEvent,
    EndEvent,
    EnterEvent,
    Event,
    MachineEvent,
    ReturnEvent,
    SystemEvent,
    TimeoutEvent,
)
from psci.oracle import peers
from psci.oracle.campaign.campaign import Campaign, CampaignPlan, CampaignResult
from psci.oracle.campaign.judging import DeviationKey
from psci.oracle.peers.exec.adapter import ExecLimits, ExecPeer
from psci.oracle.peers.peer import Garbled, Hung, PeerDied
from psci.oracle.peers.program import CallStep, EntrySlot, PauseStep, Program, ProgramStep, WakeStep

EXAMPLES = ROOT / "oracle" / "peers" / "exec" / "examples"
VERSION, SUSPEND, OFF, ON, SYSTEM_OFF = 0x8400_0000, 0xC400_0001, 0x8400_0002, 0xC400_0003, 0x8400_0008
ALL_64 = (1 << 64) - 1


def python(path: Path) -> str:
    return shlex.join([sys.executable, str(path)])


def changed(tmp_path: Path, old: str, new: str) -> str:
    """The example in Python, with a mistake in it."""
    text = (EXAMPLES / "small_psci.py").read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / "changed.py"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return python(path)


def run(command: str, *life: ProgramStep, cpus: int = 2, limits: ExecLimits | None = None) -> tuple[Event, ...]:
    peer = ExecPeer(command, limits=limits)
    try:
        (trace,) = peer.run([Program(cpus=cpus, lives=(life,))])
        return tuple(trace)
    finally:
        peer.close()


def campaign(command: str, calls: int = 300) -> CampaignResult:
    peer = ExecPeer(command)
    try:
        return Campaign(CampaignPlan(seed=1, calls=calls), peer, lambda: peer).run()
    finally:
        peer.close()


EXAMPLE = python(EXAMPLES / "small_psci.py")


def test_the_example_is_shorter_than_60_lines() -> None:
    assert len((EXAMPLES / "small_psci.py").read_text(encoding="utf-8").splitlines()) < 60


def test_a_trace_holds_what_was_sent_and_what_was_said() -> None:
    trace = run(
        EXAMPLE,
        CallStep(turn=0, cpu=0, fn=ON, args=(1, EntrySlot(1), 7)),
        CallStep(turn=1, cpu=1, fn=VERSION),
        CallStep(turn=2, cpu=0, fn=SYSTEM_OFF, returns=False),
    )
    assert trace == (
        MachineEvent(psci="0.2", cpus=(0, 1), peer="small_psci 1"),
        CallEvent(cpu=0, fn=ON, args=(1, 0x4000_1000, 7)),
        ReturnEvent(cpu=0, x0=0),
        EnterEvent(cpu=1, pc=0x4000_1000, x0=7),
        CallEvent(cpu=1, fn=VERSION),
        ReturnEvent(cpu=1, x0=2),
        CallEvent(cpu=0, fn=SYSTEM_OFF),
        SystemEvent(event="off", flags=0),
        EndEvent(why="done"),
    )


def test_a_program_may_say_that_it_cannot_tell_a_power_off_from_a_hibernation(tmp_path: Path) -> None:
    either = changed(tmp_path, 'event=["off", "reset"][fn & 1]', '**{"event": "off", "x-either": True}')
    trace = run(either, CallStep(turn=0, cpu=0, fn=SYSTEM_OFF, returns=False))
    assert trace[-2] == SystemEvent(event="off", extra={"x-either": True})


def test_calls_of_one_turn_are_open_together() -> None:
    start = CallStep(turn=0, cpu=0, fn=ON, args=(1, EntrySlot(1), 7))
    both = (CallStep(turn=2, cpu=0, fn=VERSION), CallStep(turn=2, cpu=1, fn=VERSION))
    trace = run(EXAMPLE, start, PauseStep(turn=1, cpu=0, microseconds=1000), *both)
    assert [event.k for event in trace] == [
        "machine", "call", "return", "enter", "call", "call", "return", "return", "end",
    ]  # fmt: skip


def test_a_core_that_was_turned_on_may_be_asked_about_before_it_runs() -> None:
    twice = [CallStep(turn=turn, cpu=0, fn=ON, args=(1, EntrySlot(turn + 1), 7)) for turn in (0, 1)]
    answers = [event.x0 for event in run(EXAMPLE, *twice) if isinstance(event, ReturnEvent)]
    assert answers == [0, ALL_64 - 4]


def test_a_call_that_does_not_return_times_out_when_the_program_has_settled() -> None:
    sleep = CallStep(turn=0, cpu=0, fn=SUSPEND, args=(0, 0, 0), returns=False)
    assert run(EXAMPLE, sleep)[-2:] == (TimeoutEvent(cpu=0), EndEvent(why="done"))
    woken = run(EXAMPLE, WakeStep(turn=0, cpu=0, target=0), sleep)
    assert woken[-2:] == (ReturnEvent(cpu=0, x0=0), EndEvent(why="done"))


def test_the_outside_wakes_whoever_still_sleeps_when_nothing_else_happens() -> None:
    wake = WakeStep(turn=1, cpu=0, target=0, late=True)
    asleep = run(EXAMPLE, CallStep(turn=0, cpu=0, fn=SUSPEND, args=(0, 0, 0), returns=False), wake)
    assert [event.k for event in asleep] == ["machine", "call", "wake", "return", "end"]
    refused = run(EXAMPLE, CallStep(turn=0, cpu=0, fn=SUSPEND, args=(1 << 31, 0, 0)), wake)
    assert [event.k for event in refused] == ["machine", "call", "return", "end"]


def test_a_silent_call_does_not_hang_the_others(tmp_path: Path) -> None:
    silent = changed(tmp_path, "return 0x0000_0002", "return None")
    start = CallStep(turn=0, cpu=0, fn=ON, args=(1, EntrySlot(1), 7))
    trace = run(silent, start, CallStep(turn=1, cpu=0, fn=VERSION), CallStep(turn=2, cpu=1, fn=OFF, returns=False))
    assert [event for event in trace if isinstance(event, CallEvent)][-1] == CallEvent(cpu=1, fn=OFF)
    assert [event for event in trace if isinstance(event, TimeoutEvent)] == [TimeoutEvent(cpu=0), TimeoutEvent(cpu=1)]


@pytest.mark.parametrize("language", ["python", "c"])
def test_the_examples_conform(language: str, tmp_path: Path) -> None:
    command = EXAMPLE
    if language == "c":
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("no C compiler on this machine")
        command = str(tmp_path / "small_psci")
        source = EXAMPLES / "small_psci.c"
        subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "-o", command, source], check=True, timeout=60)
    result = campaign(command)
    assert (result.found, result.problems, result.died) == ({}, [], [])
    assert result.calls >= 300 and result.overlap.calls > 10


@pytest.mark.parametrize(
    ("old", "new", "function"),
    [
        ("hex(entry[cpu][1])", "hex(entry[cpu][1] & 0xFFFF)", "ENTER"),
        ('"ON": ALREADY_ON', '"ON": ON_PENDING', "CPU_ON"),
        ('(2, "ON_PENDING")', '(1, "ON_PENDING")', "AFFINITY_INFO"),
    ],
)
def test_a_mistake_in_an_example_is_found(old: str, new: str, function: str, tmp_path: Path) -> None:
    assert function in {key.what for key in campaign(changed(tmp_path, old, new)).found}


@pytest.mark.parametrize(
    ("new", "kind", "words"),
    [
        ("sys.exit(3)", PeerDied, "ended with status 3"),
        ("__import__('time').sleep(60)", Hung, "did not settle within 0.5 s"),
        ("print('hello', flush=True)", Garbled, "said 'hello': not a line of JSON"),
        ("say('jump', cpu='0x0')", Garbled, "unknown kind 'jump'"),
        ("say('call', cpu='0x0', fn='0x0', args=[])", Garbled, "a program does not say `call`"),
        ("say('return', cpu='0x0', x0=5)", Garbled, "`x0`: must be a hex string"),
        ("say('return', cpu='0x7', x0='0x0')", Garbled, "the machine has no such core"),
        ("say('return', cpu='0x1', x0='0x0')", Garbled, "a return of a core that made no call"),
        ("print('x' * 70_000, flush=True)", Garbled, "a line of more than 65536 bytes"),
        ("[say('system', event='suspend') for _ in range(300)]", Garbled, "more than 100 lines"),
    ],
)
def test_what_is_no_answer_is_told_with_what_led_there(
    new: str, kind: type[PeerDied], words: str, tmp_path: Path
) -> None:
    command = changed(tmp_path, "return 0x0000_0002", f"return [{new}] and None")
    with pytest.raises(kind, match=words.replace("`", ".")) as caught:
        run(command, CallStep(turn=0, cpu=0, fn=VERSION), limits=ExecLimits(answer=0.5, lines=100))
    assert caught.type is kind
    assert caught.value.trace[1] == CallEvent(cpu=0, fn=VERSION)


def test_a_crash_is_a_finding_with_the_program_that_causes_it(tmp_path: Path) -> None:
    result = campaign(changed(tmp_path, "power.update({cpu: ", "power.update({cpu[0]: "))
    found = result.found[DeviationKey("PEER", "crashes", ())]
    assert "TypeError: 'int' object is not subscriptable" in found.deviation.finding.observed
    assert found.count > 1 and result.gave_up


def test_a_program_of_another_protocol_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Garbled, match='no "protocol": 1'):
        run(changed(tmp_path, "protocol=1", "protocol=2"), CallStep(turn=0, cpu=0, fn=VERSION))


def test_a_machine_with_too_few_cores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Garbled, match="a machine of 2 cores was asked for"):
        run(changed(tmp_path, "cpus=list(map(hex, power))", "cpus=['0x0']"), CallStep(turn=0, cpu=0, fn=VERSION))


def test_a_program_that_is_not_there_is_missing() -> None:
    with pytest.raises(Missing, match="no-such-program is not on this machine"):
        ExecPeer("no-such-program --fast")


@pytest.mark.parametrize("name", ["exec", "exec:", "exec: ", "exec:COMMAND"])
def test_exec_without_a_command_is_no_peer(name: str) -> None:
    with pytest.raises(InputError, match="unknown peer"):
        peers.request_for(name)


def test_a_command_with_an_open_quote_is_bad_input() -> None:
    with pytest.raises(InputError, match="quote it as for a shell"):
        peers.open_peer(peers.request_for('exec:run "it'))
