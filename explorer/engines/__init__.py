"""Ways to find all states, behind one question and one answer."""

from __future__ import annotations

from psci.explorer.engines.question import Engine, EngineAnswer, Progress, ReachabilityQuestion
from psci.model.errors import InputError

NAMES = ("auto", "symbolic", "compiled", "reference")


def engine(name: str, question: ReachabilityQuestion, *, symmetric: bool = False, layers: bool | None = None) -> Engine:
    """The engine of that name.

    Args:
        name: one of `NAMES`; "auto" takes decision diagrams, unless states are to be kept one by one.
        question: what it will be asked.
        symmetric: keep one state for all that differ by an exchange of cores; only the compiled engine does.
        layers: measure the diameter; None: where that is quick.

    Raises:
        InputError: there is no such engine, or it cannot answer the question.
    """
    if name == "auto":
        one_by_one = question.limit is not None
        name = "compiled" if symmetric else "reference" if one_by_one else "symbolic"
    match name:
        case "symbolic":
            from psci.explorer.engines.symbolic import Symbolic

            if symmetric or question.limit is not None:
                raise InputError("--engine symbolic has all states at once: --symmetry and --limit are for the others")
            few = len(question.product.machine.cores) <= 3
            return Symbolic(layers=few if layers is None else layers)
        case "compiled":
            from psci.explorer.engines.compiled import CompiledSearch

            return CompiledSearch(symmetric=symmetric)
        case "reference":
            from psci.explorer.engines.reference import ReferenceEngine

            if symmetric:
                raise InputError("--engine reference knows no symmetry: use --engine compiled")
            return ReferenceEngine()
    raise InputError(f"--engine {name}: choose one of {', '.join(NAMES)}")


__all__ = ["NAMES", "Engine", "EngineAnswer", "Progress", "ReachabilityQuestion", "engine"]
