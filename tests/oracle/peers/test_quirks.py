"""Known deviations are amendments with reasons; each has a saved reproducer, and none hides anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from house import ROOT

from psci.model.language.rules import Modality
from psci.model.tables.facts import FACTS
from psci.oracle import peers
from psci.oracle.campaign import saved
from psci.oracle.peers.quirks import amended, is_stale
from psci.oracle.profiles import validate

FAMILIES = ("qemu", "kvm")
SAVED = ROOT / "tests" / "regression"
VERSIONS = {
    "qemu": "QEMU emulator version 7.2.22; -M virt,gic-version=2; -cpu cortex-a57",
    "kvm": "linux-binary-7.2.13+deb14-cloud-arm64 7.2.13-1",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_quirk_says_what_it_breaks_and_why(family: str) -> None:
    for quirk in peers.family(family).quirks():
        assert quirk.rule.modality is Modality.AMENDS and quirk.rule.text and quirk.reason
        assert set(quirk.rule.cites) <= set(FACTS) and quirk.rule.cites


@pytest.mark.parametrize("family", FAMILIES)
def test_quirks_are_added_to_the_rules_and_replace_none(family: str) -> None:
    quirks = peers.family(family).quirks().of(VERSIONS[family])
    plain, more = list(amended(()).every_rule()), list(amended(quirks).every_rule())
    assert [rule for rule in more if rule in plain] == plain
    assert {rule.name for rule in more if rule not in plain} == {quirk.name for quirk in quirks}


def test_a_quirk_of_one_version_is_not_forgiven_in_another() -> None:
    assert len(peers.family("qemu").quirks().of(VERSIONS["qemu"])) == len(list(peers.family("qemu").quirks()))
    assert peers.family("qemu").quirks().of("QEMU emulator version 99.0.0") == ()


def test_a_quirk_is_stale_only_if_it_had_the_occasion() -> None:
    quirk = next(quirk for quirk in peers.family("qemu").quirks() if quirk.always)
    race = next(quirk for quirk in peers.family("qemu").quirks() if not quirk.always)
    assert is_stale(quirk, conditions=5, uses=0)
    assert not is_stale(quirk, conditions=4, uses=0)
    assert not is_stale(quirk, conditions=500, uses=1)
    assert not is_stale(race, conditions=500, uses=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_profile_says_only_what_profiles_can_say(family: str) -> None:
    validate(peers.family(family).profile())


@pytest.mark.parametrize("path", sorted(SAVED.glob("*/*.json")), ids=lambda path: path.stem)
def test_every_saved_deviation_can_be_read_and_names_its_peer(path: Path) -> None:
    deviation = saved.read(path)
    assert peers.request_from(deviation.peer, str(path)).family == path.parent.name
    assert deviation.rate.seen and deviation.key.rules and set(deviation.facts) <= set(FACTS)


def test_every_quirk_has_a_saved_deviation() -> None:
    for family in FAMILIES:
        broken = {fact for path in (SAVED / family).glob("*.json") for fact in saved.read(path).facts}
        for quirk in peers.family(family).quirks():
            assert broken & set(quirk.rule.cites), quirk.name
