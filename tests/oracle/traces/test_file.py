from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from house import ROOT
from hypothesis import given
from hypothesis import strategies as st

from psci.model.events import KINDS, CallEvent, EndEvent, Event, MachineEvent, ReturnEvent
from psci.oracle.traces.file import (
    MAX_LINE,
    TraceFormatError,
    as_json,
    as_line,
    event_from,
    read_trace,
    write_trace,
)  # fmt: skip
from psci.oracle.traces.format import FORMS, MAX_ARGUMENTS, RENAMED, Wrong, fields_of
from psci.oracle.traces.page import page

MACHINE = '{"k":"machine","format":1,"psci":"1.3","cpus":["0x0","0x1"]}'

WORDS = st.integers(0, (1 << 64) - 1)
MPIDRS = st.builds(lambda a, b: a << 32 | b, st.integers(0, 0xFF), st.integers(0, 0xFF_FFFF))
TEXTS = st.text(max_size=20)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True)
NUMBERS = st.integers(-(1 << 62), 1 << 62)
REGISTERS = st.dictionaries(NAMES, WORDS, max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=3)
ISAS = st.sampled_from(["aarch64", "aarch32"])
VALUES: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("machine", "psci"): NAMES,
    ("machine", "cpus"): st.lists(MPIDRS, min_size=1, max_size=4).map(tuple),
    ("machine", "conduit"): st.sampled_from(["hvc", "smc"]),
    ("machine", "ids"): st.dictionaries(NAMES, st.integers(0, (1 << 32) - 1), max_size=3),
    ("machine", "cores"): st.dictionaries(MPIDRS, st.fixed_dictionaries({}, optional={"isa": ISAS}), max_size=2),
    ("machine", "profile"): OBJECTS | TEXTS,
    ("machine", "topology"): OBJECTS,
    ("machine", "initial"): OBJECTS,
    ("machine", "reading"): st.dictionaries(NAMES, NAMES, max_size=2),
    ("call", "args"): st.lists(WORDS, max_size=MAX_ARGUMENTS).map(tuple),
    ("call", "conduit"): st.sampled_from(["hvc", "smc"]),
    ("call", "isa"): ISAS,
    ("enter", "isa"): ISAS,
    ("enter", "el"): st.integers(0, 3),
    ("return", "by"): st.sampled_from(["kernel", "vmm", "firmware"]),
    ("wake", "cause"): st.sampled_from(["irq", "fiq", "timer", "debug", "host"]),
    ("unwake", "cause"): st.sampled_from(["irq", "fiq", "timer", "debug", "host"]),
    ("boot", "cause"): st.sampled_from(["cold", "warm", "vendor", "image", "restored", "unknown"]),
    ("system", "event"): NAMES,
    ("observe", "power"): NAMES,
    ("host", "action"): NAMES,
}
BY_NAME = {
    "cpu": MPIDRS, "boot_cpu": MPIDRS, "fn": WORDS, "pc": WORDS, "x0": WORDS, "reset_type": WORDS, "flags": WORDS,
    "regs": REGISTERS, "raw": JSON.filter(lambda value: value is not None), "t": NUMBERS, "t0": NUMBERS, "t1": NUMBERS,
    "id": NUMBERS, "call": NUMBERS, "seed": NUMBERS,
    "saved": st.lists(TEXTS, max_size=2).map(tuple), "restored": st.lists(TEXTS, max_size=2).map(tuple),
    "refused": st.lists(TEXTS, max_size=2).map(tuple),
}  # fmt: skip


@st.composite
def events(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from(sorted(KINDS)))
    values = {}
    for field in fields_of(kind).values():
        if field.required or draw(st.booleans()):
            values[field.attribute] = draw(VALUES.get((kind, field.attribute), BY_NAME.get(field.attribute, TEXTS)))
    extra = draw(st.dictionaries(NAMES.map("x-{}".format), JSON, max_size=2))
    return KINDS[kind](**values, extra=extra)


@given(events())
def test_an_event_is_read_as_it_was_written(event: Event) -> None:
    assert event_from(json.loads(as_line(event))) == event


def test_the_format_names_only_fields_that_exist() -> None:
    present = {(kind, field.name) for kind, of in KINDS.items() for field in fields(of)}
    assert set(FORMS) | set(RENAMED) <= present


def test_the_example_of_the_design_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_text(
        '{"k":"machine","format":1,"psci":"1.3","cpus":["0x0","0x1"],"conduit":"hvc"}\n'
        '{"k":"call","t":1,"cpu":"0x0","fn":"0xc4000003","args":["0x1","0x40000000","0x2a"]}\n'
        '{"k":"return","t":2,"cpu":"0x0","x0":"0x0"}\n',
        encoding="utf-8",
    )
    assert list(read_trace(file)) == [
        MachineEvent(psci="1.3", cpus=(0, 1), conduit="hvc"),
        CallEvent(t=1, cpu=0, fn=0xC400_0003, args=(1, 0x4000_0000, 0x2A)),
        ReturnEvent(t=2, cpu=0, x0=0),
    ]
    assert "".join(as_line(event) + "\n" for event in read_trace(file)) == file.read_text(encoding="utf-8")


