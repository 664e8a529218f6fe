"""Every property has a proof, a run that shows it, or a reason why it has neither."""

from __future__ import annotations

import pytest

from psci.model.tables.facts import FACTS
from psci.proofs.suite import tasks
from psci.properties import PROPERTIES
from psci.properties.language import Kind, Property


def test_names_and_titles_are_unique() -> None:
    names = [p.name for p in PROPERTIES] + [p.title for p in PROPERTIES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("prop", PROPERTIES, ids=lambda prop: prop.name)
def test_a_property_has_a_proof_or_a_reason_why_not(prop: Property) -> None:
    methods = {(task.method, task.cores) for task in tasks([prop])}
    if prop.unproved:
        assert not methods
    elif prop.kind is Kind.LIVENESS:
        # where calls have to overlap, the fused proofs are compared with a graph in which they do
        assert methods - {("explored graph", "2")} == {("ranking", "any"), ("ranking", "3")}
    elif prop.kind is Kind.REFINEMENT:
        assert methods == {("simulation", "any")}
    elif prop.kind is Kind.EXPLORED or prop.kind is Kind.WITNESS:
        assert methods == {("explored graph", "2")}
    else:
        assert methods == {("induction", "any"), ("induction", "3")} or prop.bounded_only


@pytest.mark.parametrize("prop", PROPERTIES, ids=lambda prop: prop.name)
def test_a_property_rests_on_facts_that_exist(prop: Property) -> None:
    known = {str(fact) for fact in FACTS}
    assert not [fact for fact in prop.cites if not fact.startswith("PROP-") and fact not in known]


def test_the_properties_of_the_facts_are_all_there() -> None:
    stated = {p.name for p in PROPERTIES}
    assert {f"PROP-{i}" for i in range(1, 19)} <= stated
