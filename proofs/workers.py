"""Proofs in processes of their own, each of which keeps to one number of cores for as long as there is work for it.

What a call or move means for a number of cores is translated once in a process, and translating takes longer than
solving. So a process that is free takes the next task for its number of cores, or begins with a number that no other
process is at; only when there is none does it help another, from the far end of what is left there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack

from psci.proofs.suite import ProofResult, Task, run


def run_all(work: Iterable[Task], jobs: int = 1) -> Iterator[ProofResult]:
    """Carry out tasks, in processes of their own where there is more than one job; results come as they are ready."""
    if jobs <= 1:
        yield from map(run, work)
        return
    left = TaskPool(work, jobs)
    with ExitStack() as stack:
        pools = [stack.enter_context(ProcessPoolExecutor(max_workers=1)) for _ in range(jobs)]
        running: dict[Future[ProofResult], int] = {}
        free = list(range(jobs))
        while True:
            for worker in free:
                task = left.next_for(worker)
                if task is not None:
                    running[pools[worker].submit(run, task)] = worker
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            free = [running.pop(future) for future in done]
            yield from (future.result() for future in done)


class TaskPool:
    """The tasks that nobody has taken, by number of cores."""

    def __init__(self, work: Iterable[Task], jobs: int) -> None:
        self._queues: dict[str, deque[Task]] = {}
        for task in work:
            self._queues.setdefault(task.cores, deque()).append(task)
        self._at: list[str | None] = [None] * jobs
        """The number of cores that each worker is at."""

    def next_for(self, worker: int) -> Task | None:
        """The next task for a worker; None where nothing is left."""
        waiting = {cores: queue for cores, queue in self._queues.items() if queue}
        if not waiting:
            return None
        own = self._at[worker]
        if own in waiting:
            return waiting[own].popleft()
        alone = [cores for cores in waiting if cores not in self._at]
        self._at[worker] = cores = alone[0] if alone else max(waiting, key=lambda cores: len(waiting[cores]))
        return waiting[cores].popleft() if alone else waiting[cores].pop()


__all__ = ["TaskPool", "run_all"]
