"""What the plugin wrote, as a trace."""

from __future__ import annotations

from dataclasses import replace

from psci.model.events import CallEvent, EndEvent, Event
from psci.oracle.logs.importing.following import Follower
from psci.oracle.logs.importing.log import LogError, LogLines
from psci.oracle.logs.importing.machine import LogTerms, affinity, described

_WORDS = 3 + 18
_KINDS = ("hvc", "smc", "ran")
_AFFINITY = 0xFF_00FF_FFFF
_FAST_CALL = 1 << 31
"""Bit 31 of a function id (SMCCC); what has it not is no call of PSCI's."""
_ARGUMENTS = 3
REMEDY = "another task of the guest went on in its place: record with QEMU 11 or newer"


def read_recorder(log: LogLines, terms: LogTerms, level: int | None = None) -> list[Event]:
    """The trace of what was recorded; it ends where a core calls again and the return of its call was not seen.

    Args:
        log: what the plugin wrote.
        terms: what it does not tell.
        level: the Exception level of the callers; by default that of the first call.

    Raises:
        LogError: a line cannot be used.
    """
    follower = Follower(log, REMEDY)
    conduits = set()
    end: tuple[EndEvent, ...] = ()
    for line in log:
        kind, number, words = _words(log, line)
        pc, cpsr, vmpidr, x0, *registers = words
        here = cpsr >> 2 & 3
        if kind != "ran" and x0 & _FAST_CALL and level is None:
            level = here
        if here != level:
            continue
        # below an EL2 software reads VMPIDR_EL2 as its MPIDR, and runs on any CPU
        cpu = vmpidr & _AFFINITY if here == 1 and vmpidr else affinity(number, log, terms)
        if kind == "ran":
            follower.ran(cpu, pc, x0, here)
        elif x0 & _FAST_CALL:
            conduits.add(kind)
            try:
                follower.called(CallEvent(cpu=cpu, fn=x0, args=tuple(registers[:_ARGUMENTS])), pc)
            except LogError as error:
                # what was recorded until here is worth judging
                end = (EndEvent(why=str(error)),)
                break
    if len(conduits) == 1 and terms.conduit is None:
        terms = replace(terms, conduit=min(conduits))
    return [described(follower.events, log, terms, "recorded in QEMU", None), *follower.events, *end]


def _words(log: LogLines, line: str) -> tuple[str, int, list[int]]:
    kind, *fields = line.split(" ")
    if kind not in _KINDS or len(fields) != 1 + _WORDS or not fields[0].isdecimal():
        raise _wrong(log)
    try:
        words = [int(field, 16) for field in fields[1:]]
    except ValueError:
        raise _wrong(log) from None
    if any(not 0 <= word < 1 << 64 for word in words):
        raise _wrong(log)
    return kind, int(fields[0]), words


def _wrong(log: LogLines) -> LogError:
    return log.wrong(f"not a line of the recorder: hvc, smc or ran, a CPU, and {_WORDS} words in hexadecimal")
