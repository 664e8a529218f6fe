r"""Known deviations of an implementation, written as amendments to the rules.

A quirk is an extra outcome *with its effect*: where it applies, checking goes on in the state that
it leads to. Each use is counted, and a campaign that met a quirk's condition but never its outcome
reports it as stale. A quirk file reads like a rule file:

    @QUIRKS.amends(CPU_ON, Completion.RETURNS, INVALID_PARAMETERS, breaks=("CPU_ON-5",), seen_in=r"QEMU .* 7\.2")
    def misaligned_entry(m, s, call):
        '''An entry point that is not a multiple of 4 is refused with INVALID_PARAMETERS.'''
        return (call.entry_point_address & 3) != 0
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from psci.model.declare import Body, Call, rule_from
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.machine import MACHINE
from psci.model.symbols.state import STATE
from psci.model.tables.codes import Code
from psci.model.tables.versions import V0_1, V1_3

_CONDITIONS_BEFORE_STALE = 5
"""So often must a quirk's condition have been met before its absence means something."""


@dataclass(frozen=True, slots=True)
class Quirk:
    """One known deviation."""

    rule: Rule
    """The amendment; it cites the facts that it breaks."""
    reason: str
    """Why the implementation does it."""
    seen_in: str
    """A regular expression that finds something in the version of an implementation that has the quirk."""
    always: bool
    """Whenever the condition holds the quirk is the outcome; so one that does not occur is stale."""

    @property
    def name(self) -> str:
        """The name of its rule."""
        return self.rule.name

    def belongs_to(self, version: str) -> bool:
        """Whether an implementation of this version is known to have the quirk."""
        return re.search(self.seen_in, version) is not None


@dataclass(slots=True)
class Quirks:
    """The known deviations of one family of implementations."""

    peer: str
    known: list[Quirk] = field(default_factory=list)

    def amends(
        self, call: Call, completion: Completion, code: Code | None = None, *,
        breaks: tuple[str, ...], because: str, seen_in: str, always: bool = True,
    ) -> Callable[[Body], Body]:  # fmt: skip
        """An outcome that the rules do not allow.

        Args:
            call: the function that is called.
            completion: how the call ends.
            code: what it returns, unless the quirk says so itself.
            breaks: the facts that it contradicts.
            because: why the implementation does it.
            seen_in: a regular expression for the versions of the implementation that do it.
            always: False where the rules' own outcome is seen too under the same condition, as in a race.
        """

        def attach(body: Body) -> Body:
            case = body(MACHINE, STATE, call.terms)
            rule = rule_from(
                call.name, body.__name__, body.__doc__, Modality.AMENDS, completion, code, case, breaks, V0_1, V1_3
            )
            self.known.append(Quirk(rule, " ".join(because.split()), seen_in, always))
            return body

        return attach

    def of(self, version: str) -> tuple[Quirk, ...]:
        """The quirks that an implementation of this version is known to have."""
        return tuple(quirk for quirk in self.known if quirk.belongs_to(version))

    def __iter__(self) -> Iterator[Quirk]:
        return iter(self.known)


def amended(quirks: tuple[Quirk, ...], specification: Specification = SPECIFICATION) -> Specification:
    """The rules with these quirks as further outcomes."""
    return specification.adding(*(quirk.rule for quirk in quirks))


def is_stale(quirk: Quirk, conditions: int, uses: int) -> bool:
    """Whether a quirk's condition was met often enough to say that it no longer occurs."""
    return quirk.always and uses == 0 and conditions >= _CONDITIONS_BEFORE_STALE
