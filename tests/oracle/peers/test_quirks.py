"""Known deviations are amendments with reasons; each has a saved reproducer, and none hides anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from psci.model.language.rules import Modality
from psci.model.tables.facts import FACTS
from psci.oracle import peers
from psci.oracle.campaign.campaign import saved
from psci.oracle.peers.quirks import amended, is_stale
from psci.oracle.profiles import validate

FAMILIES = ("qemu", "kvm")
SAVED = Path(__file__).parents[1] / "regression"
VERSIONS = {
    "qemu": "QEMU emulator version 7.2.22; -M virt,gic-version=2; -cpu cortex-a57",
    "kvm": "linux-binary-7.2.13+deb14-cloud-arm64 7.2.13-1",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_quirk_says_what_it_breaks_and_why(family: str) -> None:
    for quirk in peers.quirks(family):
        assert quirk.rule.modality is Modality.AMENDS and quirk.rule.text and quirk.reason
        assert set(quirk.rule.cites) <= set(FACTS) and quirk.rule.cites


@pytest.mark.parametrize("family", FAMILIES)
def test_quirks_are_added_to_the_rules_and_replace_none(family: str) -> None:
    quirks = peers.quirks(family).of(VERSIONS[family])
    plain, more = list(amended(()).every_rule()), list(amended(quirks).every_rule())
    assert [rule for rule in more if rule in plain] == plain
    assert {rule.name for rule in more if rule not in plain} == {quirk.name for quirk in quirks}


def test_a_quirk_of_one_version_is_not_forgiven_in_another() -> None:
    assert len(peers.quirks("qemu").of(VERSIONS["qemu"])) == len(list(peers.quirks("qemu")))
    assert peers.quirks("qemu").of("QEMU emulator version 99.0.0") == ()


def test_a_quirk_is_stale_only_if_it_had_the_occasion() -> None:
    quirk = next(quirk for quirk in peers.quirks("qemu") if quirk.always)
    race = next(quirk for quirk in peers.quirks("qemu") if not quirk.always)
    assert is_stale(quirk, conditions=5, uses=0)
    assert not is_stale(quirk, conditions=4, uses=0)
    assert not is_stale(quirk, conditions=500, uses=1)
    assert not is_stale(race, conditions=500, uses=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_profile_says_only_what_profiles_can_say(family: str) -> None:
    validate(peers.profile(family))


@pytest.mark.parametrize("path", sorted(SAVED.glob("*/*.json")), ids=lambda path: path.stem)
def test_every_saved_deviation_can_be_read_and_names_its_peer(path: Path) -> None:
    deviation = saved.read(path)
    assert peers.request_from(deviation.peer, str(path)).family == path.parent.name
    assert deviation.rate.seen and deviation.key.rules and set(deviation.facts) <= set(FACTS)


def test_every_quirk_has_a_saved_deviation() -> None:
    for family in FAMILIES:
        broken = {fact for path in (SAVED / family).glob("*.json") for fact in saved.read(path).facts}
        for quirk in peers.quirks(family):
            assert broken & set(quirk.rule.cites), quirk.name
