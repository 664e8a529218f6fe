"""Z3 contexts, one for each query and each domain.

A context takes 8 MB, and a process makes thousands of them, one after the other. Left alone, glibc returns that
memory to the kernel each time and asks for it again, a page fault for every page: a quarter of a proof's time.
"""

from __future__ import annotations

import ctypes
from functools import cache

import z3

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
KEPT = 512 << 20
"""Bytes of free memory that a process may keep."""
LARGEST = 32 << 20
"""Bytes of the largest piece that is kept; glibc takes no higher limit."""


def fresh_context() -> z3.Context:
    """A context of which nothing is known."""
    _keep_freed_memory()
    return z3.Context()


@cache
def _keep_freed_memory() -> None:
    """Let the allocator keep what contexts give back, where it is glibc's; any other is left as it is."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, KEPT)
        mallopt(M_MMAP_THRESHOLD, LARGEST)