BAD = {
    "": "1: the trace is empty; it begins with a `machine` line",
    '{"k":"call","cpu":"0x0","fn":"0x0"}': "1: a trace begins with a `machine` line, not `call`",
    '{"k":"machine","format":2,"psci":"1.3","cpus":["0x0"]}': "1: `format` is 2; this program reads format 1",
    '{"k":"machine","psci":"1.3","cpus":["0x0"]}': "1: `format` is None; this program reads format 1",
    '{"k":"machine","format":1,"psci":"1.3","cpus":[]}': "1: `cpus` is empty; name at least one core",
    '{"k":"machine","format":1,"psci":"1.3","cpus":["0x100000000000"]}': "1: `cpus`: 0x100000000000 does not fit: "
    "hex string, the affinity fields of an MPIDR",
    f"{MACHINE}\n{MACHINE}": "2: a second `machine` line; a file holds one trace",
    f"{MACHINE}\nhello": "2: not a line of JSON (Expecting value, column 1); write one object a line",
    f"{MACHINE}\n[]": "2: not a JSON object; write one object a line",
    f'{MACHINE}\n{{"k":"calls"}}': "2: unknown kind 'calls'; `k` is one of " + ", ".join(KINDS),
    f'{MACHINE}\n{{"k":"call","cpu":"0x0"}}': "2: `call` needs the field `fn`; add it",
    f'{MACHINE}\n{{"k":"call","cpu":"0x5","fn":"0x0"}}': "2: the machine has no core 0x5; add it to `cpus`, "
    "or correct `cpu`",
    f'{MACHINE}\n{{"k":"call","cpu":0,"fn":"0x0"}}': '2: `cpu`: must be a hex string such as "0x84000003", not 0',
    f'{MACHINE}\n{{"k":"return","cpu":"0x0","x0":"0x10000000000000000"}}': "2: `x0`: must be a hex string such as "
    '"0x84000003", not "0x10000000000000000"',
    f'{MACHINE}\n{{"k":"return","cpu":"0x0","x0":"0x0","y":1}}': "2: `return` has no field `y` in format 1; use "
    "t, t0, t1, cpu, x0, call, regs, by, or `x-y`",
    f'{MACHINE}\n{{"k":"boot","cpu":"0x0","cause":"hot"}}': "2: `cause`: must be one of cold, warm, vendor, image, "
    'restored, unknown, not "hot"',
    f'{MACHINE}\n{{"k":"timeout","cpu":"0x0","t":true}}': "2: `t`: must be a whole number of at most 63 bits, not True",
    f'{MACHINE}\n{{"k":"timeout","cpu":"0x0","t":1.5}}': "2: `t`: must be a whole number of at most 63 bits, not 1.5",
    f'{MACHINE}\n{{"k":"timeout","cpu":"0x0","t0":1}}': "2: `t0` and `t1` bound one moment; give both or neither",
    f'{MACHINE}\n{{"k":"timeout","cpu":"0x0","t0":2,"t1":1}}': "2: `t0` 2 is after `t1` 1; exchange them",
    f'{MACHINE}\n{{"k":"timeout","k":"end","cpu":"0x0"}}': "2: the field `k` stands there twice; keep one",
    f'{MACHINE}\n{{"k":"timeout","cpu":"0x0","t":NaN}}': "2: NaN is not JSON; write a number",
    f'{MACHINE}\n{{"k":"end","why":"done"}}\n{{"k":"end","why":"done"}}': "3: nothing may follow the `end` event; "
    "remove the line, or write it to another file",
}


@pytest.mark.parametrize(("text", "message"), BAD.items(), ids=lambda value: str(value)[-40:])
def test_a_bad_line_is_named_with_what_to_do(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.ndjson"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TraceFormatError) as error:
        list(read_trace(file))
    assert str(error.value) == f"{file}:{message}"


@pytest.mark.parametrize(
    "line",
    [b"\xff\xfe", b"[" * 100_000, b'{"k":' + b"[" * 5000, b'{"t":' + b"9" * 5000 + b"}", b"x" * (MAX_LINE + 1), b"\0"],
    ids=["not UTF-8", "nested", "nested in an object", "a huge number", "a huge line", "a zero byte"],
)
def test_a_hostile_line_is_refused_in_one_line(line: bytes, tmp_path: Path) -> None:
    file = tmp_path / "bad.ndjson"
    file.write_bytes(MACHINE.encode() + b"\n" + line)
    with pytest.raises(TraceFormatError, match=r":2: .*; \w+") as error:
        list(read_trace(file))
    assert "\n" not in str(error.value)


def test_too_many_arguments_are_refused() -> None:
    with pytest.raises(Wrong, match="at most 17"):
        event_from({"k": "call", "cpu": "0x0", "fn": "0x0", "args": ["0x0"] * 18})


def test_a_trace_is_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "late.ndjson"
    file.write_text(f'{MACHINE}\n{{"k":"timeout","cpu":"0x0"}}\nnot JSON\n', encoding="utf-8")
    stream = read_trace(file)
    assert [next(stream).k, next(stream).k] == ["machine", "timeout"]
    with pytest.raises(TraceFormatError):
        next(stream)


def test_a_file_that_cannot_be_written_as_a_whole_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    write_trace(file, [MachineEvent(psci="1.3", cpus=(0,)), EndEvent(why="done")])
    before = file.read_bytes()

    def broken() -> Any:
        yield MachineEvent(psci="1.1", cpus=(0,))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_trace(file, broken())
    assert (file.read_bytes(), list(tmp_path.iterdir())) == (before, [file])


def test_what_a_peer_adds_is_kept_and_comes_last() -> None:
    event = event_from({"x-note": [1], "k": "timeout", "cpu": "0x0"})
    assert event.extra == {"x-note": [1]}
    assert list(as_json(event)) == ["k", "cpu", "x-note"]


def test_the_page_of_the_format_is_up_to_date() -> None:
    assert (ROOT / "docs" / "trace-format.md").read_text(encoding="utf-8") == page(), (
        "run python -m psci.oracle.traces.page > docs/trace-format.md"
    )
