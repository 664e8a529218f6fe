"""A child cannot outlive us, cannot hang us and cannot flood us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from psci.host.requirements import Missing
from psci.oracle.peers.peer import PeerDied
from psci.oracle.peers.process import Child


def python(code: str, remember: int = 65536) -> Child:
    return Child([sys.executable, "-c", code], name="the child", remember=remember)


def gone(pid: int, seconds: float = 5.0) -> bool:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_a_program_that_is_not_there_is_missing() -> None:
    with pytest.raises(Missing, match="the child cannot be started: /not/there: No such file"):
        Child(["/not/there"], name="the child")


def test_what_is_written_can_be_read_back() -> None:
    with python("import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer, 1)") as child:
        child.write(b"hello", seconds=10)
        data = b""
        while len(data) < 5:
            data += child.read(seconds=10)
        assert data == b"hello"


def test_silence_ends_at_the_time_limit() -> None:
    with python("import time; time.sleep(60)") as child:
        with pytest.raises(PeerDied, match=r"the child gave no answer within 0\.2 s"):
            child.read(seconds=0.2)
        with pytest.raises(PeerDied, match=r"the child did not take its input within 0\.2 s"):
            child.write(bytes(10 << 20), seconds=0.2)


def test_the_last_words_of_a_program_are_quoted() -> None:
    with python("import sys; print('no such disk', file=sys.stderr); sys.exit(7)") as child:
        with pytest.raises(PeerDied, match="the child ended with status 7: no such disk"):
            child.read(seconds=10)
        with pytest.raises(PeerDied, match="the child ended with status 7: no such disk"):
            child.write(b"x" * (1 << 20), seconds=10)


def test_the_telling_line_is_quoted_where_it_is_known() -> None:
    code = "import sys; print('up', 'panic: no disk', 'registers', 'bye', sep='\\n', file=sys.stderr); sys.exit(7)"
    with (
        Child([sys.executable, "-c", code], name="the child", telling="panic: ") as child,
        pytest.raises(PeerDied, match="the child ended with status 7: panic: no disk"),
    ):
        child.read(seconds=10)


def test_a_flood_of_complaints_is_bounded() -> None:
    code = "import sys\nfor n in range(200): sys.stderr.write(f'{n} ' * 10000)\nprint('done', flush=True)"
    with python(code, remember=100_000) as child:
        assert child.read(seconds=20).startswith(b"done")
        child.end()
        assert len(child.complaints()) < 300_000
        assert child.complaints().endswith("199 ")


def test_ending_takes_its_children_along_and_may_be_repeated() -> None:
    code = (
        "import subprocess, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(subprocess.Popen(['sleep', '60']).pid, flush=True)\n"
        "time.sleep(60)"
    )
    child = python(code)
    grandchild = int(child.read(seconds=10))
    child.end()
    child.end()
    assert not child.alive()
    assert gone(grandchild)


def test_a_child_dies_with_us_however_we_end() -> None:
    code = (
        "import sys, time\n"
        "from psci.oracle.peers.process import Child\n"
        "child = Child(['sleep', '60'], name='sleep')\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout
    pid = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert gone(pid)
