"""Prove a property, from a notebook or a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from psci.model.errors import InputError
from psci.proofs.suite import ANY, THREE, ProofResult, property_named, tasks, with_lemmas
from psci.proofs.workers import run_all
from psci.properties.language import Property


@dataclass(frozen=True, slots=True)
class Proof(Sequence[ProofResult]):
    """What came of a property and of the lemmas that it rests on, one result for each method and number of cores."""

    sentence: str
    results: tuple[ProofResult, ...]

    @property
    def proved(self) -> bool:
        """All is proved, and no solver says otherwise."""
        return bool(self.results) and all(result.trustworthy for result in self.results)

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

    def _repr_markdown_(self) -> str:
        rows = [f"| {r.claim} | {r.cores} | {r.method} | {r.verdict.value} |" for r in self.results]
        return "\n".join([self.sentence, "", "| property | cores | method | verdict |", "|---|---|---|---|", *rows])


def prove(name: str | Property, *, cores: str | int | None = None) -> Proof:
    """Prove a property for three cores and for any number of cores, with the lemmas that it rests on.

    Args:
        name: a property, such as PROP-2 (`psci.properties`), by its name or itself.
        cores: "3" or "any"; default: both.

    Raises:
        InputError: there is no such property, or it is proved for other numbers of cores.
    """
    chosen = name if isinstance(name, Property) else property_named(str(name))
    if cores is not None and str(cores) not in (ANY, THREE):
        raise InputError(f"cores {cores!r}: choose {THREE!r} or {ANY!r}")
    results = run_all(list(tasks(with_lemmas([chosen]), None if cores is None else str(cores))), jobs=1)
    return Proof(chosen.sentence, tuple(results))


__all__ = ["Proof", "prove"]
