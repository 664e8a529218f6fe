"""One QEMU process and the conversation with it; nothing here can hang, and nothing outlives us."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import signal
import socket
import subprocess
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from qemu.qmp import QMPClient, QMPError

from psci.host.children import die_with
from psci.host.requirements import Missing
from psci.oracle.peers.peer import PeerDied

T = TypeVar("T")
_KEPT_OUTPUT = 4096

# The library logs a lost connection as an error; here that is an ordinary event with its own message.
logging.getLogger("qemu.qmp").addHandler(logging.NullHandler())


class QemuProcess:
    """A running QEMU with its QMP monitor, which a thread of our own serves."""

    def __init__(
        self,
        command: Sequence[str],
        pass_fds: Sequence[int] = (),
        *,
        start_seconds: float = 20.0,
        answer_seconds: float = 10.0,
    ) -> None:
        """Start `command` (the monitor's arguments are added) and wait until it answers.

        Args:
            command: the program and its arguments.
            pass_fds: open files that it inherits, under the same numbers.
            start_seconds: how long it may take until its monitor answers.
            answer_seconds: how long any later answer may take.

        Raises:
            Missing: the program cannot be started.
            PeerDied: it ended, or did not answer within the time limit.
        """
        self._answer_seconds = answer_seconds
        self._events: deque[tuple[str, Mapping[str, Any]]] = deque()
        self._arrived = threading.Condition()
        self._output = bytearray()
        self._qmp = QMPClient("psci")
        self._loop = asyncio.new_event_loop()
        # Tasks that the library leaves behind when the connection ends are nobody's news.
        self._loop.set_exception_handler(lambda loop, context: None)
        self._child: subprocess.Popen[bytes] | None = None
        # PDEATHSIG is sent when the *thread* that started the child ends, so the thread that serves
        # the monitor starts it: it lives exactly as long as this object, or as our process.
        self._thread = threading.Thread(target=self._serve, name="psci-qemu", daemon=True)
        self._thread.start()
        try:
            child = self._ask(self._start(command, pass_fds), start_seconds, "did not answer")
        except BaseException:
            self._abandon()
            raise
        self._close = weakref.finalize(self, _end, child, self._loop, self._thread)

    @property
    def pid(self) -> int:
        """The process id of QEMU."""
        return self._running().pid

    @property
    def alive(self) -> bool:
        """Whether QEMU has not ended."""
        return self._child is not None and self._child.poll() is None

    def execute(self, command: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Run a QMP command and return its answer.

        Raises:
            PeerDied: QEMU ended, refused the command, or did not answer in time.
        """
        return self._ask(self._qmp.execute(command, arguments), self._answer_seconds, f"did not answer `{command}`")

    def take_event(self, seconds: float = 0.0) -> tuple[str, Mapping[str, Any]] | None:
        """The oldest event not taken yet, as name and data; None if none came within `seconds`."""
        if not self._events and seconds > 0:
            with self._arrived:
                self._arrived.wait_for(lambda: bool(self._events), seconds)
        try:
            return self._events.popleft()
        except IndexError:
            return None

    def obituary(self) -> str:
        """One line that says how QEMU ended and what it printed last."""
        status = self._child.poll() if self._child else None
        if status is None:
            ended = "is still running"
        elif status < 0:
            ended = f"was ended by signal {signal.Signals(-status).name}"
        else:
            ended = f"ended with status {status}"
        lines = bytes(self._output).decode("utf-8", "replace").split("\n")
        printed = [line.strip() for line in lines if line.strip()]
        last = "".join(c if c.isprintable() else "?" for c in printed[-1])[:200] if printed else ""
        return f"QEMU {ended}" + (f": {last}" if last else "")

    def close(self) -> None:
        """End QEMU and the thread that serves it; may be called again."""
        self._close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def _ask(self, work: Coroutine[Any, Any, T], seconds: float, complaint: str) -> T:
        if self._loop.is_closed() or not self._thread.is_alive():
            work.close()
            raise PeerDied("QEMU was closed")
        future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, seconds), self._loop)
        try:
            # The margin is for the loop itself: it keeps the time, this only guards against its death.
            return future.result(seconds + 5)
        except (TimeoutError, concurrent.futures.TimeoutError):
            future.cancel()
            raise PeerDied(f"QEMU {complaint} within {seconds:g} s") from None
        except (QMPError, EOFError, asyncio.CancelledError, concurrent.futures.CancelledError) as error:
            raise PeerDied(f"{self.obituary()} ({type(error).__name__}: {error})".replace("\n", " ")) from error

    async def _start(self, command: Sequence[str], pass_fds: Sequence[int]) -> subprocess.Popen[bytes]:
        ours, theirs = socket.socketpair()
        with theirs:
            monitor = ["-chardev", f"socket,id=qmp,fd={theirs.fileno()}", "-mon", "chardev=qmp,mode=control"]
            try:
                child = subprocess.Popen(
                    [*command, *monitor],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                    pass_fds=[*pass_fds, theirs.fileno()], start_new_session=True,
                    # It only makes two system calls, so the other threads' locks cannot matter to it.
                    preexec_fn=partial(die_with, os.getpid()),  # noqa: PLW1509  # nothing but two system calls
                )  # fmt: skip
            except OSError as error:
                ours.close()
                raise Missing(f"{command[0]} cannot be started: {error.strerror}") from error
        self._child = child
        assert child.stderr is not None
        os.set_blocking(child.stderr.fileno(), False)
        self._loop.add_reader(child.stderr.fileno(), self._drain, child.stderr.fileno())
        await self._qmp.connect(ours)
        self._listener = self._loop.create_task(self._listen())
        return child

    async def _listen(self) -> None:
        async for message in self._qmp.events:
            data = message.get("data")
            self._events.append((str(message.get("event")), data if isinstance(data, dict) else {}))
            with self._arrived:
                self._arrived.notify_all()

    def _drain(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(descriptor)
        self._output += data
        del self._output[:-_KEPT_OUTPUT]

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise PeerDied("QEMU was not started")
        return self._child

    def _abandon(self) -> None:
        """End what a failed start left behind."""
        if self._child is not None:
            _end(self._child, self._loop, self._thread)
        else:
            _stop(self._loop, self._thread)


def _end(child: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5)
    _stop(loop, thread)
    if child.stderr is not None:
        child.stderr.close()


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    if not loop.is_closed() and thread.is_alive():
        future = asyncio.run_coroutine_threadsafe(_cancel_tasks(), loop)
        with contextlib.suppress(concurrent.futures.TimeoutError, TimeoutError, RuntimeError):
            future.result(2)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(2)


async def _cancel_tasks() -> None:
    mine = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not mine]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=1) if tasks else None


def sleeping(pid: int, thread: int) -> bool:
    """Whether a thread of a process is asleep now (also true where that cannot be told)."""
    try:
        stat = Path(f"/proc/{pid}/task/{thread}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "S"


def wait(predicate: Callable[[], bool], seconds: float, pause: float = 0.0002) -> bool:
    """Whether `predicate` became true within `seconds`."""
    limit = time.monotonic() + seconds
    while not predicate():
        if time.monotonic() >= limit:
            return False
        time.sleep(pause)
    return True
