"""The track record is what the quirks and the saved findings say, and the current rules still say so."""

from __future__ import annotations

from house import ROOT

from psci.cli.track_record import PAGE, recorded, text

NO_QUIRK_SAYS_IT = {
    "tests/regression/tfa/tfa-cpu-off-gives-no-answer-b692883d.json",
    "tests/regression/xen/xen-enter-unexpected-d7b76bb8.json",
}
"""A start that is lost and a context id that is lost: quirks amend the answers of calls, and these are none."""


def test_each_saved_finding_is_still_a_deviation_and_all_but_two_are_listed() -> None:
    found = recorded(ROOT)
    assert [one.path for one in found if not one.still] == []
    assert {one.path for one in found if one.unexplained or not one.quirks} == NO_QUIRK_SAYS_IT
    assert all(one.unexplained and not one.quirks for one in found if one.path in NO_QUIRK_SAYS_IT)


def test_regenerating_changes_nothing() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == text(ROOT), "run: python -m psci.cli.track_record"
