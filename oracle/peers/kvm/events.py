"""From what the driver tells of each life to the events of a trace.

Two sources are merged: the stub's logs and what the driver saw of KVM. Both carry the time of the
same counter: the driver makes the guest's counter equal to its own where the kernel lets it
(6.4 and later), and else bounds the difference, so that `t0` and `t1` always enclose the moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psci.model.events import (
    BootEvent,
    EndEvent,
    Event,
    HostEvent,
    MachineEvent,
    ObserveEvent,
    ReturnEvent,
    SystemEvent,
    TimeoutEvent,
    UnwakeEvent,
    WakeEvent,
)
from psci.oracle.peers.peer import PeerDied
from psci.oracle.peers.program import Program, ProgramStep
from psci.oracle.peers.stub import decode, encode, layout

SYSTEM_EVENTS = {1: "off", 2: "reset", 3: "crash", 5: "suspend"}
"""KVM_SYSTEM_EVENT_*: what the outside saw."""
_SHUTDOWN, _OFF2_FLAG = 1, 1
MP_STATES = {0: "on", 5: "off", 10: "suspended"}
"""KVM_MP_STATE_*: a core in CPU_SUSPEND is runnable, which is `on`."""
_OUTSIDE = (layout.Status.NEVER, layout.Status.IN_SILENT_CALL)
_OBSERVER = "KVM_GET_MP_STATE"


@dataclass(frozen=True, slots=True)
class DriverNotice:
    """Something that the driver saw between two moments."""

    t0: int
    t1: int
    kind: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverReply:
    """The driver's reply for one life; its memory is not trusted yet."""

    why: str
    psci: str
    mpidrs: tuple[int, ...]
    exact_clock: bool
    told: tuple[DriverNotice, ...]
    untold: int
    memory: Mapping[int, bytes]
    """Bytes by the address where they begin."""

    @property
    def stuck(self) -> bool:
        """Whether a core could not be made to leave the guest."""
        return any(told.kind == "stuck" for told in self.told)

    def reader(self, exchange: int) -> decode.AreaReader:
        """Reads the exchange area that begins at address `exchange`."""

        def read(offset: int, size: int) -> bytes:
            address = exchange + offset
            for start, data in self.memory.items():
                if start <= address < start + len(data):
                    return data[address - start : address - start + size]
            return b""

        return read


def parse_life(lines: Sequence[str], data: bytes) -> DriverReply:
    """Read a reply.

    Raises:
        PeerDied: it is not one.
    """
    try:
        return _parse(lines, data)
    except (ValueError, IndexError, KeyError) as error:
        raise PeerDied(f"the driver's reply cannot be read ({type(error).__name__}: {error}): {lines[:1]}") from error


def _parse(lines: Sequence[str], data: bytes) -> DriverReply:
    if lines[0] != "life":
        raise ValueError("no life")
    facts: dict[str, str] = {}
    told: list[DriverNotice] = []
    memory: dict[int, bytes] = {}
    for line in lines[1:]:
        word, _, rest = line.partition(" ")
        if word == "told":
            t0, t1, kind, *words = rest.split()
            told.append(DriverNotice(int(t0), int(t1), kind, tuple(words)))
        elif word == "dump":
            start, length = (int(text, 0) for text in rest.split())
            if not 0 <= length <= len(data):
                raise ValueError(f"{length} bytes of {len(data)}")
            memory[start], data = data[:length], data[length:]
        else:
            facts[word] = rest
    version = int(facts["psci"], 0)
    mpidrs = tuple(int(text, 0) for text in facts["mpidrs"].split())
    for seen in told:
        _check(seen, len(mpidrs))
    return DriverReply(
        why=facts["why"], psci=f"{version >> 16}.{version & 0xFFFF}", exact_clock=facts["clock"] == "exact",
        mpidrs=mpidrs, told=tuple(told),
        untold=int(facts["untold"]), memory=memory,
    )  # fmt: skip


_WORDS = {"system": 3, "vmmsystem": 3, "observe": 3, "final": 2, "hypercall": 2}
"""How many numbers belong to each kind that becomes an event, at least."""


def _check(told: DriverNotice, cpus: int) -> None:
    """Refuse what the driver does not say.

    Raises:
        ValueError: words are missing, or are not numbers, or name a core that is not there.
    """
    wanted = _WORDS.get(told.kind)
    if wanted is None:
        return
    numbers = [int(word, 0) for word in told.words]
    cores = [numbers[0], *numbers[2:3]] if told.kind == "observe" else numbers[:1]
    if len(numbers) < wanted or not all(0 <= core < cpus for core in cores) or told.t1 < told.t0:
        raise ValueError(f"told {told.kind} {' '.join(told.words)} between {told.t0} and {told.t1}")


