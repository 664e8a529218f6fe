"""`psci faults`: the measuring rod of campaigns: wrong implementations, and which of them are found, how soon."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from psci.oracle.campaign.measuring import Measured


@click.command()
@click.argument("names", nargs=-1)
@click.option("--list", "only_list", is_flag=True, help="Name them and say what is wrong with each.")
@click.option("--time", "seconds", type=click.FloatRange(0.1), default=60.0, show_default=True, help="For each.")
@click.option("--shrink", "shrinking", type=click.FloatRange(0.0), default=20.0, show_default=True,
              help="Seconds to make the program of each small.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--processor-time", "of_a_processor", is_flag=True,
              help="Count the seconds of a processor: for a machine that others use.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: faults.json).")
def command(
    names: tuple[str, ...], only_list: bool, seconds: float, shrinking: float, seed: int, jobs: int,
    of_a_processor: bool, as_json: bool,
) -> int:  # fmt: skip
    """Run a campaign against each of NAMES, or against every implementation that is wrong on purpose.

    A name of the form exec:COMMAND stands for a wrong program of your own.

    Exit status: 0 at least 95 % were found, 1 fewer, 2 bad input, 130 interrupted.
    """
    from psci.oracle.reference.faults import FAULTS, fault_named

    faults = [fault_named(name) for name in names if not name.startswith("exec:")] or ([] if names else list(FAULTS))
    if only_list:
        listed = [{"fault": fault.name, "sort": fault.sort, "sentence": fault.sentence} for fault in faults]
        for entry in listed:
            if not as_json:
                print(f"{entry['fault']:38} {entry['sentence']} ({entry['sort']})")
        if as_json:
            print(json.dumps({"faults": listed}, indent=2))
        return 0
    run = partial(_measured, seconds=seconds, shrinking=shrinking, seed=seed, of_a_processor=of_a_processor)
    rows: list[Measured] = []
    pool = ProcessPoolExecutor(max_workers=jobs, initializer=_begin, initargs=(os.getpid(),))
    try:
        for row in pool.map(run, names or [fault.name for fault in faults]):
            rows.append(row)
            if not as_json:
                print(_line(row), flush=True)
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return _end(rows, as_json)


def _begin(parent: int) -> None:
    """In a worker: it ends with its parent, or when it is told to."""
    from psci.host.children import die_with

    die_with(parent)
    # Ctrl-C is told to all of a terminal's processes; here it is the parent that decides. A pool keeps what a handler
    # would raise; the program under test ends with its worker, and nothing is written that could stay behind.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _measured(name: str, *, seconds: float, shrinking: float, seed: int, of_a_processor: bool) -> Measured:
    from psci.oracle.campaign.measuring import measured

    return measured(name, seed=seed, seconds=seconds, shrinking=shrinking, of_a_processor=of_a_processor)


def _line(row: Measured) -> str:
    if row.found is None:
        return f"{row.fault:38} NOT FOUND in {row.calls:,} calls, {row.seconds:.1f} s ({row.cpu_seconds:.1f} s of CPU)"
    seen = f"{row.seen[0]} of {row.seen[1]}" if row.seen else ""
    return (
        f"{row.fault:38} {row.calls:6,} calls {row.seconds:5.1f} s ({row.cpu_seconds:4.1f} s of CPU),"
        f" shrunk to {row.calls_left} calls of {row.steps} steps ({seen}): {row.found}"
    )


def _end(rows: list[Measured], as_json: bool) -> int:
    from psci.oracle.campaign.measuring import CALLS_WANTED, FOUND_WANTED, summary

    total: dict[str, Any] = summary(rows)
    small = total["median_calls_left"] is not None and total["median_calls_left"] <= CALLS_WANTED
    status = 0 if total["share"] >= FOUND_WANTED and small else 1
    if as_json:
        print(json.dumps({"status": status, **total, "rows": [row.document() for row in rows]}, indent=2))
        return status
    print(
        f"{total['found']} of {total['faults']} found ({total['share']:.1%}), in {total['median_seconds']} s"
        f" ({total['median_cpu_seconds']} s of CPU) in the median;"
        f" shrunk to {total['median_calls_left']} calls in the median"
    )
    for name in total["not_found"]:
        print(f"not found: {name}")
    return status
