"""The generated documents are those of the rules: making them again changes nothing."""

from __future__ import annotations

import pytest
from house import ROOT

from psci.cli.documents import DOCUMENTS, text


@pytest.mark.parametrize("name", DOCUMENTS)
def test_regenerating_changes_nothing(name: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == text(name), "run: python -m psci.cli.documents"
