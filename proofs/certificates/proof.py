"""A CPC proof as steps: what it assumes, whether it is closed, and whether it concludes false."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psci.proofs.certificates.terms import SharedTerms, parse

TRUSTED = ("trust", "trust_theory_rewrite", "hole")
"""Rules that prove whatever they are asked to."""


@dataclass(frozen=True)
class ParsedProof:
    """What a proof consists of."""

    assumed: tuple[int, ...]
    """What it assumes at the outermost level, as trees."""
    rules: Mapping[str, int]
    """How often each rule is used."""
    fault: str = ""
    """Why it is not a proof; empty where it is closed."""

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return sum(self.rules.values())

    @property
    def trusted(self) -> int:
        """How many of these are not justified."""
        return sum(self.rules.get(rule, 0) for rule in TRUSTED)


def read(text: str, terms: SharedTerms) -> ParsedProof:
    """Read a proof: every premise is an earlier step, nothing is left assumed but the outermost, the end is false."""
    (commands,) = parse(text)
    names: dict[str, int] = {}
    known: set[str] = set()
    assumed: list[int] = []
    inner: list[str] = []
    rules: Counter[str] = Counter()
    last: Any = None
    for command in commands:
        kind, name = command[0], command[1]
        if kind == "define":
            names[name] = terms.read(command[3], names)
        elif kind == "assume":
            assumed.append(terms.read(command[2], names))
            known.add(name)
        elif kind == "assume-push":
            inner.append(name)
            known.add(name)
        elif kind in ("step", "step-pop"):
            rule, premises, conclusion = _parts(command)
            missing = [premise for premise in premises if premise not in known]
            if missing:
                return ParsedProof(tuple(assumed), rules, f"{name} uses {missing[0]}, which is not proved before it")
            if kind == "step-pop":
                if not inner:
                    return ParsedProof(tuple(assumed), rules, f"{name} ends an assumption that was not made")
                known.discard(inner.pop())
            rules[rule] += 1
            known.add(name)
            last = conclusion
        elif not kind.startswith("declare"):
            return ParsedProof(tuple(assumed), rules, f"unknown command {kind}")
    if inner:
        return ParsedProof(tuple(assumed), rules, f"the assumption {inner[-1]} is left open")
    if last is None or terms.read(last, names) != terms.intern("word", "false"):
        return ParsedProof(tuple(assumed), rules, "it does not end with false")
    return ParsedProof(tuple(assumed), rules)


def _parts(command: list[Any]) -> tuple[str, list[str], Any]:
    """The rule of a step, its premises, and its conclusion where that is written."""
    at = command.index(":rule")
    premises = command[command.index(":premises") + 1] if ":premises" in command else []
    return command[at + 1], premises, command[2] if at > 2 else None


__all__ = ["ParsedProof", "read"]
