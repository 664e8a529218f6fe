"""The return-code matrix of the rules is that of DEN0022, but for differences that are listed with their reasons."""

from __future__ import annotations

from psci.model.return_codes import NO_RETURN, VALUE, table
from psci.model.tables.facts import FACTS
from psci.model.tables.versions import V0_1, V0_2, V1_0, V1_2, V1_3, V1_3_ALPHA, V1_3_BETA, VERSIONS, Version

S, NS, IP, D, AO, OP, IF, NP, DIS, IA = (
    "SUCCESS", "NOT_SUPPORTED", "INVALID_PARAMETERS", "DENIED", "ALREADY_ON", "ON_PENDING", "INTERNAL_FAILURE",
    "NOT_PRESENT", "DISABLED", "INVALID_ADDRESS",
)  # fmt: skip
ALWAYS = (V0_1, V1_3)
LISTED, PROTOTYPE, TEXT = "●", "p", "t"
Cell = tuple[str, Version, Version, str]


def cells(*codes: str, since: Version = V0_2, until: Version = V1_3, mark: str = LISTED) -> tuple[Cell, ...]:
    return tuple((code, since, until, mark) for code in codes)


# fmt: off
MATRIX: dict[str, tuple[Cell, ...]] = {
    "PSCI_VERSION": cells(VALUE),
    "CPU_SUSPEND": (
        *cells(S, IP, NO_RETURN, since=V0_1), *cells(D, since=V1_0), *cells(D, NS, since=V0_1, until=V0_1),
        *cells(IA, since=V1_0),
    ),
    "CPU_OFF": (*cells(NO_RETURN, D, since=V0_1), *cells(NS, IP, since=V0_1, until=V0_1)),
    "CPU_ON": (
        *cells(S, IP, since=V0_1), *cells(D, since=V1_2), *cells(D, NS, since=V0_1, until=V0_1), *cells(AO, OP, IF),
        *cells(IA, since=V1_0),
    ),
    "AFFINITY_INFO": (*cells(IP, DIS, VALUE), *cells(NP, until=V0_2)),
    "MIGRATE": (*cells(S, NS, IP, D, since=V0_1), *cells(IF, NP)),
    "MIGRATE_INFO_TYPE": cells(NS, VALUE),
    "MIGRATE_INFO_UP_CPU": cells(NS, VALUE),
    "SYSTEM_OFF": cells(NO_RETURN),
    "SYSTEM_RESET": cells(NO_RETURN),
    "SYSTEM_OFF2": cells(NO_RETURN, NS, IP),
    "SYSTEM_RESET2": cells(NO_RETURN, NS, IP, D, AO, OP, IF, NP, DIS, IA, VALUE),
    "MEM_PROTECT": cells(NS, VALUE),
    "MEM_PROTECT_CHECK_RANGE": cells(S, NS, D),
    "PSCI_FEATURES": cells(NS, VALUE),
    "CPU_FREEZE": cells(NO_RETURN, NS, D),
    "CPU_DEFAULT_SUSPEND": cells(S, NS, IA, NO_RETURN),
    "NODE_HW_STATE": cells(NS, IP, VALUE),
    "SYSTEM_SUSPEND": (*cells(S, NS, IA, NO_RETURN), *cells(D, mark=TEXT), *cells(AO, mark=PROTOTYPE)),
    "PSCI_SET_SUSPEND_MODE": cells(S, NS, IP, D),
    "PSCI_STAT_RESIDENCY": (*cells(VALUE), *cells(NS, mark=TEXT)),
    "PSCI_STAT_COUNT": (*cells(VALUE), *cells(NS, mark=TEXT)),
}
"""Table 1.4 of the facts; NOT_SUPPORTED for an absent function (5.3.2) is written out."""

DIFFERENCES: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    ("SYSTEM_SUSPEND", AO): ("the prototype's code; the reading suspend-refusal=prototype has it", ("SYSSUSP-4",)),
    ("AFFINITY_INFO", NP): ("removed as an erratum; the reading errata=not-applied has it", ("AFF-10", "REV-5")),
}
"""What the table lists and the rules do not say by default, with the facts that explain it."""
# fmt: on

DRAFT_FUNCTIONS = {"CLEAN_INV_MEMREGION", "CLEAN_INV_MEMREGION_ATTRIBUTES"}


def expected(version: Version) -> dict[str, frozenset[str]]:
    found = {
        name: frozenset(c for c, since, until, _ in row if since <= version <= until) for name, row in MATRIX.items()
    }
    return {name: codes for name, codes in found.items() if name in table(version)}


def test_the_matrix_of_the_rules_is_that_of_the_facts() -> None:
    differ = set()
    for version in VERSIONS:
        found = {name: codes for name, codes in table(version).items() if name not in DRAFT_FUNCTIONS}
        assert set(found) <= set(MATRIX)
        for name, codes in found.items():
            differ |= {(name, code) for code in codes ^ expected(version)[name] - _alpha_codes(version)}
    assert differ == set(DIFFERENCES)


def _alpha_codes(version: Version) -> frozenset[str]:
    return frozenset({"TIMEOUT", "RATE_LIMITED", "BUSY"} if version == V1_3_ALPHA else set())


def test_each_difference_is_one_of_omission_and_is_explained() -> None:
    assert [facts for _, facts in DIFFERENCES.values() if not facts or not set(facts) <= set(FACTS)] == []
    for name, code in DIFFERENCES:
        assert all(code not in table(version).get(name, ()) for version in VERSIONS)


def test_functions_of_the_alpha_are_gone_in_the_beta() -> None:
    assert set(table(V1_3_ALPHA)) - set(table(V1_3_BETA)) == DRAFT_FUNCTIONS
