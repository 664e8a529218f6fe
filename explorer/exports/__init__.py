"""The lowered model in the languages of other tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from psci.explorer.engines.question import ReachabilityQuestion
from psci.explorer.exports.murphi import murphi
from psci.explorer.exports.promela import promela
from psci.explorer.exports.smtlib import smtlib
from psci.explorer.exports.tla import tla
from psci.explorer.lowering.concrete import Concrete


def _promela(question: ReachabilityQuestion, _steps: int, _symmetric: bool) -> str:
    model = Concrete(question.lowered)
    return promela(model, model.formula(question.goal_formula(), question.spoken_of), _name(question))


def _smtlib(question: ReachabilityQuestion, steps: int, _symmetric: bool) -> str:
    model = Concrete(question.lowered)
    return smtlib(model, model.formula(question.goal_formula(), question.spoken_of), _name(question), steps)


def _murphi(question: ReachabilityQuestion, _steps: int, symmetric: bool) -> str:
    question = _impartial(question)
    return murphi(question.lowered, question.goal_formula(), f"never: {_name(question)}", symmetric)


def _tla(question: ReachabilityQuestion, _steps: int, _symmetric: bool) -> str:
    question = _impartial(question)
    return tla(question.lowered, question.goal_formula(), _name(question))


def _impartial(question: ReachabilityQuestion) -> ReachabilityQuestion:
    """The same question with each core for itself, where the goal names a core of a set of cores."""
    return question if question.is_symmetric else replace(question, apart=True)


def _name(question: ReachabilityQuestion) -> str:
    return "" if question.goal is None else question.goal.name


LANGUAGES: Mapping[str, Callable[[ReachabilityQuestion, int, bool], str]] = {
    "promela": _promela, "murphi": _murphi, "tla": _tla, "smtlib": _smtlib,
}  # fmt: skip
"""For each language how a question is written: with a number of steps where it is about runs of some length, and with
the cores as a set without order where it has such sets."""


def export(language: str, question: ReachabilityQuestion, *, steps: int = 0, symmetric: bool = False) -> str:
    """The model, and the goal where there is one, in a language.

    Args:
        language: one of `LANGUAGES`.
        question: the product, and what is looked for.
        steps: how many steps a run has (SMT-LIB).
        symmetric: cores that are alike are a scalarset (Murphi).
    """
    return LANGUAGES[language](question, steps, symmetric)


__all__ = ["LANGUAGES", "export"]
