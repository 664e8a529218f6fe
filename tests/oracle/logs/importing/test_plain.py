"""A table of calls and answers, or of events, becomes a trace, or an error that names the row."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from psci.cli.main import run
from psci.model.errors import InputError
from psci.model.events import CallEvent, EnterEvent, Event, MachineEvent, ReturnEvent
from psci.oracle.checker.checker import check
from psci.oracle.logs.importing.log import LogError
from psci.oracle.logs.importing.machine import LogTerms
from psci.oracle.logs.importing.sources import SOURCES, import_trace

CALLS = """\
# core 0 asks, and starts core 1
cpu,fn,x1,x2,x3,answer
0,0x84000000,,,,0x10001
0,0xc4000003,1,0x40000000,0x2a,0
0,0xc4000003,1,0x40000000,0x2a,-4
1,0x84000002,,,,
"""
ON = {"fn": 0xC400_0003, "args": (1, 0x4000_0000, 0x2A)}


def imported(table: str, terms: LogTerms | None = None) -> list[Event]:
    return import_trace("plain", io.BytesIO(table.encode()), "t.csv", terms)


def test_a_row_is_a_call_and_its_answer() -> None:
    assert imported(CALLS) == [
        MachineEvent(psci="1.1", cpus=(0, 1), boot_cpu=0, peer="a plain table"),
        CallEvent(cpu=0, fn=0x8400_0000),
        ReturnEvent(cpu=0, x0=0x1_0001),
        CallEvent(cpu=0, **ON),  # type: ignore[arg-type]
        ReturnEvent(cpu=0, x0=0),
        CallEvent(cpu=0, **ON),  # type: ignore[arg-type]
        ReturnEvent(cpu=0, x0=(1 << 64) - 4),
        CallEvent(cpu=1, fn=0x8400_0002),
    ]


@pytest.mark.parametrize("separator", [";", "\t", " "])
def test_columns_are_separated_by_what_the_first_row_uses(separator: str) -> None:
    table = CALLS.replace(",,,,", ",-,-,-,").replace("0x84000002,-,-,-,", "0x84000002,-,-,-,-")
    assert imported(table.replace(",", separator)) == imported(CALLS)


def test_the_trace_of_a_table_is_judged() -> None:
    assert check(imported(CALLS)).verdict.value == "conforms"
    assert check(imported(CALLS.replace("-4", "0"))).verdict.value == "deviates"


def test_calls_that_overlap_are_in_the_order_of_their_times() -> None:
    events = imported("cpu fn x1 answer start end\n0 0x84000000 - 0x10001 10 40\n1 0x8400000a 0x84000002 0 20 30\n")
    assert [(event.k, getattr(event, "cpu", None), event.t0) for event in events[1:]] == [
        ("call", 0, 10), ("call", 1, 20), ("return", 1, 30), ("return", 0, 40),
    ]  # fmt: skip


def test_at_one_moment_the_order_of_two_cores_is_open_and_that_of_one_is_not() -> None:
    head = "cpu,fn,x1,x2,x3,answer,start,end\n0,0x84000000,,,,0x10001,0,1\n0,0xc4000003,1,0x40000000,1,0,1,2\n"
    told = imported(head + "1,0x84000002,,,,,3,\n0,0xc4000004,1,0,,1,3,3\n0,0xc4000004,1,0,,0,3,3\n")
    assert check(told).verdict.value == "deviates"
    told = imported(head + "1,0x84000002,,,,,3,\n0,0xc4000004,1,0,,0,3,3\n0,0xc4000004,1,0,,1,3,3\n")
    assert check(told).verdict.value == "conforms"


def test_a_row_may_be_any_event_of_the_format() -> None:
    table = "event,t,cpu,fn,x0,pc,el\ncall,1,0,0x84000000,,,\nreturn,2,0,,0x10001,,\nenter,3,1,,42,0x40000000,1\n"
    assert imported(table)[1:] == [
        CallEvent(t=1, cpu=0, fn=0x8400_0000),
        ReturnEvent(t=2, cpu=0, x0=0x1_0001),
        EnterEvent(t=3, cpu=1, x0=0x2A, pc=0x4000_0000, el=1),
    ]


def test_a_core_is_there_unless_the_implementation_said_that_it_is_not() -> None:
    asks = "cpu,fn,x1,x2,answer\n0,0xc4000004,5,0,1\n0,0xc4000004,6,0,-2\n"
    machine = imported(asks, LogTerms(psci="1.1"))[0]
    assert isinstance(machine, MachineEvent)
    assert machine.cpus == (0, 5)


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ("", "t.csv:1: the table is empty; its first row names the columns, such as cpu,fn,x1,x2,x3,answer"),
        ("a,b\n", "t.csv:1: no column 'a' is known; use cpu, fn, answer, start, end, x1, x2, x3, x4, ..."),
        ("cpu,answer\n", "t.csv:1: there is no column 'fn'; add it to the first row"),
        ("cpu,fn,fn\n", "t.csv:1: the column 'fn' stands there twice; keep one"),
        ("cpu,fn,end\n", "t.csv:1: one of the columns start and end stands alone; give both, or neither"),
        ("cpu,fn\n0,0x84000000,7\n", "t.csv:2: 3 fields, and 2 columns have a name; name all in the first row"),
        ("cpu,fn\n0,CPU_ON\n", "t.csv:2: fn: 'CPU_ON' is not a number of 64 bits, such as 0x84000003 or 7"),
        ("cpu,fn\n0,\n", "t.csv:2: the row has no fn; add it"),
        ("cpu,fn,x1,x2\n0,1,,2\n", "t.csv:2: x1 is empty, and x2 is not; a call has all arguments up to its last"),
        ("cpu,fn,answer,start,end\n0,1,0,5,4\n", "t.csv:2: a call that returned has an end, and not before its start"),
        ("cpu,fn,answer,start,end\n0,1,0,5,9\n0,1,0,7,8\n",
         "t.csv:3: core 0x0 calls at 7, inside its call at line 2; sort its rows by start"),
        ("event,cpu\nfly,0\n", "t.csv:2: unknown kind 'fly'; `k` is one of machine, call, return, enter, wake, "
         "unwake, boot, system, observe, read, write, host, move, timeout, end"),
        ("event,cpu\nmachine,0\n", "t.csv:2: a table has no machine; give --psci, --cpus and --profile"),
        ("event,cpu,pc\nenter,0,0x10\n", "t.csv:2: `enter` needs the field `x0`; add it"),
        ("cpu,fn\n0,0x84000002\n",
         "t.csv:2: the log does not tell the version: nothing asks for PSCI_VERSION; give --psci"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_with_its_row(table: str, error: str) -> None:
    with pytest.raises(LogError) as raised:
        imported(table)
    assert str(raised.value) == error


def test_the_command_writes_a_trace_that_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, trace = tmp_path / "t.csv", tmp_path / "t.ndjson"
    table.write_text(CALLS, encoding="utf-8")
    assert run(["trace", "import", "plain", str(table), "-o", str(trace)]) == 0
    assert capsys.readouterr() == (
        f"wrote {trace}: 7 events\n",
        "cores that the log tells of: 0x0, 0x1; give --cpus where there are others\n",
    )
    assert run(["trace", "check", str(trace)]) == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["pla", "-"], "no source 'pla'; there are plain, ftrace, qemu"),
        (["plain", "nowhere"], "[Errno 2] No such file or directory: 'nowhere'"),
        (["plain", "TABLE", "--cpus", "0,x"], "--cpus 'x': an MPIDR is a number such as 0x100"),
        (["plain", "TABLE", "--cpus", "0x0"], "TABLE:6: core 0x1 is none of those that --cpus names"),
    ],
)
def test_wrong_arguments_are_one_line_and_status_2(
    arguments: list[str], error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "t.csv"
    table.write_text(CALLS, encoding="utf-8")
    assert run(["trace", "import", *(str(table) if word == "TABLE" else word for word in arguments)]) == 2
    assert capsys.readouterr().err == f"psci: {error.replace('TABLE', str(table))}\n"


def test_the_help_names_every_source(capsys: pytest.CaptureFixture[str]) -> None:
    run(["trace", "import", "--help"])
    text = capsys.readouterr().out
    assert [name for name in SOURCES if f"\n    {name}  " not in text] == []


def test_the_library_refuses_a_source_that_is_not_there() -> None:
    with pytest.raises(InputError, match="there are plain, ftrace, qemu"):
        import_trace("perf", io.BytesIO(), "log")
