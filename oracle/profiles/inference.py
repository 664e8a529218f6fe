"""A profile from an implementation itself: what to ask it, and what its answers say.

Only what an answer tells is written down. Where PSCI_FEATURES is absent (before 1.0), presence is left open: calling a
function in order to find out is not safe (FEAT-8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psci.model.calls import CALLS
from psci.model.calls.psci_features import SMCCC_VERSION
from psci.model.events import CallEvent, Event, MachineEvent, ReturnEvent
from psci.model.tables.codes import INVALID_PARAMETERS, NOT_SUPPORTED
from psci.model.tables.versions import VERSIONS
from psci.oracle.peers.program import CallStep, Program, ProgramStep, WakeStep

IDS: Mapping[str, tuple[int, ...]] = {call.name: call.ids() for call in CALLS}
PSCI_VERSION, PSCI_FEATURES = IDS["PSCI_VERSION"][0], IDS["PSCI_FEATURES"][0]
CPU_SUSPEND, MIGRATE_INFO_TYPE, AFFINITY_INFO = (
    IDS[name][0] for name in ("CPU_SUSPEND", "MIGRATE_INFO_TYPE", "AFFINITY_INFO")
)
LEVELS = (1, 2, 3)
STANDBY_STATES = (0x0, 0x1, 0x2, 0x0100_0000, 0x0200_0000)
"""Values of power_state without StateType: at worst the core sleeps until the wakeup that is sent with it."""
TRUSTED_OS = ("up_migratable", "up_fixed", "mp_or_none")
EXTENDED_FORMAT, OS_INITIATED = 0b10, 0b01

AskedOf = tuple[int, int, int]
"""A function id and its first two arguments."""


def questions(cpus: int, psci: str | None = None) -> Program:
    """A program that asks for the version, for every function in both widths, and for what the answers leave open."""
    asked: list[AskedOf] = [(PSCI_VERSION, 0, 0), (MIGRATE_INFO_TYPE, 0, 0)]
    asked += [(PSCI_FEATURES, fid, 0) for fid in (SMCCC_VERSION, *(fid for call in CALLS for fid in call.ids()))]
    asked += [(AFFINITY_INFO, 0, level) for level in LEVELS]
    steps = [CallStep(turn=turn, cpu=0, fn=fn, args=(x1, x2)) for turn, (fn, x1, x2) in enumerate(asked)]
    return Program(cpus=cpus, lives=(tuple(steps),), psci=psci)


def suspend_questions(cpus: int, psci: str | None = None) -> tuple[Program, ...]:
    """Programs that ask for a standby state each, with a wakeup pending: the core may be lost over it."""

    def life(word: int) -> tuple[ProgramStep, ...]:
        return WakeStep(turn=0, cpu=0, target=0), CallStep(turn=1, cpu=0, fn=CPU_SUSPEND, args=(word, 0, 0))

    return tuple(Program(cpus=cpus, lives=(life(word),), psci=psci) for word in STANDBY_STATES)


def inferred(name: str, traces: Sequence[Sequence[Event]]) -> dict[str, Any]:
    """The profile that the answers tell.

    Args:
        name: of the profile.
        traces: what came of the programs.
    """
    answers = dict(pair for trace in traces for pair in _answers(trace))
    machine = next(event for trace in traces for event in trace if isinstance(event, MachineEvent))
    found: dict[str, Any] = {"name": name, "description": f"What {name} answered when it was asked."}
    number = answers.get((PSCI_VERSION, 0, 0))
    versions = [version for version in VERSIONS if version.number == number]
    if versions:
        found["psci"] = versions[-1].name
    found["cores"] = [hex(mpidr) for mpidr in machine.cpus]
    if _granted(answers.get((PSCI_FEATURES, PSCI_FEATURES, 0))):
        found |= _features(answers, found.get("psci"))
    kind = answers.get((MIGRATE_INFO_TYPE, 0, 0))
    if kind is not None and (kind < len(TRUSTED_OS) or _denied(kind)):
        found["trusted_os"] = TRUSTED_OS[-1] if _denied(kind) else TRUSTED_OS[kind]
    levels = {level: answers.get((AFFINITY_INFO, 0, level)) for level in LEVELS}
    if None not in levels.values():
        invalid = INVALID_PARAMETERS.word(32)
        found["affinity_levels"] = [level for level, answer in levels.items() if answer != invalid]
    return found


def accepted_states(traces: Sequence[Sequence[Event]]) -> list[str]:
    """The standby power states that were not refused, for a person to read: all others stay open."""
    answers = dict(pair for trace in traces for pair in _answers(trace))
    return [hex(word) for word in STANDBY_STATES if answers.get((CPU_SUSPEND, word, 0)) == 0]


def _features(answers: Mapping[AskedOf, int], version: str | None) -> dict[str, Any]:
    functions = {}
    for call in CALLS:
        answer = answers.get((PSCI_FEATURES, call.ids()[0], 0))
        known = version is None or any(v.name == version and call.exists_in(v) for v in VERSIONS)
        if call.optional and (_granted(answer) or (known and _denied(answer) and answer is not None)):
            functions[call.name] = _granted(answer)
    smccc = answers.get((PSCI_FEATURES, SMCCC_VERSION, 0))
    if _granted(smccc) or smccc == NOT_SUPPORTED.word(32):
        functions["SMCCC_VERSION"] = _granted(smccc)
    flags = answers.get((PSCI_FEATURES, CPU_SUSPEND, 0), 0)
    # Who denies CPU_SUSPEND says nothing of its flags, and none can be set.
    flags = flags if _granted(flags) else 0
    return {
        "functions": functions,
        "power_state_format": "extended" if flags & EXTENDED_FORMAT else "original",
        "os_initiated": bool(flags & OS_INITIATED),
    }


def _granted(answer: int | None) -> bool:
    """Whether an answer of PSCI_FEATURES says that the function is there; what is neither yes nor no says nothing."""
    return answer is not None and answer < 1 << 31


def _denied(answer: int | None) -> bool:
    return answer is None or answer == NOT_SUPPORTED.word(32)


def _answers(trace: Sequence[Event]) -> list[tuple[AskedOf, int]]:
    found, asked = [], None
    for event in trace:
        match event:
            case CallEvent(fn=fn, args=args):
                x1, x2 = (*args, 0, 0)[:2]
                asked = (fn, x1, x2)
            case ReturnEvent(x0=x0) if asked is not None:
                found.append((asked, x0 & 0xFFFF_FFFF))
                asked = None
    return found
