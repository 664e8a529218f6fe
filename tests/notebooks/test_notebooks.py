"""Every notebook runs from top to bottom, uses the front door only, and prints what is committed with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from house import ROOT

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
ALLOWED = {"psci", "json", "pathlib"}


def cells(document: Any) -> list[dict[str, Any]]:
    return [cell for cell in document["cells"] if cell["cell_type"] == "code"]


def printed(cell: dict[str, Any]) -> str:
    """What a cell shows as text; where things stand in a picture is graphviz's."""
    texts = (output["text"] if "text" in output else output["data"]["text/plain"] for output in cell["outputs"])
    # the kernel cuts a stream into outputs wherever it likes
    return "".join(text if isinstance(text, str) else "".join(text) for text in texts)


def test_there_are_six() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "changing-the-specification", "judging-kvm", "proving", "racing-calls", "system-off2", "tour",
    ]  # fmt: skip


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_uses_the_front_door_only(notebook: Path) -> None:
    document = json.loads(notebook.read_text(encoding="utf-8"))
    source = "\n".join("".join(cell["source"]) for cell in cells(document))
    imported = set(re.findall(r"^(?:import|from) ([\w.]+)", source, re.MULTILINE))
    assert "psci" in imported <= ALLOWED


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_prints_what_is_committed(notebook: Path) -> None:
    nbclient = pytest.importorskip(
        "nbclient", reason="notebooks are run by nbclient: pip install 'psci-model[notebooks]'"
    )
    nbformat = pytest.importorskip("nbformat")
    committed = nbformat.read(notebook, as_version=4)
    run = nbformat.read(notebook, as_version=4)
    nbclient.NotebookClient(run, timeout=300, kernel_name="python3", resources={"metadata": {"path": FOLDER}}).execute()
    assert [printed(cell) for cell in cells(run)] == [printed(cell) for cell in cells(committed)]
    assert sum(bool(cell["outputs"]) for cell in cells(committed)) >= 5
