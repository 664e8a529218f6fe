"""What a call means is translated once, and no query shows it."""

from __future__ import annotations

import pytest

from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.cpu_suspend import CPU_SUSPEND
from psci.model.declare import Call
from psci.model.language.rules import CALL_SYMBOLS
from psci.model.specification import SPECIFICATION
from psci.proofs.encoding.bounded import Bounded
from psci.proofs.encoding.steps import Translations
from psci.proofs.encoding.unbounded import Unbounded
from psci.proofs.methods.induction import Obligation, obligations
from psci.proofs.replay.platform import SHAPE
from psci.proofs.suite import ANY, THREE, Task, property_named
from psci.proofs.workers import TaskPool
from psci.properties import PROPERTIES
from psci.properties.language import ClaimKind


def fresh(cores: str) -> Translations:
    return Translations(Unbounded() if cores == ANY else Bounded(int(cores), SHAPE))


def asked(translations: Translations, name: str, owner: Call) -> list[Obligation]:
    """The queries of a property about a call."""
    found = obligations(property_named(name), translations, only_owner=owner.name)
    return [obligation for obligation in found if obligation is not None]


def texts(translations: Translations, name: str, owner: Call) -> dict[str, str]:
    """The same as SMT-LIB, by rule."""
    return {obligation.name: obligation.query.smtlib() for obligation in asked(translations, name, owner)}


@pytest.mark.parametrize("cores", [ANY, THREE])
@pytest.mark.parametrize(("name", "owner"), [("PROP-6", CPU_SUSPEND), ("PROP-2", CPU_ON)])
def test_a_query_is_the_same_whatever_was_asked_before(cores: str, name: str, owner: Call) -> None:
    alone = texts(fresh(cores), name, owner)
    used = fresh(cores)
    others = [p.name for p in PROPERTIES if p.kind in (ClaimKind.STEP, ClaimKind.INVARIANT) and p.name != name]
    assert sum(len(asked(used, other, owner)) for other in others) > 20
    assert alone
    assert texts(used, name, owner) == alone


def facts(obligation: Obligation) -> list[str]:
    return [name for name, _ in obligation.query.assumptions]


@pytest.mark.parametrize(("name", "owner", "speaks"), [("LIMITS", CPU_SUSPEND, True), ("PROP-2", CPU_ON, False)])
def test_a_query_knows_the_tree_only_where_it_speaks_of_it(name: str, owner: Call, speaks: bool) -> None:
    translations = fresh(ANY)
    assert asked(translations, "DEEPEST", CPU_SUSPEND)
    for obligation in asked(translations, name, owner):
        assert obligation.speaks_of_tree is speaks
        assert ("tree: one root" in facts(obligation)) is speaks


def test_a_core_that_a_call_names_has_that_mpidr_or_nobody_has() -> None:
    found = asked(fresh(ANY), "PROP-2", CPU_ON)
    assert found
    for obligation in found:
        named = [name for name in facts(obligation) if name.startswith("core_of(")]
        assert len(named) == 1
        assert "mpidr: one for each core" in facts(obligation)


def test_what_calls_and_moves_name_alike_is_of_one_sort() -> None:
    sorts: dict[str, set[tuple[object, ...]]] = {}
    for symbol in (*CALL_SYMBOLS, *(parameter for move in SPECIFICATION.moves for parameter in move.parameters)):
        sorts.setdefault(symbol.name, set()).add((*symbol.domain, symbol.range))
    assert len(sorts) > len(CALL_SYMBOLS)
    assert {name: len(found) for name, found in sorts.items()} == dict.fromkeys(sorts, 1)


def test_a_worker_keeps_to_its_number_of_cores_and_helps_from_the_far_end() -> None:
    left = TaskPool([Task(name, "induction", cores) for cores in (ANY, THREE) for name in ("a", "b", "c")], 3)

    def taken(worker: int) -> str:
        task = left.next_for(worker)
        return "nothing" if task is None else f"{task.claim} {task.cores}"

    assert [taken(0), taken(1), taken(0)] == ["a any", "a 3", "b any"]
    assert taken(2) == "c 3", "both numbers have somebody; of what most is left, the far end"
    assert [taken(0), taken(0)] == ["c any", "b 3"]
    assert [taken(worker) for worker in range(3)] == ["nothing"] * 3
