"""The matrix: a row for each rule and each choice, a column for each implementation, and what a cell can say."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from psci.model.calls import CALLS
from psci.model.specification import SPECIFICATION
from psci.oracle.matrix.columns import MatrixError

KIND, FORMAT = "psci-matrix", 1
CHOICES = "What it is"
"""The section of what DEN0022 leaves to an implementation."""
ELSEWHERE = "Beside the calls"
"""The section of what is seen without a call: entries, the end of the machine, the death of a peer."""


class Cell(enum.StrEnum):
    """What a cell says."""

    CONFORMS = "conforms"
    DEVIATES = "deviates"
    CHOICE = "choice"
    """DEN0022 leaves it to the implementation."""
    PERMISSION = "permission"
    """An answer that only a permission of DEN0022 explains."""
    NOT_EXERCISED = "not exercised"
    OUT_OF_REACH = "out of reach"
    """What the implementation declares excludes it."""


def matrix(columns: Sequence[Mapping[str, Any]], missing: Mapping[str, str], date: str) -> dict[str, Any]:
    """The matrix of these columns.

    Args:
        columns: as `psci.oracle.matrix.columns.column` makes them.
        missing: peers that were not executed, and why.
        date: the day on which it was made.
    """
    rows = [*_choices(columns), *_rules(columns), *_elsewhere(columns)]
    return {
        "kind": KIND,
        "format": FORMAT,
        "date": date,
        "columns": [_head(column) for column in columns],
        "not_executed": [{"peer": peer, "why": why} for peer, why in missing.items()],
        "rows": rows,
    }


def read(path: Path) -> dict[str, Any]:
    """A matrix from its JSON file.

    Raises:
        MatrixError: it is none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MatrixError(f"{path}: cannot be read ({error}): give the matrix.json that psci matrix wrote") from error
    if not isinstance(found, dict) or (found.get("kind"), found.get("format")) != (KIND, FORMAT):
        raise MatrixError(f"{path}: not a matrix of format {FORMAT}: give the matrix.json that psci matrix wrote")
    width = len(found["columns"])
    if any(len(row["cells"]) != width for row in found["rows"]):
        raise MatrixError(f"{path}: a row does not have {width} cells: make the matrix again")
    return found


def difference(found: Mapping[str, Any], one: str, other: str) -> list[dict[str, Any]]:
    """The rows in which two implementations differ, conforming or not: what a guest notices that moves.

    A rule that only one of them was seen to follow is no difference.

    Raises:
        MatrixError: the matrix has no such column.
    """
    labels = [column["label"] for column in found["columns"]]
    for label in (one, other):
        if label not in labels:
            raise MatrixError(f"no column {label!r}: choose two of {', '.join(labels)}")
    first, second = labels.index(one), labels.index(other)
    rows = []
    for row in found["rows"]:
        cells = row["cells"][first], row["cells"][second]
        if _told(cells[0]) != _told(cells[1]) and not _is_silence(cells):
            rows.append({**row, "cells": list(cells)})
    return rows


