"""A suite as one C header: tables, and the few functions that walk them. Every compiler for the target takes it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

from psci.oracle.peers.program import EntrySlot
from psci.oracle.suite.sequences import (
    CoreName,
    ExpectedAnswer,
    Suite,
    SuiteArgument,
    SuiteAwait,
    SuiteBoot,
    SuiteCall,
    SuiteSequence,
    SuiteStep,
    SuiteSystem,
    SuiteWake,
)

_HOW = {"returns": "PSCI_SUITE_RETURNS", "waits": "PSCI_SUITE_WAITS", "never": "PSCI_SUITE_NEVER"}
_SYSTEMS = {"off": "PSCI_SUITE_OFF", "reset": "PSCI_SUITE_RESET", "hibernate": "PSCI_SUITE_HIBERNATE"}


def c_header(suite: Suite) -> str:
    """The header; it may be included once in a program."""
    return "\n".join(_lines(suite)) + "\n"


def _lines(suite: Suite) -> Iterator[str]:
    cores = len(suite.machine.cores)
    yield f"/* Sequences of calls for PSCI {suite.machine.version}, {cores} cores; made by `psci suite`. */"
    yield "/* The expected answers rest on what this machine declares (psci suite --json has it as `machine`). */"
    yield resources.files("psci.oracle.suite").joinpath("driver.h").read_text(encoding="utf-8").rstrip("\n")
    yield ""
    yield f"#define PSCI_SUITE_CORES {cores}"
    for number, sequence in enumerate(suite.sequences):
        yield from _sequence(number, sequence)
    yield ""
    yield "static const struct psci_suite_sequence psci_suite_sequences[] = {"
    for number, sequence in enumerate(suite.sequences):
        yield f'\t{{ "{sequence.name}", psci_suite_steps_{number}, {len(sequence.steps)} }},'
    yield "};"
    yield ""
    yield f"#define PSCI_SUITE_SEQUENCES {len(suite.sequences)}"


def _sequence(number: int, sequence: SuiteSequence) -> Iterator[str]:
    for place, step in enumerate(sequence.steps):
        if isinstance(step, SuiteCall):
            yield ""
            yield f"static const struct psci_suite_answer psci_suite_answers_{number}_{place}[] = {{"
            yield from (f"\t{_answer(answer)}," for answer in step.answers)
            yield "};"
        elif isinstance(step, SuiteAwait) and step.entries:
            yield ""
            yield f"static const struct psci_suite_entry psci_suite_entries_{number}_{place}[] = {{"
            yield from (f"\t{{ {slot.slot}, {_word(context)} }}," for slot, context in step.entries)
            yield "};"
    yield ""
    yield f"static const struct psci_suite_step psci_suite_steps_{number}[] = {{"
    yield from (f"\t{{ {_step(number, place, step)} }}," for place, step in enumerate(sequence.steps))
    yield "};"


def _answer(answer: ExpectedAnswer) -> str:
    how = "PSCI_SUITE_RETURNS_ANY" if answer.how == "returns" and answer.value is None else _HOW[answer.how]
    return f'{{ {how}, {_word(answer.value or 0)}, "{answer.text}: {", ".join(answer.rules)}" }}'


def _step(number: int, place: int, step: SuiteStep) -> str:
    match step:
        case SuiteCall():
            args = ", ".join(_argument(argument) for argument in step.args) or "{ PSCI_SUITE_WORD, 0 }"
            return (
                f'.what = PSCI_SUITE_CALL, .core = {step.cpu}, .text = "{step.function}", .fn = {step.fn:#010x}u,'
                f" .bits = {64 if step.wide else 32}, .args = {{ {args} }},"
                f" .answers = psci_suite_answers_{number}_{place}, .answer_count = {len(step.answers)},"
                f" .goes_on = {step.goes_on}"
            )
        case SuiteWake(cpu=cpu, by=by):
            waker = "PSCI_SUITE_OUTSIDE" if by is None else str(by)
            return f'.what = PSCI_SUITE_WAKE, .core = {cpu}, .text = "wake", .by = {waker}'
        case SuiteAwait(cpu=cpu, returns=returns, entries=entries):
            where = f"psci_suite_entries_{number}_{place}" if entries else "0"
            return (
                f'.what = PSCI_SUITE_AWAIT, .core = {cpu}, .text = "await", .may_return = {int(returns is not None)},'
                f" .entries = {where}, .entry_count = {len(entries)}"
            )
        case SuiteSystem(events=events):
            systems = " | ".join(f"1u << {_SYSTEMS[event]}" for event in events)
            return f'.what = PSCI_SUITE_AWAIT_SYSTEM, .text = "system", .systems = {systems}'
        case SuiteBoot(cause=cause):
            return f'.what = PSCI_SUITE_BOOT, .text = "{cause}"'


def _argument(argument: SuiteArgument) -> str:
    match argument:
        case CoreName(index=index):
            return f"{{ PSCI_SUITE_CORE, {index} }}"
        case EntrySlot(slot=slot):
            return f"{{ PSCI_SUITE_ENTRY, {slot} }}"
    return f"{{ PSCI_SUITE_WORD, {_word(argument)} }}"


def _word(value: int) -> str:
    return f"{value:#x}ull"


__all__ = ["c_header"]
