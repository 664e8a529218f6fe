"""Run mypy over every module under its real name, and fail where it has seen fewer files than the house holds.

Tests and benchmarks are checked against the same tree.

`python tests/quality/strict_types.py ENVIRONMENT`, which holds a strict editable installation.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from house import MAPPED, ROOT, files, modules

BESIDE = ("tests", "benchmarks")
SEEN = re.compile(r"(?:in|checked) (\d+) source files?")


def main() -> int:
    """Print what mypy says, with the paths of the house, and return the exit status."""
    tree = links(Path(sys.argv[1]))
    beside = [path for path in files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in BESIDE]
    packages = run(tree, "--package", "psci", cwd=tree, held=len(list(modules())))
    others = run(
        tree, "--explicit-package-bases", "--follow-imports=silent", *map(str, beside), cwd=ROOT, held=len(beside)
    )
    return packages or others


def run(tree: Path, *arguments: str, cwd: Path, held: int) -> int:
    """One run of mypy, which has to see `held` files; returns its exit status."""
    options = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
    path = os.pathsep.join([str(tree), str(ROOT / "tests" / "quality")])
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *arguments],
        cwd=cwd,
        env={**os.environ, "MYPYPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(at_home(done.stdout))
    sys.stderr.write(done.stderr)
    seen = sum(int(number) for number in SEEN.findall(done.stdout))
    if seen != held:
        sys.stderr.write(f"mypy saw {seen} files and there are {held}: is a folder not found by setup.py?\n")
        return 1
    return done.returncode


def links(environment: Path) -> Path:
    """The folder of links that a strict editable installation put on the path."""
    (path,) = environment.glob("lib/python*/site-packages/__editable__.psci_model-*.pth")
    return Path(path.read_text(encoding="utf-8").strip())


def at_home(text: str) -> str:
    """The same text with `model/step.py` where mypy said `psci/model/step.py`."""
    for package, place in sorted(MAPPED.items(), key=lambda item: len(item[0]), reverse=True):
        text = re.sub(rf"^{package.replace('.', '/')}/", f"{place}/", text, flags=re.MULTILINE)
    return text


if __name__ == "__main__":
    sys.exit(main())
