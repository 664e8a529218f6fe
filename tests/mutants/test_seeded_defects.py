"""Defects seeded by hand are noticed, each by the property that speaks about it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from psci.model.specification import SPECIFICATION, Specification
from psci.proofs.encoding.queries import SolverVerdict, solve
from psci.proofs.methods.induction import obligations
from psci.proofs.suite import THREE, property_named, translations

FILE = Path(__file__).with_name("seeded.py")
SPEC = importlib.util.spec_from_file_location("seeded", FILE)
assert SPEC is not None
assert SPEC.loader is not None
seeded = importlib.util.module_from_spec(SPEC)
sys.modules["seeded"] = seeded
SPEC.loader.exec_module(seeded)


def refuted(defect: Any, specification: Specification) -> list[str]:
    """The rules of the defect's call or move whose step breaks the property."""
    rules = translations(THREE, specification)
    return [
        found.name
        for found in obligations(property_named(defect.caught_by), rules, only_owner=defect.owner)
        if found is not None and solve(found.query, minimise=False).verdict is SolverVerdict.REFUTED
    ]


def test_each_defect_is_another_one() -> None:
    assert len({defect.says for defect in seeded.DEFECTS}) == len(seeded.DEFECTS) == 40


@pytest.mark.parametrize("defect", seeded.DEFECTS, ids=lambda defect: defect.says)
def test_a_defect_is_noticed(defect: Any) -> None:
    assert refuted(defect, defect.specification()) != []


@pytest.mark.parametrize("name", sorted({(d.caught_by, d.owner) for d in seeded.DEFECTS}))
def test_without_the_defect_nothing_is_noticed(name: tuple[str, str]) -> None:
    prop, owner = name
    defect = next(d for d in seeded.DEFECTS if (d.caught_by, d.owner) == (prop, owner))
    assert refuted(defect, SPECIFICATION) == []
