"""A machine as it was when the stub had just been started, so that every life can begin there.

QEMU keeps the state of its processors and devices in a file that exists only in memory; the guest's memory is ours, and
we keep it ourselves. A hypervisor or a firmware that takes seconds to come up is started once.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import time
from typing import Any

from psci.oracle.peers.emulated.process import QemuProcess
from psci.oracle.peers.peer import PeerDied

_STATE_BYTES = 1 << 30
"""How large the file of the state may become; it takes what is written."""
_TAG = "arrived"
_DEVICES = "state"


class Snapshot:
    """A state of a machine that can be brought back as often as one likes."""

    def __init__(self, process: QemuProcess, memory: mmap.mmap, descriptor: int, seconds: float) -> None:
        """Stop the machine, keep its state, and let it go on.

        Args:
            process: the QEMU, with a memory that is shared by `descriptor`.
            memory: that memory.
            descriptor: the file of the memory.
            seconds: how long QEMU may take to keep its state, or to bring it back.

        Raises:
            PeerDied: QEMU could not do it, or took too long.
        """
        self._process = process
        self._memory = memory
        self._descriptor = descriptor
        self._seconds = seconds
        self._file = os.memfd_create("psci-machine-state")
        try:
            self._take()
        except BaseException:
            self.close()
            raise

    def restore(self) -> None:
        """Bring a machine that is stopped back; it stays stopped.

        Raises:
            PeerDied: QEMU could not do it, or took too long.
        """
        self._job("snapshot-load", tag=_TAG, vmstate=_DEVICES, devices=[_DEVICES])
        # Behind QEMU's own part, which loads images anew like every reset.
        for start, end in self._touched():
            self._put_back(start, end)

    def close(self) -> None:
        """Forget it; may be called again."""
        with contextlib.suppress(OSError):
            os.close(self._file)

    def _take(self) -> None:
        execute = self._process.execute
        execute("stop")
        execute("migrate-set-capabilities", {"capabilities": [{"capability": "x-ignore-shared", "state": True}]})
        path = f"/proc/{os.getpid()}/fd/{self._file}"
        execute("blockdev-add", {"driver": "file", "node-name": "state-file", "filename": path})
        self._job("blockdev-create", options={"driver": "qcow2", "file": "state-file", "size": _STATE_BYTES})
        execute("blockdev-add", {"driver": "qcow2", "node-name": _DEVICES, "file": "state-file"})
        self._job("snapshot-save", tag=_TAG, vmstate=_DEVICES, devices=[_DEVICES])
        self._kept = {start: self._memory[start:end] for start, end in self._touched()}
        execute("cont")

    def _put_back(self, start: int, end: int) -> None:
        at = start
        while at < end:
            kept = next(((s, data) for s, data in self._kept.items() if s <= at < s + len(data)), None)
            if kept is None:
                following = min((s for s in self._kept if s > at), default=end)
                until = min(end, following)
                self._memory.madvise(mmap.MADV_REMOVE, at, until - at)
            else:
                begin, data = kept
                until = min(end, begin + len(data))
                self._memory[at:until] = data[at - begin : until - begin]
            at = until

    def _touched(self) -> list[tuple[int, int]]:
        """The parts of the memory that were ever written or read."""
        size = len(self._memory)
        found: list[tuple[int, int]] = []
        at = 0
        while at < size:
            try:
                start = os.lseek(self._descriptor, at, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    break
                raise
            at = os.lseek(self._descriptor, start, os.SEEK_HOLE)
            found.append((start, at))
        return found

    def _job(self, command: str, **arguments: Any) -> None:
        job = f"psci-{command}"
        self._process.execute(command, {"job-id": job, **arguments})
        deadline = time.monotonic() + self._seconds
        while time.monotonic() < deadline:
            jobs = self._process.execute("query-jobs")
            mine = next((j for j in jobs if isinstance(j, dict) and j.get("id") == job), None)
            if mine is None:
                raise PeerDied(f"QEMU lost its job {command}")
            if mine.get("status") == "concluded":
                self._process.execute("job-dismiss", {"id": job})
                if mine.get("error"):
                    raise PeerDied(f"QEMU's {command}: {mine['error']}")
                return
            time.sleep(0.001)
        raise PeerDied(f"QEMU's {command} did not end within {self._seconds:g} s")
