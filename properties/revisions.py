"""What each version changed: whatever the issues do not list stays as it was (facts, section 8).

A newer version *refines* the one before it up to listed changes if everything that it allows is allowed by the older
one too, and the other way round, but for the rules that a change names. Nothing may be missing from the list, and
nothing may be on it that makes no difference: `psci.proofs.questions.refinement` finds the differences and compares.

Two implementations behind one conduit are to refine one version as a whole: `Splits` says which.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from psci.model.calls import CALLS
from psci.model.language.terms import TRUE
from psci.model.tables.versions import (
    V0_1,
    V0_2,
    V1_0,
    V1_1,
    V1_2,
    V1_3,
    V1_3_ALPHA,
    V1_3_BETA,
    V1_3_F,
    VERSIONS,
    Version,
)
from psci.properties.language import ClaimKind, Property, declare


@dataclass(frozen=True, slots=True)
class Change:
    """Something that a version changed, and the rules by which it is seen."""

    cites: tuple[str, ...]
    """The facts that list it."""
    functions: tuple[str, ...] = ()
    """Functions that are new, or are there no more; so are their rules and what PSCI_FEATURES says of them."""
    newer: tuple[str, ...] = ()
    """Rules by which the newer version does what the older does not allow, as patterns."""
    older: tuple[str, ...] = ()
    """Rules by which the older version does what the newer does not allow, as patterns."""

    def names(self, rule: str, newer: bool) -> bool:
        """Whether it explains a difference by this rule."""
        own = self.newer if newer else self.older
        return any(fnmatchcase(rule, pattern) for pattern in (*own, *self._of_functions()))

    def _of_functions(self) -> tuple[str, ...]:
        return tuple(p for name in self.functions for p in (f"{name}.*", f"PSCI_FEATURES.{name}_implemented"))


@dataclass(frozen=True)
class Refines(Property):
    """A version does what the one before it does, but for the changes."""

    older: Version = V0_1
    newer: Version = V0_2
    changes: tuple[Change, ...] = ()

    def listed_by(self, rule: str, newer: bool) -> Change | None:
        """The change that names a rule of the newer (or else the older) version."""
        return next((change for change in self.changes if change.names(rule, newer)), None)

    def unlisted_functions(self) -> frozenset[str]:
        """Functions that are new or gone by their own declaration, but in no change; or the other way round."""
        moved = {call.name for call in CALLS if call.exists_in(self.older) is not call.exists_in(self.newer)}
        return frozenset(moved ^ {name for change in self.changes for name in change.functions})


@dataclass(frozen=True)
class Splits(Property):
    """A kernel of a version, and a VMM that takes over what has to be, are one implementation of another version."""

    kernel: Version = V1_1
    whole: Version = V1_3


_NUMBER = Change(("VERSION-2",), newer=("PSCI_VERSION.version",), older=("PSCI_VERSION.version",))
"""Every published version has a number of its own; the drafts of 1.3 share one."""

CHANGES: dict[Version, tuple[Change, ...]] = {
    V0_2: (
        Change(
            ("REV-1",),
            functions=(
                "PSCI_VERSION", "AFFINITY_INFO", "MIGRATE_INFO_TYPE", "MIGRATE_INFO_UP_CPU", "SYSTEM_OFF",
                "SYSTEM_RESET",
            ),
            newer=(
                "CPU_ON.already_on", "CPU_ON.on_pending", "CPU_ON.cannot_be_powered", "MIGRATE.not_resident",
                "MIGRATE.failed", "CPU_ON.target_disabled",
            ),
            older=(
                "CPU_SUSPEND.denied_in_0_1", "CPU_OFF.refused_in_0_1", "CPU_ON.not_off_in_0_1", "CPU_ON.denied_in_0_1",
                "CPU_*.not_supported_in_0_1", "MIGRATE.*_in_0_1", "ENTER.entered_in_0_1",
                # ids of the device tree carry no width: an entry point is not cut
                "CPU_ON.accepted",
            ),
        ),
        # no list of changes has it: 0.1 lets a core turn off on which the Trusted OS resides
        Change(("CPU_OFF-3",), older=("CPU_OFF.turned_off",)),
    ),
    V1_0: (
        _NUMBER,
        Change(
            ("REV-2",),
            functions=(
                "PSCI_FEATURES", "CPU_FREEZE", "CPU_DEFAULT_SUSPEND", "NODE_HW_STATE", "SYSTEM_SUSPEND",
                "PSCI_SET_SUSPEND_MODE", "PSCI_STAT_RESIDENCY", "PSCI_STAT_COUNT",
            ),
            newer=(
                "CPU_SUSPEND.others_*", "CPU_SUSPEND.frozen_core_*", "CPU_SUSPEND.claims_too_little",
                "CPU_SUSPEND.nobody_knows_the_request", "CPU_SUSPEND.woken_before_the_check",
                "CPU_ON.frozen_core_*", "AFFINITY_INFO.frozen_reads_off", "MIGRATE.target_frozen",
            ),
        ),
        Change(
            ("REV-3",), newer=("CPU_SUSPEND.entry_unusable*", "CPU_ON.entry_unusable"),
            older=("CPU_SUSPEND.entry_unusable*_before_1_0", "CPU_ON.entry_unusable_before_1_0"),
        ),
        Change(
            ("REV-5",), newer=("AFFINITY_INFO.level_unsupported",),
            older=("AFFINITY_INFO.on", "AFFINITY_INFO.on_pending", "AFFINITY_INFO.off", "AFFINITY_INFO.stopping"),
        ),
    ),
    V1_1: (_NUMBER, Change(("REV-8",), functions=("SYSTEM_RESET2", "MEM_PROTECT", "MEM_PROTECT_CHECK_RANGE"))),
    V1_2: (
        _NUMBER,
        Change(
            ("REV-10", "REV-13"), newer=("CPU_ON.denied_by_policy", "CPU_ON.denied_for_now"),
            older=("CPU_ON.accepted", "CPU_ON.frozen_core_*"),
        ),
    ),
    V1_3_ALPHA: (
        _NUMBER,
        Change(("REV-11",), functions=("SYSTEM_OFF2",)),
        Change(("REV-14", "REV-15"), functions=("CLEAN_INV_MEMREGION", "CLEAN_INV_MEMREGION_ATTRIBUTES")),
    ),
    V1_3_BETA: (
        Change(("REV-16",), functions=("CLEAN_INV_MEMREGION", "CLEAN_INV_MEMREGION_ATTRIBUTES")),
        Change(
            ("OFF2-5",), newer=("SYSTEM_OFF2.type_unknown_to_the_beta", "SYSTEM_OFF2.hibernate"),
            older=("SYSTEM_OFF2.type_unknown_to_the_alpha", "SYSTEM_OFF2.hibernate"),
        ),
        Change(("FEAT-4", "OFF2-10"), older=("PSCI_FEATURES.SYSTEM_OFF2_implemented",)),
    ),
    V1_3_F: (
        Change(
            ("OFF2-4", "OFF2-5", "OFF2-6"),
            newer=("SYSTEM_OFF2.type_unknown", "SYSTEM_OFF2.default_type_reserved", "SYSTEM_OFF2.hibernate"),
            older=("SYSTEM_OFF2.type_unknown_to_the_beta", "SYSTEM_OFF2.hibernate"),
        ),
    ),
    V1_3: (Change(("REV-12",), older=("SYSTEM_OFF2.default_type_reserved",)),),
}  # fmt: skip
"""By version what it changed of the one before it, with the errata of issue C applied to 0.2."""


def _no_claim(*_: Any) -> Any:
    return TRUE


def _refines(older: Version, newer: Version) -> Refines:
    cites = tuple(dict.fromkeys(("VERSION-3", *(cite for change in CHANGES[newer] for cite in change.cites))))
    return Refines(
        f"REFINES-{newer}", f"what-{newer}-changes",
        f"PSCI {newer} allows what {older} allows, no more and no less, but for the changes that are listed.",
        cites, ClaimKind.REFINEMENT, _no_claim, older=older, newer=newer, changes=CHANGES[newer],
    )  # fmt: skip


def _splits(kernel: Version) -> Splits:
    whole = VERSIONS[-1]
    return Splits(
        f"SPLIT-{kernel}", f"a-filter-over-{kernel}-is-{whole}",
        f"A kernel of {kernel} and a VMM that serves SYSTEM_OFF2 and what tells about it are one PSCI {whole}.",
        ("VERSION-2", "FEAT-2", "OFF2-9"), ClaimKind.REFINEMENT, _no_claim, kernel=kernel, whole=whole,
    )  # fmt: skip


REFINEMENTS: tuple[Refines, ...] = tuple(
    declare(_refines(older, newer)) for older, newer in itertools.pairwise(VERSIONS)
)
SPLITS: tuple[Splits, ...] = tuple(declare(_splits(kernel)) for kernel in (V1_0, V1_1))
