"""The house as setup.py finds it, for the tests that compare it with what is there."""

from __future__ import annotations

import runpy
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SETUP: Mapping[str, Any] = runpy.run_path(str(ROOT / "setup.py"))
MAPPED: Mapping[str, str] = SETUP["package_dir"]()
"""The folder of each package that does not lie below its parent's folder."""


def listed() -> list[str]:
    """The packages that setup.py finds."""
    packages: list[str] = SETUP["packages"]()
    return packages


def folder(package: str) -> Path:
    """The folder of a package."""
    home = max((name for name in MAPPED if f"{package}.".startswith(f"{name}.")), key=len)
    return ROOT.joinpath(MAPPED[home], *package.removeprefix(home).strip(".").split("."))


def modules() -> Iterator[tuple[str, Path]]:
    """The name and file of every module of the packages."""
    for package in listed():
        for path in sorted(folder(package).glob("*.py")):
            yield package if path.name == "__init__.py" else f"{package}.{path.stem}", path


def files() -> list[Path]:
    """Every file of the repository that is committed or could be: what git ignores is not among them."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    return sorted(path for name in names if name and (path := ROOT / name.decode()).is_file())
