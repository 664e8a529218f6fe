"""The rules and the properties, by name, to look at."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from psci.model.errors import UnknownName
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.language.terms import show
from psci.model.specification import SPECIFICATION
from psci.model.symbols.readings import READINGS, Reading
from psci.model.tables.facts import with_sections
from psci.properties import PROPERTIES, area
from psci.properties.language import Property

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class RuleText:
    """One rule, as text."""

    rule: Rule

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts of DEN0022 that it rests on, each with its sections."""
        return tuple(with_sections(fact) for fact in self.rule.cites)

    @property
    def outcome(self) -> str:
        """What it leads to: a code, a value, no return; for a move or a duty, nothing."""
        if self.rule.modality is Modality.CALLER_MUST:
            return ""
        if self.rule.completion is Completion.RETURNS and self.rule.code is not None:
            return self.rule.code.with_number()
        return self.rule.completion.value

    def __repr__(self) -> str:
        rule = self.rule
        lines = [f"{rule.name}: {rule.modality.value} {self.outcome}".rstrip(), f"  {rule.text}"]
        lines += [f"  where {show(rule.guard)}", f"  facts: {', '.join(self.facts)}"]
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        rule = self.rule
        facts = "\n".join(f"- {fact}" for fact in self.facts)
        return (
            f"**{rule.name}** ({rule.modality.value} {self.outcome})\n\n{rule.text}\n\n`{show(rule.guard)}`\n\n{facts}"
        )


class Named(Mapping[str, Entry], Generic[Entry]):
    """Entries by name; a name that is not there is answered with near ones."""

    def __init__(self, kind: str, make: Callable[[], Mapping[str, Entry]]) -> None:
        self._kind = kind
        self._make = make

    @cached_property
    def _entries(self) -> Mapping[str, Entry]:
        return self._make()

    def __getitem__(self, name: str) -> Entry:
        entry = self._entries.get(name)
        if entry is not None:
            return entry
        near = difflib.get_close_matches(str(name), self._entries, 4, 0.4) or list(self._entries)[:4]
        raise UnknownName(f"unknown {self._kind} {name!r}: did you mean {', '.join(near)}?")

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<{len(self)} by name, such as {', '.join(list(self._entries)[:3])}>"


rules: Named[RuleText] = Named("rule", lambda: {rule.name: RuleText(rule) for rule in SPECIFICATION.every_rule()})
"""Every rule by its name, such as CPU_ON.accepted."""


class Properties(Named[Property]):
    """Every property by its name, and the files of the package of the same name, as attributes."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.modules[area.__module__], name)


properties = Properties("property", lambda: {prop.name: prop for prop in PROPERTIES})
"""Every property by its name, such as PROP-2."""
readings: Named[Reading] = Named("reading", lambda: READINGS)
"""Where DEN0022 can be read in several ways, by name."""


__all__ = ["Named", "RuleText", "properties", "readings", "rules"]
