"""The fields of a trace line: which each kind of event has, and how each is written in JSON.

The kinds and fields are those of `psci.model.events`; this file only says how their values look in
a file. `docs/trace-format.md` is generated from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any

from psci.model.events import KINDS, Event

FORMAT = 1
"""The version of the format; within it, kinds and fields are neither added nor changed."""

MAX_CORES = 4096
MAX_ARGUMENTS = 17
"""x1 to x17, the most that SMCCC passes in registers."""
MAX_TEXT = 4096

_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

ValueReader = Callable[[Any], Any]
Writer = Callable[[Any], Any]


class Wrong(ValueError):
    """A value has not the form that its field needs; the message says which it needs."""


@dataclass(frozen=True, slots=True)
class Form:
    """How one type of value is written in a trace line."""

    words: str
    """For the table of the documentation."""
    read: ValueReader
    """From JSON; raises Wrong."""
    write: Writer = lambda value: value


@dataclass(frozen=True, slots=True)
class Field:
    """One field of one kind of event."""

    name: str
    """As it stands in a line."""
    attribute: str
    """As it stands in the event."""
    form: Form
    required: bool


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    return text if len(text) <= 40 else text[:37] + "..."


def _word(bits: int, words: str, mask: int | None = None) -> Form:
    limit = (1 << bits) - 1 if mask is None else mask

    def read(value: Any) -> int:
        if not isinstance(value, str) or not _HEX.fullmatch(value):
            raise Wrong(f'must be a hex string such as "0x84000003", not {_shown(value)}')
        number = int(value, 16)
        if number & ~limit:
            raise Wrong(f"{value} does not fit: {words}")
        return number

    return Form(words, read, hex)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise Wrong(f"must be a string of at most {MAX_TEXT} characters, not {_shown(value)}")
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value) or len(value) > 64:
        raise Wrong(f"must be a short name, not {_shown(value)}")
    return value


def _integer(value: Any) -> int:
    if type(value) is not int or abs(value) >= 1 << 63:
        raise Wrong(f"must be a whole number of at most 63 bits, not {_shown(value)}")
    return value


def _one_of(*choices: str) -> Form:
    def read(value: Any) -> str:
        if value not in choices:
            raise Wrong(f"must be one of {', '.join(choices)}, not {_shown(value)}")
        return str(value)

    return Form(" \\| ".join(f"`{choice}`" for choice in choices), read)


def _list(of: Form, limit: int, words: str) -> Form:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Wrong(f"must be a list, not {_shown(value)}")
        if len(value) > limit:
            raise Wrong(f"has {len(value)} entries; at most {limit} are allowed")
        return tuple(map(of.read, value))

    return Form(words, read, lambda values: [of.write(value) for value in values])


def _mapping(key: Form, value: Form, words: str) -> Form:
    def read(given: Any) -> dict[Any, Any]:
        if not isinstance(given, dict):
            raise Wrong(f"must be an object, not {_shown(given)}")
        if len(given) > MAX_CORES:
            raise Wrong(f"has {len(given)} entries; at most {MAX_CORES} are allowed")
        return {key.read(k): value.read(v) for k, v in given.items()}

    return Form(words, read, lambda given: {key.write(k): value.write(v) for k, v in given.items()})


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Wrong(f"must be an object, not {_shown(value)}")
    return value


def _profile(value: Any) -> Mapping[str, Any] | str:
    return value if isinstance(value, str) else _object(value)


def _core(value: Any) -> Mapping[str, Any]:
    forms = {"isa": ISA, "el": LEVEL, "world": WORLD}
    unknown = sorted(set(_object(value)) - set(forms))
    if unknown:
        raise Wrong(f"has no field {unknown[0]!r}; a core has {', '.join(forms)}")
    return {name: forms[name].read(given) for name, given in value.items()}


def _level(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 3:
        raise Wrong(f"must be an Exception level from 0 to 3, not {_shown(value)}")
    return value


MPIDR = _word(40, "hex string, the affinity fields of an MPIDR", mask=0xFF_00FF_FFFF)
WORD = _word(64, "hex string, 64 bits")
WORD32 = _word(32, "hex string, 32 bits")
INTEGER = Form("number", _integer)
TEXT = Form("string", _text)
NAME = Form("name", _name)
ANY = Form("any JSON", lambda value: value)
OBJECT = Form("object", _object)
LEVEL = Form("0 to 3", _level)
ISA = _one_of("aarch64", "aarch32")
WORLD = _one_of("normal", "realm", "secure")
REGISTERS = _mapping(NAME, WORD, "object: register name to hex string")
NAMES = _list(TEXT, MAX_CORES, "list of strings")

FORMS: Mapping[tuple[str, str], Form] = {
    ("machine", "psci"): NAME,
    ("machine", "cpus"): _list(MPIDR, MAX_CORES, "list of hex strings"),
    ("machine", "boot_cpu"): MPIDR,
    ("machine", "conduit"): _one_of("hvc", "smc"),
    ("machine", "ids"): _mapping(NAME, WORD32, "object: function name to hex string"),
    ("machine", "cores"): _mapping(MPIDR, Form("", _core), "object: MPIDR to `isa`, `el`, `world`"),
    ("machine", "profile"): Form("object, or a string", _profile),
    ("machine", "topology"): OBJECT,
    ("machine", "initial"): OBJECT,
    ("machine", "reading"): _mapping(NAME, NAME, "object: reading to option"),
    ("machine", "seed"): INTEGER,
    ("call", "fn"): WORD,
    ("call", "args"): _list(WORD, MAX_ARGUMENTS, f"list of at most {MAX_ARGUMENTS} hex strings, x1 first"),
    ("call", "id"): INTEGER,
    ("call", "conduit"): _one_of("hvc", "smc"),
    ("call", "isa"): ISA,
    ("return", "x0"): WORD,
    ("return", "call"): INTEGER,
    ("return", "by"): _one_of("kernel", "vmm", "firmware"),
    ("enter", "pc"): WORD,
    ("enter", "x0"): WORD,
    ("enter", "el"): LEVEL,
    ("enter", "isa"): ISA,
    ("wake", "cause"): _one_of("irq", "fiq", "timer", "debug", "host"),
    ("unwake", "cause"): _one_of("irq", "fiq", "timer", "debug", "host"),
    ("boot", "cause"): _one_of("cold", "warm", "vendor", "image", "restored", "unknown"),
    ("system", "event"): NAME,
    ("system", "reset_type"): WORD,
    ("system", "flags"): WORD,
    ("observe", "power"): NAME,
    ("host", "action"): NAME,
}
"""The form of each field whose name alone does not tell it (see `_form`)."""

RENAMED: Mapping[tuple[str, str], str] = {("move", "source"): "from", ("move", "destination"): "to"}
"""Fields whose names are words of Python."""

_BY_NAME: Mapping[str, Form] = {
    "t": INTEGER, "t0": INTEGER, "t1": INTEGER, "cpu": MPIDR, "regs": REGISTERS, "raw": ANY,
    "saved": NAMES, "restored": NAMES, "refused": NAMES,
}  # fmt: skip


def _form(kind: str, name: str) -> Form:
    return FORMS.get((kind, name)) or _BY_NAME.get(name) or TEXT


@cache
def fields_of(kind: str) -> Mapping[str, Field]:
    """The fields of a kind of event by the names that they have in a line, in the order in which they are written."""
    common = [field.name for field in fields(Event)]
    own = [field for field in fields(KINDS[kind]) if field.name not in common]
    found = [Field(name, name, INTEGER, False) for name in common if name != "extra"]
    found += [
        Field(
            RENAMED.get((kind, field.name), field.name),
            field.name,
            _form(kind, field.name),
            field.default is MISSING and field.default_factory is MISSING,
        )
        for field in own
    ]
    return {field.name: field for field in found}
