"""The calls of PSCI, one file each (or a tight family); the list of files is all that a new one has to join."""

import importlib

from psci.model.calls import conventions, psci_features
from psci.model.calls.conventions import NOT_PSCI, UNKNOWN
from psci.model.declare import Call

FILES = (
    "psci_version",
    "cpu_suspend",
    "cpu_off",
    "cpu_on",
    "affinity_info",
    "migrate",
    "migrate_info_type",
    "system_off",
    "psci_features",
    "cpu_freeze",
    "cpu_default_suspend",
    "node_hw_state",
    "system_suspend",
    "set_suspend_mode",
    "psci_stat",
    "system_reset2",
    "mem_protect",
    "system_off2",
    "clean_inv_memregion",
)
"""The files of this folder that declare calls; each says everything about its own."""

NUMBER = 0xFFFF
"""The bits of a function id that count the functions (SMCCC)."""


def _declared() -> tuple[Call, ...]:
    modules = (importlib.import_module(f"psci.model.calls.{file}") for file in FILES)
    found = {value.name: value for module in modules for value in vars(module).values() if isinstance(value, Call)}
    return tuple(sorted(found.values(), key=lambda call: call.ids()[0] & NUMBER))


CALLS: tuple[Call, ...] = _declared()
"""Every function, in the order of the numbers of their ids."""

psci_features.answer_for(CALLS)
for _function in CALLS:
    conventions.apply_to(_function)

__all__ = ["CALLS", "NOT_PSCI", "UNKNOWN"]
