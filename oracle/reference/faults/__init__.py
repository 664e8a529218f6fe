"""Implementations that are wrong on purpose: what a campaign is measured by.

Each differs from the reference in one place: in a rule (`rules`), or in what it does between the rules (`between`).
"""

from __future__ import annotations

from psci.model.errors import InputError
from psci.oracle.reference.faults.between import BETWEEN_FAULTS
from psci.oracle.reference.faults.fault import Fault
from psci.oracle.reference.faults.rules import RULE_FAULTS

FAULTS: tuple[Fault, ...] = (*RULE_FAULTS, *BETWEEN_FAULTS)
"""Every wrong implementation."""


def fault_named(name: str) -> Fault:
    """A fault by its name.

    Raises:
        InputError: there is none.
    """
    for fault in FAULTS:
        if fault.name == name:
            return fault
    raise InputError(f"unknown fault {name!r}: `psci faults --list` names all {len(FAULTS)}")


__all__ = ["FAULTS", "Fault", "fault_named"]
