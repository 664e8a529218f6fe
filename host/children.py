"""Programs that we start end with us, however we end."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def die_with(parent: int) -> None:
    """In the child, before the program starts: ask the kernel to kill it when the thread that started it ends.

    Args:
        parent: the process that starts it; where that is gone already, the child ends at once.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
