"""`python -m psci.cli.site [FOLDER]`: build the site, strictly: a link that leads nowhere is an error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from psci.cli.site import flowchart, pages, reference
from psci.graphs.page.assemble import page
from psci.model.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = ROOT / "build" / "site"
LOOK = ("style.css", "iframe-worker.js")
"""What the pages have beside what the theme gives."""


def write_pages(folder: Path) -> int:
    """Write the hand-written and the generated pages into a folder; returns how many were generated."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder)
    for name in LOOK:
        _write(folder / "look" / name, Path(__file__).with_name(name).read_bytes())
    count = 0
    for name, text in (*pages.every_page(), *reference.every_page()):
        _write(folder / name, text.encode())
        count += 1
    try:
        for name, content in reference.pictures(ROOT / "docs"):
            _write(folder / name, content)
        flowchart.drawn(folder)
    except InputError as error:
        print(f"site: no pictures: {error}", file=sys.stderr)
        _write(folder / "pictures.md", b"# Pictures\n\nThey were not drawn: there was no graphviz.\n")
    _write(folder / "explorer.html", page().encode())
    return count


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def main(arguments: list[str]) -> int:
    """Build the site and say where it is."""
    site = Path(arguments[0]) if arguments else DEFAULT
    count = write_pages(ROOT / "build" / "pages")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--config-file",
        str(ROOT / "mkdocs.yml"),
    ]
    # the theme's advertisement for its successor is not a warning about our pages
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run([*command, "--site-dir", str(site.resolve())], check=False, env=quiet)
    if done.returncode == 0:
        print(f"{site}: {count} generated pages; open {site / 'index.html'}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
