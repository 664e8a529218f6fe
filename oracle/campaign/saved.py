"""A deviation as a file that a person can act on, and that `psci replay` runs again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psci.host.files import write_whole
from psci.model.errors import InputError
from psci.model.events import Event
from psci.model.specification import SPECIFICATION
from psci.model.tables.facts import FACTS
from psci.oracle.campaign.judging import DeviationKey
from psci.oracle.campaign.shrinker import Rate
from psci.oracle.peers.program import (
    ArgumentValue,
    CallStep,
    EntrySlot,
    ObserveStep,
    PauseStep,
    Program,
    ProgramStep,
    WakeStep,
)
from psci.oracle.traces.file import as_json
from psci.oracle.traces.forwarding import Forwarding

FORMAT = 1
KIND = "psci deviation"
_MOST_BYTES = 16 << 20


class SavedError(InputError):
    """A file is not a saved deviation; the message says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedDeviation:
    """A deviation that was found."""

    peer: Mapping[str, str]
    """The request that opens the peer: `name`, and what was different about it."""
    version: str
    """The exact version of the implementation."""
    command: str
    """The command that found it."""
    seed: int
    number: int
    """Which program of the campaign showed it."""
    psci: str
    profile: Mapping[str, Any]
    key: DeviationKey
    facts: tuple[str, ...]
    text: tuple[str, ...]
    """The finding, for a person."""
    rate: Rate
    program: Program
    filter: Forwarding | None = None
    """The filter under which the peer ran; it stands in the file's `peer`."""
    trace: tuple[Event, ...] = field(default=())
    """What the shrunk program did; not read back, since a replay makes its own."""

    @property
    def file_name(self) -> str:
        """A name made from the peer, the call and what was observed."""
        text = f"{self.peer['name']} {self.key.what} {self.key.observed}"
        words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
        digest = hashlib.sha256(f"{self.key}{self.program}".encode()).hexdigest()[:8]
        return f"{words[:80]}-{digest}.json"


def as_document(saved: SavedDeviation) -> dict[str, Any]:
    """The JSON document of a saved deviation."""
    return {
        "kind": KIND,
        "format": FORMAT,
        "peer": dict(saved.peer) | ({"filter": saved.filter.document()} if saved.filter else {}),
        "version": saved.version,
        "command": saved.command,
        "seed": saved.seed,
        "number": saved.number,
        "psci": saved.psci,
        "profile": dict(saved.profile),
        "deviation": {
            "what": saved.key.what,
            "observed": saved.key.observed,
            "rules": [_rule(name) for name in saved.key.rules],
            "facts": [_fact(name) for name in saved.facts],
            "text": list(saved.text),
        },
        "seen": {"times": saved.rate.seen, "of": saved.rate.of},
        "program": program_document(saved.program),
        "trace": [as_json(event) for event in saved.trace],
    }


def _rule(name: str) -> dict[str, Any]:
    try:
        rule = SPECIFICATION.rule(name)
    except KeyError:
        return {"name": name}
    return {"name": name, "text": rule.text, "facts": [_fact(cite) for cite in rule.cites]}


def _fact(name: str) -> dict[str, Any]:
    fact = FACTS.get(name)
    return {"id": name, "sections": list(fact.sections) if fact else []}


