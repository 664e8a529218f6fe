"""The track record is what the quirks and the saved findings say, and the current rules still say so."""

from __future__ import annotations

from house import ROOT

from psci.cli.track_record import PAGE, recorded, text


def test_each_saved_finding_is_still_a_deviation_and_only_the_listed_ones() -> None:
    found = recorded(ROOT)
    assert len(found) >= 9
    assert [(one.path, one.still, bool(one.quirks), one.unexplained) for one in found] == [
        (one.path, True, True, ()) for one in found
    ]


def test_regenerating_changes_nothing() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == text(ROOT), "run: python -m psci.cli.track_record"
