"""All rules together, as one value that readers take and that amendments and mutants are made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from psci.model.calls import CALLS, NOT_PSCI, UNKNOWN
from psci.model.declare import Call, Move
from psci.model.environment import MOVES
from psci.model.language.rules import Rule
from psci.model.tables.versions import Version


@dataclass(frozen=True)
class Specification:
    """The rules of every call and every move of the environment, by the name of the call or move."""

    calls: tuple[Call, ...]
    moves: tuple[Move, ...]
    rules: Mapping[str, tuple[Rule, ...]]

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    @cached_property
    def call_of(self) -> Mapping[int, tuple[Call, bool]]:
        """For each function id, the call and whether the id is its SMC64 id."""
        return {fid: (call, fid == call.fid64) for call in self.calls for fid in call.ids()}

    def of(self, owner: str, version: Version) -> tuple[Rule, ...]:
        """The rules of a call or move that belong to a version."""
        return tuple(rule for rule in self.rules[owner] if rule.applies_to(version))

    def every_rule(self) -> Iterator[Rule]:
        """All rules of all versions."""
        for rules in self.rules.values():
            yield from rules

    def rule(self, name: str) -> Rule:
        """The first rule of that name.

        Raises:
            KeyError: there is none.
        """
        for rule in self.every_rule():
            if rule.name == name:
                return rule
        raise KeyError(name)

    def sentence(self, rule: Rule) -> str:
        """What a rule says, by itself: where it goes on from another ("The same, ..."), with what that one says."""
        if not rule.text.startswith("The same"):
            return rule.text
        own = self.rules[rule.name.partition(".")[0]]
        place = next((i for i, other in enumerate(own) if (other.name, other.since) == (rule.name, rule.since)), 0)
        whole = next((other.text for other in reversed(own[:place]) if not other.text.startswith("The same")), "")
        return f"{whole} {rule.text}".strip()

    def replacing(self, old: Rule, *new: Rule) -> Specification:
        """This specification with one rule replaced by others, or dropped."""
        owner = old.name.partition(".")[0]
        rules = tuple(r for rule in self.rules[owner] for r in (new if rule is old else (rule,)))
        return replace(self, rules={**self.rules, owner: rules})

    def adding(self, *rules: Rule) -> Specification:
        """This specification with more rules; a rule's name says where it belongs."""
        added = dict(self.rules)
        for rule in rules:
            owner = rule.name.partition(".")[0]
            added[owner] = (*added[owner], rule)
        return replace(self, rules=added)


def specification_of(calls: tuple[Call, ...], moves: tuple[Move, ...]) -> Specification:
    """The specification that consists of these calls and moves."""
    owners: tuple[Call | Move, ...] = (*calls, UNKNOWN, NOT_PSCI, *moves)
    return Specification(calls, moves, {owner.name: tuple(owner.rules) for owner in owners})


SPECIFICATION = specification_of(CALLS, MOVES)
"""PSCI as this project reads DEN0022."""