def _told(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    return cell["state"], cell.get("value"), tuple(sorted(cell.get("observed", ())))


def _is_silence(cells: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of two cells knows nothing, and the other nothing bad."""
    states = {cell["state"] for cell in cells}
    harmless = {Cell.NOT_EXERCISED, Cell.CONFORMS, Cell.PERMISSION, Cell.OUT_OF_REACH}
    return Cell.NOT_EXERCISED in states and states <= harmless


def _head(column: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "label", "peer", "version", "psci", "command", "seed", "programs", "calls", "seconds", "calls_per_second",
        "problems", "died",
    )  # fmt: skip
    return {name: column[name] for name in names} | {
        "deviations": len(column["deviations"]),
        "overlap": column["overlap"]["share"],
        "rules_exercised": len(column["rules_exercised"]),
        "rules_in_reach": column["rules_in_reach"],
    }


def _choices(columns: Sequence[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    declared = [dict(pair for profile in column["profiles"] for pair in profile.items()) for column in columns]
    functions = [_functions(column["profiles"]) for column in columns]
    yield _choice("PSCI", [column["psci"] for column in columns])
    for name in (call.name for call in CALLS if call.optional):
        yield _choice(name, [known.get(name) for known in functions])
    yield _choice("format of power_state", [known.get("power_state_format") for known in declared])
    yield _choice("OS-initiated mode", [_yes(known.get("os_initiated")) for known in declared])
    levels = [known.get("affinity_levels") for known in declared]
    yield _choice("levels above a core that AFFINITY_INFO knows", [_listed(known) for known in levels])


def _functions(profiles: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Present, absent, or what depends on a switch of the peer."""
    seen: dict[str, set[bool]] = {}
    for profile in profiles:
        for name, there in profile.get("functions", {}).items():
            seen.setdefault(name, set()).add(there)
    return {name: "depends on the host" if len(both) > 1 else _yes(both.pop()) or "" for name, both in seen.items()}


def _yes(there: bool | None) -> str | None:
    return None if there is None else "present" if there else "absent"


def _listed(levels: Sequence[int] | None) -> str | None:
    return None if levels is None else ", ".join(map(str, levels)) or "none"


def _choice(name: str, values: Sequence[str | None]) -> dict[str, Any]:
    cells = [
        {"state": Cell.NOT_EXERCISED} if value is None else {"state": Cell.CHOICE, "value": value} for value in values
    ]
    return {"section": CHOICES, "row": name, "facts": [], "sentence": "", "cells": cells}


def _rules(columns: Sequence[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    shown = {name for column in columns for name in (*column["rules_exercised"], *column["rules_never_exercised"])}
    shown |= {name for column in columns for deviation in column["deviations"] for name in deviation["rules"]}
    for rule in SPECIFICATION.every_rule():
        if rule.name in shown:
            yield {
                "section": rule.name.partition(".")[0],
                "row": rule.name,
                "facts": list(rule.cites),
                "sentence": rule.text,
                "cells": [_rule_cell(rule.name, column) for column in columns],
            }


def _rule_cell(name: str, column: Mapping[str, Any]) -> dict[str, Any]:
    against = [deviation for deviation in column["deviations"] if name in deviation["rules"]]
    conforming = column["rules_exercised"].get(name, 0)
    if against:
        return _deviating(against, conforming)
    if name in column["permissions"]:
        return {"state": Cell.PERMISSION, "count": column["permissions"][name]}
    if conforming:
        return {"state": Cell.CONFORMS, "count": conforming}
    known = name in column["rules_never_exercised"]
    return {"state": Cell.NOT_EXERCISED if known else Cell.OUT_OF_REACH}


def _deviating(against: Sequence[Mapping[str, Any]], conforming: int) -> dict[str, Any]:
    return {
        "state": Cell.DEVIATES,
        "count": sum(deviation["count"] for deviation in against),
        "conforming": conforming,
        "observed": sorted({deviation["observed"] for deviation in against}),
        "seen": [deviation["seen"] for deviation in against],
        "traces": [deviation["file"] for deviation in against if deviation["file"]],
    }


def _elsewhere(columns: Sequence[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    rules = {rule.name for rule in SPECIFICATION.every_rule()}
    keys: dict[str, list[str]] = {}
    for column in columns:
        for deviation in column["deviations"]:
            if not rules & set(deviation["rules"]):
                keys.setdefault(f"{deviation['what']} {deviation['observed']}", deviation["facts"])
    for key, facts in keys.items():
        cells = []
        for column in columns:
            against = [d for d in column["deviations"] if f"{d['what']} {d['observed']}" == key]
            cells.append(_deviating(against, 0) if against else {"state": Cell.NOT_EXERCISED})
        yield {"section": ELSEWHERE, "row": key, "facts": facts, "sentence": "", "cells": cells}


__all__ = ["CHOICES", "ELSEWHERE", "Cell", "difference", "matrix", "read"]
