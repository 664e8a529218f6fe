"""Beside each saved finding, a text to mail."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any


def write_reproducers(findings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Write `FINDING.txt` beside each file of a campaign's findings.

    Args:
        findings: the `deviations` and `observations` of the document of `psci fuzz --json`.

    Returns:
        What could not be written, and why: the findings themselves are there.
    """
    from psci.graphs.reproducer import reproducer
    from psci.host.files import write_whole
    from psci.oracle.campaign import saved
    from psci.oracle.traces.file import event_from

    problems = []
    for finding in findings:
        if finding["file"] is None:
            continue
        path = Path(finding["file"])
        try:
            trace = [event_from(line) for line in json.loads(path.read_bytes())["trace"]]
            text = reproducer(saved.read(path), trace, path, metadata.version("psci-model"))
            write_whole(path.with_suffix(".txt"), text)
        except (OSError, ValueError) as error:
            problems.append(f"{path.with_suffix('.txt')}: cannot be written ({error})")
    return problems


__all__ = ["write_reproducers"]