def compose(
    lives: Sequence[DriverReply],
    platform: encode.StubMachine,
    program: Program,
    *,
    psci: str | None,
    peer: str,
    filtered: Sequence[str],
    frequency: int,
) -> tuple[Event, ...]:
    """The trace of a program from its lives, from `MachineEvent` to `EndEvent`.

    Args:
        lives: one reply for each life of `program`.
        platform: what the lives were encoded for.
        program: what was run.
        psci: the version to judge against; None: the one that KVM reports.
        peer: name and version of what was tested.
        filtered: the ranges of function ids that a filter took from KVM.
        frequency: of the counter, in Hz.

    Raises:
        PeerError: the logs hold what the stub cannot have written.
        PeerDied: the boot core did not start.
    """
    body: list[Event] = []
    first: decode.Entered | None = None
    notes: list[str] = []
    faults: list[Mapping[str, Any]] = []
    why = "done"
    last = -1
    origin = 0
    for life, steps in zip(lives, program.lives, strict=True):
        read = life.reader(platform.exchange)
        boot = decode.boot(read, platform)
        if boot is None:
            raise PeerDied(f"{peer}: the boot core did not start ({life.why}): {'; '.join(_notes(life)) or 'no exit'}")
        # A guest's counter starts again with each machine where the driver cannot set it.
        if first is None:
            origin = boot.t
        elif not life.exact_clock:
            origin = boot.t - last - 1
        if first is None:
            first = boot
        else:
            if not _went_down(body):
                # Nothing in the machine ended that life: we gave it up and made another.
                body.append(HostEvent(action="restart"))
            body.append(
                BootEvent(cpu=platform.mpidrs[0], cause="cold", t=boot.t - origin, extra={"x-boot": report(boot)})
            )
        events, log = _life(life, platform, steps, origin, bool(filtered))
        body += events
        last = max((event.t1 or event.t or 0 for event in body), default=0)
        faults += log.faults
        notes += _notes(life)
        why = why if life.why in ("done", "system") else {"limit": "time limit"}.get(life.why, life.why)
    if first is None:
        raise PeerDied(f"{peer}: a program without lives has no trace")
    machine = MachineEvent(
        psci=psci or lives[0].psci, cpus=platform.mpidrs, boot_cpu=platform.mpidrs[0], conduit="hvc",
        cores={cpu: {"isa": "aarch64", "el": first.el, "world": "normal"} for cpu in platform.mpidrs},
        clock=f"system counter, 1/{frequency} s", peer=peer,
        extra={"x-boot": report(first)} | ({"x-filter": list(filtered)} if filtered else {}),
    )  # fmt: skip
    extra = ({"x-faults": faults} if faults else {}) | ({"x-kvm": notes} if notes else {})
    return (machine, *body, EndEvent(why=why, extra=extra))


def _went_down(body: Sequence[Event]) -> bool:
    """Whether the machine itself ended its last life; after SYSTEM_SUSPEND it could still be woken."""
    last = next((event for event in reversed(body) if isinstance(event, SystemEvent | BootEvent)), None)
    return isinstance(last, SystemEvent) and last.event != "suspend"


def report(boot: decode.Entered) -> dict[str, Any]:
    """The registers of the boot core at its first instruction, for a person."""
    return {"pc": hex(boot.pc), "x0": hex(boot.x0), "el": boot.el} | {k: hex(v) for k, v in boot.regs().items()}


def _life(
    life: DriverReply, platform: encode.StubMachine, steps: Sequence[ProgramStep], origin: int, filtered: bool
) -> tuple[list[Event], decode.StubLife]:
    log = decode.life(life.reader(platform.exchange), platform, steps, origin)
    inside: Iterable[Event] = log.events
    if filtered:
        inside = _answered_by(inside, [told for told in life.told if told.kind == "hypercall"], platform, origin)
    outside = sorted(_outside(life, platform, origin), key=lambda event: event.t or 0)
    # Stable: where stamps are equal, what the guest logged goes first; the checker looks at t0 and t1.
    merged = sorted([*inside, *outside], key=lambda event: event.t or 0)
    if not any(isinstance(event, SystemEvent) for event in outside):
        expected = [index for index, core in enumerate(log.cores) if core.expected and core.status in _OUTSIDE]
        silent = sorted({*log.unanswered, *expected})
        merged += [TimeoutEvent(cpu=platform.mpidrs[index]) for index in silent]
    return merged, log


