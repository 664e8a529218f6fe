"""Find the invariants that a proof needs: candidates, Houdini for three cores, any number of cores, and few of them.

Nothing here is trusted: what was found is given to the same induction as invariants that people wrote, and only
that says `proved`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from psci.model.specification import SPECIFICATION, Specification
from psci.proofs.encoding.bounded import Bounded
from psci.proofs.encoding.queries import SolverVerdict
from psci.proofs.methods.induction import prove
from psci.proofs.methods.search import search
from psci.proofs.replay.platform import SHAPE
from psci.proofs.strengthening.candidates import FAMILIES, SIMPLE, CandidateShape, candidates
from psci.proofs.strengthening.generalisation import Box, joined
from psci.proofs.strengthening.houdini import Sieve
from psci.proofs.strengthening.reduction import claim_holds, reduced
from psci.proofs.strengthening.steps import Steps, steps_of
from psci.proofs.strengthening.unbounded import lasting
from psci.proofs.strengthening.vocabulary import vocabulary
from psci.proofs.suite import ANY, THREE, translations
from psci.properties.language import Property

DEPTH = 6
"""The steps of the search from boot for a run that breaks a property which is not proved."""


@dataclass(frozen=True)
class Counts:
    """How many candidates there were, and what became of them."""

    generated: int = 0
    at_start: int = 0
    """Those that hold before the first boot."""
    three: int = 0
    """Those that every rule keeps, with three cores."""
    joined: int = 0
    """The invariants that say the same as these."""
    lasting: int = 0
    """Those that every rule keeps with any number of cores."""


@dataclass(frozen=True)
class Strengthening:
    """What came of looking for invariants; text and numbers only, as results travel between processes."""

    claim: str
    title: str
    verdict: SolverVerdict
    cores: tuple[str, ...]
    """For which numbers of cores it is proved with what was found."""
    invariants: tuple[str, ...]
    """What was found and is needed; none where the property needs none."""
    counts: Counts
    rounds: int
    """The states in which candidates were found to be false."""
    failed: str
    """The first rule whose step was not proved."""
    seconds: float
    run: str = ""
    """The shortest run from boot that breaks the property, where there is one."""


@dataclass(frozen=True)
class _Attempt:
    """What came of the candidates over one vocabulary."""

    invariants: tuple[Box, ...]
    counts: Counts
    rounds: int
    cores: tuple[str, ...]
    failed: str


def bare(prop: Property) -> Property:
    """The property without the invariants and lemmas that people found for it; what it is given stays."""
    given = dict.fromkeys((*prop.given, *(fact for lemma in prop.all_lemmas() for fact in lemma.given)))
    names = tuple(sorted(lemma.name for lemma in prop.all_lemmas()))
    return replace(prop, helpers=(), lemmas=(), lemmas_after=(), without=names, given=tuple(given), follows=False)


def strengthen(
    prop: Property, specification: Specification = SPECIFICATION, families: Sequence[str] = FAMILIES, depth: int = DEPTH
) -> Strengthening:
    """Find invariants with which a property is proved by induction.

    Args:
        prop: the property; its own helpers and lemmas are not used.
        specification: the rules.
        families: the templates of candidates.
        depth: the steps of the search from boot, where it is not proved.
    """
    started = time.perf_counter()
    plain = bare(prop)
    best = _Attempt((), Counts(), 0, (), "")
    steps = steps_of(plain, Bounded(3, SHAPE, specification=specification), specification)
    for shapes in _attempts(plain, specification, families):
        done = _attempt(steps, shapes, specification, best.failed)
        if len(done.cores) >= len(best.cores):
            best = done
        if set(best.cores) == {ANY, THREE}:
            break
    verdict, run = SolverVerdict.PROVED, ""
    if set(best.cores) != {ANY, THREE}:
        found = search(plain, depth, 3, specification, SHAPE)
        verdict = SolverVerdict.REFUTED if found.verdict is SolverVerdict.REFUTED else SolverVerdict.UNKNOWN
        run = found.run.text() if found.run is not None else ""
    return Strengthening(
        prop.name, prop.title, verdict, best.cores, tuple(box.text for box in best.invariants), best.counts,
        best.rounds, best.failed, time.perf_counter() - started, run,
    )  # fmt: skip


def _attempts(
    prop: Property, specification: Specification, families: Sequence[str]
) -> Iterator[tuple[CandidateShape, ...]]:
    """No candidates, then the simple ones, then all; each over the fields of the claim, and over what decides these."""
    simple = [family for family in families if family in SIMPLE]
    near, wide = (vocabulary(prop, specification, wide) for wide in (False, True))
    seen: list[tuple[str, ...]] = []
    for words, chosen in ((near, []), (near, simple), (wide, simple), (near, families), (wide, families)):
        shapes = candidates(words, chosen)
        texts = tuple(shape.text for shape in shapes)
        if texts not in seen:
            seen.append(texts)
            yield shapes


def _attempt(steps: Steps, shapes: Sequence[CandidateShape], specification: Specification, suspect: str) -> _Attempt:
    """What comes of some candidates; the suspect is a rule whose steps did not satisfy the claim with others."""
    sieve = Sieve(steps, shapes)
    counts = Counts(generated=len(sieve.left))
    sieve.start()
    counts = replace(counts, at_start=len(sieve.left))
    if not sieve.settle(suspect):
        return _Attempt((), counts, sieve.rounds, (), suspect)
    boxes = joined(shapes, {number: sieve.points(number) for number in range(len(shapes))})
    counts = replace(counts, three=len(sieve.left), joined=len(boxes))
    failed = sieve.claim(sorted(sieve.left))
    if failed:
        return _Attempt((), counts, sieve.rounds, (), failed)
    kept = lasting(steps.prop, boxes, specification)
    counts = replace(counts, lasting=len(kept))
    enough = len(kept) == len(boxes) or claim_holds(steps, kept)
    few = reduced(steps, kept if enough else boxes)
    helped = replace(steps.prop, helpers=tuple(box.invariant() for box in few))
    cores, failed = [], ""
    for number in (ANY, THREE) if enough else (THREE,):
        done = prove(helped, translations(number, specification))
        if done.verdict is SolverVerdict.PROVED:
            cores.append(number)
        else:
            failed = failed or done.failures()[0][0].name
    return _Attempt(few, counts, sieve.rounds, tuple(cores), failed)
