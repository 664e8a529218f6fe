"""Start a program so that it cannot outlive us, and talk to it with a time limit on every step.

The child gets its own process group and is killed by the kernel when the thread that started it
ends, so a `Child` must be made in a thread that lives as long as the child shall.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO, Self

from psci.host.children import die_with
from psci.host.requirements import Missing
from psci.oracle.peers.peer import Hung, PeerDied

_CHUNK = 65536
_GRACE_SECONDS = 2.0


class Child:
    """A running program with a binary channel (its standard input and output) and a bounded record of its complaints.

    Args:
        argv: the program and its arguments.
        name: what messages call it.
        env: variables to add to the environment.
        remember: how many bytes at the end of its standard error are kept.
        telling: finds the line of its standard error that is worth quoting; default: the last one.

    Raises:
        Missing: the program cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        name: str,
        env: Mapping[str, str] | None = None,
        remember: int = 65536,
        telling: str | None = None,
    ) -> None:
        self.name = name
        self._telling = telling
        self._complaints: deque[bytes] = deque()
        self._remember = remember
        self._kept = 0
        self._lock = threading.Lock()
        parent = os.getpid()
        try:
            self._process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={**os.environ, **env} if env else None,
                start_new_session=True,
                # It only makes two system calls, so the locks of other threads cannot matter to it.
                preexec_fn=lambda: die_with(parent),  # noqa: PLW1509  # nothing but two system calls
            )
        except OSError as error:
            raise Missing(f"{name} cannot be started: {argv[0]}: {error.strerror}") from error
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._input: IO[bytes] = self._process.stdin
        self._output: IO[bytes] = self._process.stdout
        os.set_blocking(self._input.fileno(), False)
        os.set_blocking(self._output.fileno(), False)
        self._watcher = threading.Thread(target=self._watch, args=(self._process.stderr,), daemon=True)
        self._watcher.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def complaints(self) -> str:
        """The end of what it wrote to its standard error."""
        with self._lock:
            return b"".join(self._complaints).decode("utf-8", "replace")

    def last_complaint(self) -> str:
        """The line of its standard error that says most, or an empty string."""
        lines = [line.strip() for line in self.complaints().splitlines() if line.strip()]
        telling = [line for line in lines if re.search(self._telling, line)] if self._telling is not None else []
        return (telling or lines or [""])[-1][:300]

    def write(self, data: bytes, *, seconds: float) -> None:
        """Write all of `data` to its standard input.

        Raises:
            PeerDied: it ended, or did not take the data in time.
        """
        deadline = time.monotonic() + seconds
        view = memoryview(data)
        with selectors.DefaultSelector() as selector:
            selector.register(self._input, selectors.EVENT_WRITE)
            while view:
                self._wait(selector, deadline, f"did not take its input within {seconds:g} s")
                try:
                    view = view[os.write(self._input.fileno(), view[:_CHUNK]) :]
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise self.died() from error

    def read(self, *, seconds: float) -> bytes:
        """Read what its standard output holds next, at least one byte.

        Raises:
            PeerDied: it ended, or said nothing in time.
        """
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while True:
                self._wait(selector, deadline, f"gave no answer within {seconds:g} s")
                try:
                    data = os.read(self._output.fileno(), _CHUNK)
                except BlockingIOError:
                    continue
                if not data:
                    raise self.died()
                return data

    def read_within(self, seconds: float) -> bytes | None:
        """Read what its standard output holds next, or None where it says nothing for so long.

        Raises:
            PeerDied: it ended.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            if not selector.select(seconds):
                if not self.alive():
                    raise self.died()
                return None
        return self.read(seconds=seconds + 1)

    def died(self) -> PeerDied:
        """The error that says how it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_SECONDS)
        self._watcher.join(_GRACE_SECONDS)
        status = self._process.returncode
        how = "closed its output" if status is None else f"ended with status {status}"
        last = self.last_complaint()
        return PeerDied(f"{self.name} {how}" + (f": {last}" if last else ""))

    def end(self) -> None:
        """End its process group, gently first; may be called twice."""
        if self._process.returncode is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._process.wait()
        self._watcher.join(_GRACE_SECONDS)
        for stream in (self._input, self._output):
            with contextlib.suppress(OSError):
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def _signal(self, number: signal.Signals) -> None:
        # The leader is not reaped yet, so its id, which is the group's id, cannot have been given to another process.
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _wait(self, selector: selectors.BaseSelector, deadline: float, complaint: str) -> None:
        left = deadline - time.monotonic()
        if left <= 0 or not selector.select(left):
            if not self.alive():
                raise self.died()
            last = self.last_complaint()
            raise Hung(f"{self.name} {complaint}" + (f"; it said: {last}" if last else ""))

    def _watch(self, stream: IO[bytes]) -> None:
        with stream:
            while data := os.read(stream.fileno(), _CHUNK):
                with self._lock:
                    self._complaints.append(data)
                    self._kept += len(data)
                    while self._kept > self._remember and len(self._complaints) > 1:
                        self._kept -= len(self._complaints.popleft())
