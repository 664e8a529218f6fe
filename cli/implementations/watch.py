"""`psci watch`: judge the events of a trace as they come, for as long as they come."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, for each finding and at the end.")
def command(file: Path, as_json: bool) -> int:
    """Judge events as they come: FILE is a trace, a pipe, or - for standard input.

    A finding is printed as soon as its event is there, the verdict at the end.

    Exit status: 0 no deviation, 1 a deviation, 2 bad input, 3 could not judge, 130 interrupted.
    """
    from psci.oracle.watching import watch

    if str(file) == "-":
        watched = watch(sys.stdin.buffer, "standard input")
        status = _tell(watched, as_json)
    else:
        with file.open("rb") as source:
            status = _tell(watch(source, str(file)), as_json)
    return status


def _tell(watched: Any, as_json: bool) -> int:
    from psci.oracle.checker.report import Verdict
    from psci.oracle.watching import Ended

    for said in watched:
        if isinstance(said, Ended):
            report = said.report
            print(json.dumps({"end": report.as_json()}) if as_json else report.summary(), flush=True)
            if report.verdict is Verdict.DEVIATES:
                return 1
            return 3 if report.verdict in (Verdict.UNKNOWN, Verdict.HARNESS_ERROR) else 0
        if as_json:
            line: dict[str, Any] = {"event": said.number, "text": list(said.lines)}
            print(json.dumps({"problem" if said.finding is None else "finding": line}), flush=True)
        else:
            print("\n".join(said.lines), flush=True)
    return 3
