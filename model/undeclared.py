"""What is undeclared has one value, unknown but fixed: which values it can have beside what is known of the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from psci.model.language.terms import Value
from psci.model.machine import Key, Machine, answers, covers
from psci.model.tables.versions import V0_2

MIGRATE_INFO_TYPE = 0x8400_0006


def possible(machine: Machine, known: Iterable[Mapping[Key, Value]], key: Key) -> tuple[Value, ...]:
    """The values of something undeclared that do not contradict what is known of the same implementation.

    Args:
        machine: what is declared.
        known: what is taken as known beside it.
        key: the symbol that is asked for.
    """
    every = answers(key, cores=len(machine.cores))
    check = TOGETHER.get(str(key[0]))
    if check is None:
        return every

    def value(name: str, *arguments: Value) -> Value | None:
        asked = (name, *arguments)
        return next((one[asked] for one in known if asked in one), machine.value(name, arguments))

    return tuple(answer for answer in every if check(machine, value, known, key[1:], answer)) or every


AnswerLookup: TypeAlias = Callable[..., Value | None]


def _kind_fits(
    machine: Machine, value: AnswerLookup, _known: Iterable[Mapping[Key, Value]], _of: tuple[Value, ...], kind: Value
) -> bool:
    """TOS-1, MIG_TYPE-5: a uniprocessor Trusted OS starts on one core, and MIGRATE_INFO_TYPE tells of it."""
    starts = [value("starts_trusted_os", core) for core in range(len(machine.cores))]
    if kind == "MP_OR_NONE":
        return True not in starts
    untold = machine.version >= V0_2 and value("has", MIGRATE_INFO_TYPE) is False
    return not untold and any(start is not False for start in starts)


def _start_fits(
    machine: Machine, value: AnswerLookup, _known: Iterable[Mapping[Key, Value]], of: tuple[Value, ...], starts: Value
) -> bool:
    """TOS-1: a uniprocessor Trusted OS starts on one core, which is its home."""
    others = [value("starts_trusted_os", core) for core in range(len(machine.cores)) if core != of[0]]
    home, kind = value("trusted_os_home"), value("trusted_os")
    untold = machine.version >= V0_2 and value("has", MIGRATE_INFO_TYPE) is False
    if starts:
        return home in (None, of[0]) and kind != "MP_OR_NONE" and True not in others and not untold
    return home != of[0] and (kind in (None, "MP_OR_NONE") or any(other is not False for other in others))


def _home_fits(
    machine: Machine, value: AnswerLookup, _known: Iterable[Mapping[Key, Value]], _of: tuple[Value, ...], home: Value
) -> bool:
    starts = {core: value("starts_trusted_os", core) for core in range(len(machine.cores))}
    return starts[int(home)] is not False and not any(start and core != home for core, start in starts.items())


def _presence_fits(
    machine: Machine, value: AnswerLookup, _known: Iterable[Mapping[Key, Value]], of: tuple[Value, ...], there: Value
) -> bool:
    """MIG_TYPE-5: without MIGRATE_INFO_TYPE there is no uniprocessor Trusted OS."""
    if of[0] != MIGRATE_INFO_TYPE or there or machine.version < V0_2:
        return True
    starts = any(value("starts_trusted_os", core) for core in range(len(machine.cores)))
    return not starts and value("trusted_os") in (None, "MP_OR_NONE")


def _range_fits(
    _machine: Machine,
    _value: AnswerLookup,
    known: Iterable[Mapping[Key, Value]],
    of: tuple[Value, ...],
    protected: Value,
) -> bool:
    """MEMC-2: what lies in protected ranges is protected, and of a range that is not, some part is not either."""
    told = {k[1:]: v for one in known for k, v in one.items() if k[0] == "protected_range"} | {of: protected}
    ranges = {(int(base), int(length)): bool(answer) for (base, length), answer in told.items()}
    inside = [(base, base + length - 1) for (base, length), answer in ranges.items() if answer and length]
    return not any(length and covers(inside, base, length) for (base, length), answer in ranges.items() if not answer)


TOGETHER: Mapping[str, Callable[..., bool]] = {
    "trusted_os": _kind_fits,
    "starts_trusted_os": _start_fits,
    "trusted_os_home": _home_fits,
    "has": _presence_fits,
    "protected_range": _range_fits,
}
"""What the values of symbols have to do with each other: whether an answer fits what is known."""
