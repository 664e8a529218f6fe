"""Write the shipped traces: `python -m tests.oracle.traces.write` at the root; with --check, say which would change."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.oracle.traces import callers, cores, edges, others, readings, suites, systems, witnesses
from tests.oracle.traces.writing import SHIPPED

from psci.oracle.traces.file import as_line

FAMILIES = (callers, cores, edges, others, readings, suites, systems, witnesses)
HERE = Path(__file__).parent


def main() -> int:
    """Write the files, or compare them; the exit status says whether something differs."""
    wanted = {
        HERE / f"{shipped.name}.ndjson": "".join(as_line(event) + "\n" for event in shipped.events)
        for shipped in SHIPPED.values()
    }
    present = {path: path.read_text(encoding="utf-8") for path in HERE.glob("*.ndjson")}
    changed = sorted(path for path in {*wanted, *present} if wanted.get(path) != present.get(path))
    if "--check" in sys.argv[1:]:
        sys.stdout.writelines(f"{path.name} differs: run python -m tests.oracle.traces.write\n" for path in changed)
        return 1 if changed else 0
    for path in changed:
        if path in wanted:
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    sys.stdout.write(f"{len(wanted)} traces of {len(FAMILIES)} families, {len(changed)} changed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
