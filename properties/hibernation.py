"""What comes of SYSTEM_OFF2 beyond PSCI: whether the guest resumes, on which machine (DEN0022 5.11; facts, OFF2).

A claim is about the judgement of a scenario: who met whom (`scenario`), what comes of it (`verdict`), and how
often the host is told that the guest hibernates (`told`). `psci.explorer.questions.hibernation` explores
and judges them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from psci.model.scenarios.hibernation import CHANGE, CHANGE_AND_SIGN, CLEAN, DISASTER, KEEP, RESUMES
from psci.model.tables.versions import V1_3_F
from psci.properties.language import ClaimKind, Property, declare, sentence_of

Judged: TypeAlias = Callable[[Any], bool]
"""Of the judgement of a scenario."""


@dataclass(frozen=True)
class OfScenarios(Property):
    """Something that must come of every scenario of a kind."""

    concerns: Judged = lambda _found: True
    """The scenarios that it speaks about."""

    def broken_by(self, found: Any) -> bool:
        """Whether a scenario breaks it."""
        return self.concerns(found) and not self.claim(found)


def of_scenarios(name: str, title: str, *, cites: tuple[str, ...], concerns: Judged) -> Callable[[Judged], OfScenarios]:
    """A property of scenarios; the function's docstring is its sentence."""

    def make(claim: Judged) -> OfScenarios:
        made: OfScenarios = declare(
            OfScenarios(name, title, sentence_of(claim), cites, ClaimKind.EXPLORED, claim, concerns=concerns)
        )
        return made

    return make


def _final_calls(found: Any) -> bool:
    client, implementation, host = found.scenario.client, found.scenario.implementation, found.scenario.host
    takes_both = implementation.version >= V1_3_F and not implementation.refuses_by
    return bool(client.types and takes_both and host.owes and not found.scenario.update)


def _owes(promise: str) -> Judged:
    return lambda found: found.told == "always" and found.scenario.host.owes == promise and not found.scenario.update


@of_scenarios(
    "HOST-TOLD", "hibernation-reaches-the-host", concerns=_final_calls,
    cites=("OFF2-3", "OFF2-4", "OFF2-10", "OFF2-18", "OFF2-21"),
)  # fmt: skip
def hibernation_reaches_the_host(found: Any) -> bool:
    """SYSTEM_OFF2 of any client that knows it reaches the host, if the implementation takes both types."""
    return bool(found.told == "always")


@of_scenarios(
    "HOST-KEEPS", "a-kept-machine-resumes", concerns=_owes(KEEP), cites=("OFF2-14", "OFF2-17", "OFF2-18"),
)  # fmt: skip
def a_kept_machine_resumes(found: Any) -> bool:
    """A host that is told of hibernation, and promised to preserve the machine, lets the guest resume, on every run."""
    return bool(found.verdict == RESUMES)


@of_scenarios(
    "HOST-SIGNS", "a-signed-change-boots-cleanly", concerns=_owes(CHANGE_AND_SIGN), cites=("OFF2-17", "OFF2-25"),
)  # fmt: skip
def a_signed_change_boots_cleanly(found: Any) -> bool:
    """A host that is told of hibernation, and signs that it changes the machine, makes the guest boot cleanly."""
    return bool(found.verdict == CLEAN)


def _every_change_is_signed(found: Any) -> bool:
    host = found.scenario.host
    return CHANGE not in (*host.after_hibernation, *host.after_off) and not found.scenario.update


@of_scenarios(
    "SIGNED-IS-SAFE", "signed-changes-are-safe", concerns=_every_change_is_signed, cites=("OFF2-17", "OFF2-25"),
)  # fmt: skip
def signed_changes_are_safe(found: Any) -> bool:
    """Where a host signs every change, told or not, no image meets a machine that it does not fit."""
    return bool(found.verdict != DISASTER)


def _heeded_or_signed(found: Any) -> bool:
    return bool(found.scenario.update and (found.scenario.heeds_update or found.scenario.update_signs))


@of_scenarios(
    "UPDATE-IS-SAFE", "updates-are-safe", concerns=_heeded_or_signed, cites=("OFF2-16", "OFF2-17"),
)  # fmt: skip
def updates_are_safe(found: Any) -> bool:
    """No image meets a machine that a firmware update changed, if the client waits for it or it is signed."""
    return bool(found.verdict != DISASTER)
