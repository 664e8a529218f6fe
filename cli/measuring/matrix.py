"""`psci matrix`: every implementation that can be had, judged by the same rules, in one table."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from psci.cli.implementations.fuzz import progress

MATRIX = "matrix.json"


@click.command()
@click.argument("labels", metavar="[PEER[@VERSION]]...", nargs=-1)
@click.option("--time", "seconds", type=click.FloatRange(0.1), default=20.0, show_default=True,
              help="For each column.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), help="Generate the same programs again.")
@click.option("--cpus", type=click.IntRange(1, 8), default=4, show_default=True, help="Cores of each machine.")
@click.option("--save", type=click.Path(file_okay=False, path_type=Path), default=Path("psci-matrix"),
              show_default=True, help="The folder for the matrix, its columns and its traces.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Keep the columns that are in the folder already.")
@click.option("--from", "source", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Run nothing: read a matrix.json.")  # fmt: skip
@click.option("--compare", nargs=2, metavar="A B", help="Only the rows in which two columns differ.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: matrix.json).")
def command(
    labels: tuple[str, ...], seconds: float, seed: int | None, cpus: int, save: Path, resume: bool, source: Path | None,
    compare: tuple[str, str] | None, as_json: bool,
) -> int:  # fmt: skip
    """Judge implementations beside each other, each by DEN0022 alone (default: every one that can be had).

    PEER@VERSION asks for another version of PSCI, such as kvm:7.2@1.1.

    Exit status: 0 every column was executed, 2 bad input, 3 some could not be, 130 interrupted.
    """
    from psci.cli.measuring import matrix_text
    from psci.oracle.matrix.columns import Wanted
    from psci.oracle.matrix.table import difference, read

    if source is not None:
        found = read(source)
    else:
        wanted = Wanted(
            seed=secrets.randbelow(1 << 32) if seed is None else seed, seconds=seconds, cpus=cpus, folder=save
        )
        found = _made(labels or compare or (), wanted, resume=resume)
        _write(found, save)
    rows = difference(found, *compare) if compare else None
    if as_json:
        print(json.dumps(found if rows is None else {"compared": compare, "rows": rows}, indent=1))
    else:
        lines = matrix_text.terminal(found) if rows is None else matrix_text.compared(rows, compare or ("", ""))
        print("\n".join(lines))
    return 3 if found["not_executed"] else 0


def _made(labels: Sequence[str], wanted: Any, *, resume: bool) -> dict[str, Any]:
    from psci.host.requirements import CannotRun
    from psci.oracle.matrix import columns
    from psci.oracle.matrix.table import matrix

    missing: dict[str, str] = {}
    if not labels:
        labels, missing = columns.offered()
    for label in labels:
        columns.request_of(label)  # a wrong word is told before anything runs
    if not resume:
        columns.drop(labels, wanted.folder)
    made: list[Mapping[str, Any]] = []
    for label in labels:
        before = columns.kept(label, wanted.folder) if resume else None
        if before is not None:
            made.append(before)
            continue
        try:
            with progress(label) as tell:
                one = columns.column(label, wanted, tell)
        except CannotRun as error:
            missing[label] = str(error)
            continue
        if one["interrupted"]:
            raise KeyboardInterrupt
        columns.keep(one, wanted.folder)
        made.append(one)
    return matrix(made, missing, datetime.now(UTC).date().isoformat())


def _write(found: Mapping[str, Any], folder: Path) -> None:
    from psci.cli.measuring import matrix_page, matrix_text
    from psci.host.files import write_whole

    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / MATRIX, json.dumps(found, indent=1) + "\n")
    write_whole(folder / "matrix.md", "\n".join(matrix_text.markdown(found)) + "\n")
    write_whole(folder / "matrix.html", matrix_page.page(found))