def _outside(life: DriverReply, platform: encode.StubMachine, origin: int) -> Iterator[Event]:
    late = _late_system_events(life)
    for told in life.told:
        if told in late:
            continue
        t0, t1 = told.t0 - origin, told.t1 - origin
        match told.kind:
            case "system" | "vmmsystem":
                yield _system(told, t0, t1, platform)
            case "observe":
                yield from _observe(told, t0, t1, platform)
            case "final":
                yield _observed(told, t0, t1, platform, {"final": True})
            case _:
                pass


def _late_system_events(life: DriverReply) -> list[DriverNotice]:
    """The exits of vCPUs that made a system call while another one's was taking effect.

    The machine goes down by the first exit; a tester that runs virtual machines does nothing about the others (SYS-5).
    """
    return [told for told in life.told if told.kind in ("system", "vmmsystem")][1:]


def _system(told: DriverNotice, t0: int, t1: int, platform: encode.StubMachine) -> SystemEvent:
    cpu, kind = int(told.words[0]), int(told.words[1])
    data = [int(word, 0) for word in told.words[3 if told.kind == "system" else 2 :]]
    flags = data[0] if data else None
    event = SYSTEM_EVENTS.get(kind, f"kvm-{kind}")
    if kind == _SHUTDOWN and flags is not None and flags & _OFF2_FLAG:
        event = "hibernate"
    raw: dict[str, Any] = {"type": kind, "ndata": len(data), "data": [hex(word) for word in data]}
    raw["vcpu"] = hex(platform.mpidrs[cpu])
    source = "kvm" if told.kind == "system" else "vmm"
    # The caller had stopped before KVM told us, and the stamp was taken after that.
    return SystemEvent(event=event, source=source, flags=flags, raw=raw, t=t1, t0=t0, t1=t1)


def _observe(told: DriverNotice, t0: int, t1: int, platform: encode.StubMachine) -> Iterator[Event]:
    """A look at a core; it had to leave the guest for it, which ends a CPU_SUSPEND as a wakeup would."""
    cpu = platform.mpidrs[int(told.words[0])]
    itself = told.words[0] == told.words[2]
    if not itself:
        yield WakeEvent(cpu=cpu, cause="host", t=t0, t0=t0, t1=t1, extra={"x-by": "kick"})
    yield _observed(told, t0, t1, platform, {"by": hex(platform.mpidrs[int(told.words[2])])})
    if not itself:
        yield UnwakeEvent(cpu=cpu, cause="host", t=t1, t0=t1, t1=t1, extra={"x-by": "kick"})


def _observed(
    told: DriverNotice, t0: int, t1: int, platform: encode.StubMachine, more: Mapping[str, Any]
) -> ObserveEvent:
    cpu, state = platform.mpidrs[int(told.words[0])], int(told.words[1])
    power = MP_STATES.get(state, f"kvm-{state}")
    return ObserveEvent(cpu=cpu, power=power, source=_OBSERVER, raw={"mp_state": state, **more}, t=t1, t0=t0, t1=t1)


def _answered_by(
    events: Iterable[Event], forwarded: Sequence[DriverNotice], platform: encode.StubMachine, origin: int
) -> Iterator[Event]:
    """The events, with `by` in each return: vmm where the call was forwarded, else kernel."""
    waiting: dict[int, list[int]] = {cpu: [] for cpu in platform.mpidrs}
    for told in forwarded:
        waiting[platform.mpidrs[int(told.words[0])]].append(told.t1 - origin)
    for event in events:
        if isinstance(event, ReturnEvent) and event.t is not None:
            mine = waiting[event.cpu]
            answered = bool(mine) and mine[0] <= event.t
            if answered:
                mine.pop(0)
            yield replace(event, by="vmm" if answered else "kernel")
        else:
            yield event


def _notes(life: DriverReply) -> list[str]:
    """What else the driver saw: exits that no call explains."""
    plain = {"system", "vmmsystem", "observe", "final", "hypercall"}
    notes = [" ".join([told.kind, *told.words]) for told in life.told if told.kind not in plain]
    notes += [" ".join(["late", told.kind, *told.words]) for told in _late_system_events(life)]
    return notes + ([f"{life.untold} more"] if life.untold else [])
