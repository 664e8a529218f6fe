"""The reference implementation served over the line protocol of docs/exec-protocol.md, for others to run against."""

from __future__ import annotations

import json
import select
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import IO, Any

from psci.model.errors import InputError
from psci.model.events import Event, MachineEvent
from psci.model.language.terms import Value
from psci.model.machine import Key
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Stepper
from psci.oracle.peers.exec.protocol import LONGEST_LINE, PROTOCOL
from psci.oracle.reference.choices import Refuses, refusing, seeded
from psci.oracle.reference.implementation import Implementation
from psci.oracle.reference.peer import LAZINESS, declaration
from psci.oracle.reference.running import Running
from psci.oracle.traces.file import as_json

MOST_CORES = 64


class ProtocolError(InputError):
    """A line from the other side is none of the protocol."""


class ReferenceServer:
    """Answers lines until its input ends."""

    def __init__(
        self,
        psci: str = "1.3",
        *,
        kind: type[Implementation] = Implementation,
        specification: Specification = SPECIFICATION,
        profile: Mapping[str, Any] | None = None,
        seed: int = 0,
        refuses: Refuses = Refuses.SOMETIMES,
        mpidrs: Callable[[int], tuple[int, ...]] = lambda cpus: tuple(range(cpus)),
        name: str = "psci's reference",
    ) -> None:
        """Prepare to serve.

        Args:
            psci: the version, where the other side asks for none.
            kind: what the implementation is.
            specification: the rules that it is made from.
            profile: what it declares; default: that it has everything.
            seed: every choice depends on it, and on what arrives when.
            refuses: how often it uses a permission.
            mpidrs: the cores of a machine with so many.
            name: how it calls itself.
        """
        self.psci = psci
        self._kind = kind
        self._specification = specification
        self._profile = profile
        self._name = name
        self._mpidrs = mpidrs
        self._choose = seeded(seed)
        self._random = Random(f"serve {seed}")
        self._permits = refusing(refuses, seed)
        self._steppers: dict[tuple[str, int], Stepper] = {}
        self._choices: dict[tuple[str, int], dict[Key, Value]] = {}
        self._running: Running | None = None
        self._eagerness = 1.0
        self._queue: deque[dict[str, Any]] = deque()

    def serve(self, source: IO[bytes], out: IO[bytes]) -> None:
        """Answer until the input ends.

        Raises:
            ProtocolError: a line of the input is none of the protocol.
        """
        rest = b""
        while True:
            while self._one_step(out):
                pass
            out.flush()
            # What arrives together is taken together, so that calls overlap.
            select.select([source], [], [])
            data = source.read1(LONGEST_LINE)  # type: ignore[attr-defined]  # a buffered reader
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > LONGEST_LINE:
                raise ProtocolError(f"a line of more than {LONGEST_LINE} bytes")
            self._queue.extend(map(_parsed, lines))

    def _one_step(self, out: IO[bytes]) -> bool:
        """Let one thing happen, of those that are possible; False where it is the other side's turn."""
        if self._queue and self._queue[0].get("k") in ("start", "boot"):
            self._begin(self._queue.popleft(), out)
            return True
        running = self._running
        if running is None:
            if self._queue:
                raise ProtocolError("the first line is `start`")
            return False
        settling = bool(self._queue) and self._queue[0].get("k") == "settle"
        moves: list[Callable[[], Iterator[Event]]] = []
        if not running.down:
            for happening in (*running.happenings(), *running.ending()):
                if settling or not happening.lazy or self._random.random() < self._eagerness / 4:
                    moves.append(happening.make)
        if self._queue and not settling:
            moves.append(lambda: self._given(running, self._queue.popleft()))
        if not moves:
            if settling:
                self._queue.popleft()
                _say(out, {"k": "settled"})
            return settling
        for event in self._choose(moves)():
            _say(out, as_json(event))
        return True

    def _begin(self, line: Mapping[str, Any], out: IO[bytes]) -> None:
        self._eagerness = self._random.choice(LAZINESS)
        if line["k"] == "boot":
            if self._running is None:
                raise ProtocolError("`boot` comes after `start`")
            self._running.boot()
            return
        cpus, protocol = line.get("cpus"), line.get("protocol")
        if protocol != PROTOCOL:
            raise ProtocolError(f"`start` has protocol {protocol!r}: this program speaks {PROTOCOL}")
        if type(cpus) is not int or not 1 <= cpus <= MOST_CORES:
            raise ProtocolError(f"`start` has cpus {cpus!r}: between 1 and {MOST_CORES}")
        psci = str(line.get("psci", self.psci))
        profile = declaration(psci) if self._profile is None else dict(self._profile)
        machine = MachineEvent(psci=psci, cpus=self._mpidrs(cpus), conduit="hvc", peer=self._name, profile=profile)
        implementation = self._kind(
            machine, self._specification, self._choose, self._steppers.get((psci, cpus)),
            permits=self._permits, choices=self._choices.setdefault((psci, cpus), {}),
        )  # fmt: skip
        self._steppers[psci, cpus] = implementation.stepper
        self._running = Running(machine, implementation, self._choose)
        _say(out, {**as_json(machine), "protocol": PROTOCOL})

    def _given(self, running: Running, line: Mapping[str, Any]) -> Iterator[Event]:
        try:
            core = running.machine.cpus.index(int(line["cpu"], 16))
            match line["k"]:
                case "call":
                    if not running.down:
                        running.call(core, int(line["fn"], 16), [int(word, 16) for word in line["args"]])
                case "wake":
                    running.wake(core)
                case "observe":
                    yield running.observed(core)
                case kind:
                    raise ProtocolError(f"unknown kind {kind!r}")
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise ProtocolError(f"a line that cannot be used: {json.dumps(line)}") from error


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not a line of JSON: {line[:100]!r}") from error
    if not isinstance(value, dict):
        raise ProtocolError(f"not a JSON object: {line[:100]!r}")
    return value


def _say(out: IO[bytes], value: Mapping[str, Any]) -> None:
    out.write(json.dumps(value, separators=(",", ":")).encode() + b"\n")


__all__ = ["ProtocolError", "ReferenceServer"]
