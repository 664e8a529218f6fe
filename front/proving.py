"""Prove a property, from a notebook or a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from psci.proofs.suite import ProofResult, property_named, tasks, with_lemmas
from psci.proofs.workers import run_all


@dataclass(frozen=True, slots=True)
class Proof(Sequence[ProofResult]):
    """What came of a property and of the lemmas that it rests on, one result for each method and number of cores."""

    sentence: str
    results: tuple[ProofResult, ...]

    @property
    def proved(self) -> bool:
        """All is proved, and no solver says otherwise."""
        return all(result.trustworthy for result in self.results)

    @overload
    def __getitem__(self, key: int) -> ProofResult: ...

    @overload
    def __getitem__(self, key: slice) -> tuple[ProofResult, ...]: ...

    def __getitem__(self, key: int | slice) -> ProofResult | tuple[ProofResult, ...]:
        return self.results[key]

    def __len__(self) -> int:
        return len(self.results)

    def __repr__(self) -> str:
        lines = [self.sentence]
        for result in self.results:
            cores = "any number of cores" if result.cores == "any" else f"{result.cores} cores"
            lines.append(f"  {result.claim}: {result.verdict.value} for {cores} by {result.method}")
        return "\n".join(lines)


def prove(name: str, *, cores: str | None = None) -> Proof:
    """Prove a property for three cores and for any number of cores, with the lemmas that it rests on.

    Args:
        name: a property, such as PROP-2 (`psci.properties`).
        cores: "3" or "any"; default: both.

    Raises:
        InputError: there is no such property.
    """
    chosen = property_named(name)
    results = run_all(list(tasks(with_lemmas([chosen]), cores)), jobs=1)
    return Proof(chosen.sentence, tuple(results))


__all__ = ["Proof", "prove"]