def write(saved: SavedDeviation, folder: Path, name: str | None = None) -> Path:
    """Write a deviation into a folder, at once or not at all; returns the file.

    Args:
        saved: the deviation.
        folder: where; it is made if it is not there.
        name: of the file; default: its own `file_name`.

    Raises:
        SavedError: the folder cannot be written.
    """
    text = json.dumps(as_document(saved), indent=1) + "\n"
    path = folder / (name or saved.file_name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise SavedError(f"{folder}: cannot be written ({error.strerror}): name another folder with --save") from error
    return path


def read(path: Path) -> SavedDeviation:
    """Read a saved deviation.

    Raises:
        SavedError: it is none, or it is damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SavedError(f"{path}: cannot be read ({error.strerror})") from error
    if len(data) > _MOST_BYTES:
        raise SavedError(f"{path}: {len(data)} bytes are not a saved deviation")
    try:
        return _saved(_Reader(json.loads(data), str(path)))
    except (ValueError, RecursionError) as error:
        if isinstance(error, SavedError):
            raise
        raise SavedError(f"{path}: is not JSON ({error}): give a file that psci fuzz saved") from error


# ---- programs as JSON


def program_document(program: Program) -> dict[str, Any]:
    """A program as JSON: words in hex, entry slots as objects."""
    return {
        "cpus": program.cpus,
        "psci": program.psci,
        "options": dict(program.options),
        "lives": [[_step_document(step) for step in life] for life in program.lives],
    }


def _step_document(step: ProgramStep) -> dict[str, Any]:
    where = {"turn": step.turn, "cpu": step.cpu}
    match step:
        case CallStep():
            args = [{"entry": a.slot, "offset": a.offset} if isinstance(a, EntrySlot) else hex(a) for a in step.args]
            return {"do": "call", **where, "fn": f"{step.fn:#010x}", "args": args, "returns": step.returns}
        case WakeStep():
            return {"do": "wake", **where, "target": step.target, **({"late": True} if step.late else {})}
        case ObserveStep():
            return {"do": "observe", **where, "target": step.target}
        case PauseStep():
            return {"do": "pause", **where, "microseconds": step.microseconds}
    raise TypeError(f"a {type(step).__name__} cannot be saved")


@dataclass(frozen=True, slots=True)
class _Reader:
    """A value of a JSON document, and where it stands; every access says what is wrong."""

    value: Any
    place: str

    def wrong(self, what: str) -> SavedError:
        return SavedError(f"{self.place}: {what}: give a file that psci fuzz saved")

    def at(self, name: str) -> _Reader:
        if not isinstance(self.value, dict):
            raise self.wrong("not an object")
        if name not in self.value:
            raise self.wrong(f"{name!r} is missing")
        return _Reader(self.value[name], f"{self.place}: {name}")

    def only(self, *names: str) -> _Reader:
        unknown = sorted(set(self.value) - set(names)) if isinstance(self.value, dict) else []
        if unknown:
            raise self.wrong(f"unknown field {unknown[0]!r}")
        return self

    def items(self) -> list[_Reader]:
        if not isinstance(self.value, list):
            raise self.wrong("not a list")
        return [_Reader(item, f"{self.place}[{number}]") for number, item in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("not a text")
        return self.value

    def texts(self) -> dict[str, str]:
        if not isinstance(self.value, dict):
            raise self.wrong("not an object")
        return {name: self.at(name).text() for name in self.value}

    def integer(self, most: int = 1 << 62) -> int:
        if type(self.value) is not int or not -1 <= self.value <= most:
            raise self.wrong("not a number that fits")
        return self.value

    def count(self, most: int) -> int:
        if self.integer(most) < 0:
            raise self.wrong("less than 0")
        return self.integer(most)

    def word(self) -> int:
        text = self.text()
        if not re.fullmatch(r"0x[0-9a-f]{1,16}", text):
            raise self.wrong(f"{text!r} is no 64-bit word in hex")
        return int(text, 16)

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("neither true nor false")
        return self.value


_FIELDS = (
    "kind", "format", "peer", "version", "command", "seed", "number", "psci", "profile", "deviation", "seen", "program",
    "trace",
)  # fmt: skip


def _saved(document: _Reader) -> SavedDeviation:
    if document.at("kind").value != KIND:
        raise document.wrong("not a saved deviation")
    if document.at("format").value != FORMAT:
        raise document.wrong(f"format {document.at('format').value!r}; this program reads format {FORMAT}")
    document.only(*_FIELDS)
    deviation = document.at("deviation")
    peer, forwarding = _peer(document.at("peer"))
    program = _program(document.at("program").only("cpus", "psci", "options", "lives"))
    if forwarding is not None and forwarding.cpus != program.cpus:
        raise document.wrong(f"a filter for {forwarding.cpus} cores, and a program for {program.cpus}")
    profile = document.at("profile")
    if not isinstance(profile.value, dict):
        raise profile.wrong("not an object")
    seen = document.at("seen")
    return SavedDeviation(
        peer=peer,
        filter=forwarding,
        version=document.at("version").text(),
        command=document.at("command").text(),
        seed=document.at("seed").integer(),
        number=document.at("number").integer(),
        psci=document.at("psci").text(),
        profile=profile.value,
        key=DeviationKey(
            deviation.at("what").text(),
            deviation.at("observed").text(),
            tuple(rule.at("name").text() for rule in deviation.at("rules").items()),
        ),
        facts=tuple(fact.at("id").text() for fact in deviation.at("facts").items()),
        text=tuple(line.text() for line in deviation.at("text").items()),
        rate=Rate(seen.at("times").count(1 << 20), max(1, seen.at("of").count(1 << 20))),
        program=program,
    )


def _peer(document: _Reader) -> tuple[Mapping[str, str], Forwarding | None]:
    document.at("name")
    words = {name: document.at(name).text() for name in document.value if name != "filter"}
    return words, _forwarding(document.at("filter")) if "filter" in document.value else None


def _forwarding(document: _Reader) -> Forwarding:
    document.at("kernel")
    document.only("kernel", "want", "offer", "forward", "cpus")
    try:
        return Forwarding(
            kernel=document.at("kernel").text(),
            want=document.at("want").text(),
            offer=tuple(name.text() for name in document.at("offer").items()),
            forward=tuple(fid.word() for fid in document.at("forward").items()),
            cpus=document.at("cpus").count(64),
        )
    except SavedError:
        raise
    except InputError as error:
        raise document.wrong(str(error)) from error


def _program(document: _Reader) -> Program:
    psci = document.at("psci")
    lives = tuple(tuple(_step(step) for step in life.items()) for life in document.at("lives").items())
    cpus = document.at("cpus").count(64)
    if not lives or not cpus:
        raise document.wrong("no lives, or no cores")
    cores = [step.cpu for life in lives for step in life]
    cores += [step.target for life in lives for step in life if isinstance(step, WakeStep | ObserveStep)]
    if any(core >= cpus for core in cores):
        raise document.wrong(f"core {max(cores)} of {cpus}")
    return Program(
        cpus=cpus, lives=lives, psci=None if psci.value is None else psci.text(), options=document.at("options").texts()
    )


def _step(document: _Reader) -> ProgramStep:
    turn, cpu = document.at("turn").count(1 << 20), document.at("cpu").count(63)
    kinds: Mapping[str, Callable[[], ProgramStep]] = {
        "call": lambda: CallStep(
            turn=turn, cpu=cpu, fn=document.at("fn").word(), returns=document.at("returns").flag(),
            args=_arguments(document.at("args").items()),
        ),
        "wake": lambda: WakeStep(
            turn=turn, cpu=cpu, target=document.at("target").count(63),
            late="late" in document.value and document.at("late").flag(),
        ),
        "observe": lambda: ObserveStep(turn=turn, cpu=cpu, target=document.at("target").count(63)),
        "pause": lambda: PauseStep(turn=turn, cpu=cpu, microseconds=document.at("microseconds").count(1 << 32)),
    }  # fmt: skip
    kind = document.at("do").text()
    if kind not in kinds:
        raise document.wrong(f"{kind!r} is not a step; there are {', '.join(kinds)}")
    return kinds[kind]()


def _arguments(documents: Sequence[_Reader]) -> tuple[ArgumentValue, ...]:
    if len(documents) > 7:
        raise documents[7].wrong("a call has at most 7 arguments")
    return tuple(
        EntrySlot(document.at("entry").count(4095), document.at("offset").count(4095))
        if isinstance(document.value, dict)
        else document.word()
        for document in documents
    )


__all__ = ["SavedDeviation", "SavedError", "as_document", "program_document", "read", "write"]
