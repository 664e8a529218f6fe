"""`psci explore`: all reachable states of a machine, and the shortest trace to a goal."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from psci.cli.console import folded
from psci.cli.specification.choices import amend_option, specification_with
from psci.cli.specification.machine import described_machine, machine_options
from psci.explorer.abstraction.cone import ABOUT
from psci.explorer.abstraction.registers import CONTEXTS, Abstraction
from psci.explorer.engines import NAMES, EngineAnswer, ReachabilityQuestion, engine
from psci.explorer.engines.question import Progress
from psci.explorer.runs.describe import action_text, changes, outcome_text, step_lines
from psci.explorer.search import SearchStep
from psci.explorer.system import QUIET_MOVES, Product
from psci.explorer.watch import SEARCHED, asked
from psci.properties.language import ClaimKind

_MANY_DIGITS = 24


@click.command()
@machine_options
@click.option(
    "--until",
    metavar="GOAL",
    help="Look for a goal: a property (its violation), a rule (its first use), a return code (its first return), a "
    "condition ('power[1] == ON and all(activity[c] != RUNNING for c in cores)'), FIELD=VALUE, or a named goal.",
)
@click.option(
    "--tokens",
    default=1,
    show_default=True,
    type=click.IntRange(1, len(CONTEXTS)),
    help="How many entry points, and how many context ids, are told apart.",
)
@click.option("--smc64-only", is_flag=True, help="Where a function has two ids, call only the SMC64 one.")
@click.option(
    "--about",
    default="cores",
    show_default=True,
    type=click.Choice([*ABOUT, "all"]),
    help="Tell states apart only by what can influence this.",
)
@click.option("--environment", is_flag=True, help="Let power fail, and wakeup events become pending, at any time.")
@click.option("--overlap", is_flag=True, help="Invoke, decide and complete a call in three steps; others move between.")
@click.option(
    "--engine", "engine_name", default="auto", show_default=True, type=click.Choice(NAMES), help="The search engine."
)
@click.option("--symmetry", is_flag=True, help="Treat states that differ only by permuting cores as one (compiled).")
@click.option("--diameter", is_flag=True, help="Measure the diameter also where that takes longer.")
@click.option("--limit", type=click.IntRange(1), help="Stop after that many states.")
@amend_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: explore.json).")
def command(
    until: str | None, tokens: int, smc64_only: bool, about: str, environment: bool, overlap: bool, engine_name: str,
    symmetry: bool, diameter: bool, limit: int | None, amend_file: Path | None, as_json: bool, **machine: Any,
) -> int:  # fmt: skip
    """Explore every reachable state of a machine.

    Every core makes every call that the rules can tell apart, in every order. Unless --overlap is given a call is
    invoked, decided and completed in one step. The engine is chosen by itself: decision diagrams for whole sets of
    states (any number of cores), a compiled search with --symmetry, the rules themselves with --limit.
    """
    product = Product(
        described_machine(**machine),
        specification_with(amend_file),
        abstraction=Abstraction(tokens, tokens, widths=(True,) if smc64_only else (True, False)),
        without=frozenset() if environment else QUIET_MOVES,
    )
    claim = SEARCHED.get(until or "")
    question = replace(asked(product, until, about), limit=limit, overlapping=overlap)
    chosen = engine(engine_name, question, symmetric=symmetry, layers=True if diameter else None)
    answer = chosen.answer(question, _progress())
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    if as_json:
        click.echo(json.dumps(_document(question, answer), indent=2))
    else:
        _print(question, answer)
    if answer.interrupted:
        return 130
    violated = claim is not None and claim.kind is not ClaimKind.WITNESS
    return 1 if violated and answer.steps is not None else 0


def _progress() -> Progress:
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: click.echo(f"\r\033[K{text}", nl=False, err=True)


def _print(question: ReachabilityQuestion, answer: EngineAnswer) -> None:
    machine = question.product.machine
    count = len(machine.cores)
    said = [f"{_number(answer.states)} states"]
    if answer.transitions is not None:
        said.append(f"{_number(answer.transitions)} transitions")
    if answer.distinct is not None:
        said.append(f"{_number(answer.distinct)} of them distinct steps")
    if answer.diameter is not None:
        said.append(f"diameter {answer.diameter}" if answer.complete else f"depth {answer.diameter}")
    whole = answer.complete or answer.steps is not None
    told = (
        f"PSCI {machine.version}, {count} core{'s' if count > 1 else ''}: {', '.join(said)}"
        f" ({answer.engine}, {answer.seconds:.1f} s)" + ("" if whole else ", not all")
    )
    click.echo(folded(told, 2))
    if answer.interrupted:
        click.echo("interrupted: the same command goes on from here")
    if question.goal is None:
        if answer.complete:
            click.echo(_NEXT)
        return
    click.echo(folded(f"{question.goal.name}: {question.goal.sentence}", 2))
    if answer.steps is None:
        click.echo("  never reached" if answer.complete else "  not reached so far")
        return
    click.echo(f"  reached in {len(answer.steps)} step{'s' if len(answer.steps) != 1 else ''}:")
    for line in step_lines(question.product, list(answer.steps)):
        click.echo(line)


def _number(value: int) -> str:
    """All digits where a person can read them, else the first ones and the order of magnitude."""
    text = str(value)
    if len(text) <= _MANY_DIGITS:
        return f"{value:,}"
    return f"{text[0]}.{text[1:4]}e{len(text) - 1}"


_NEXT = """ask next:
  --until CPU_ON.already_on                     how is a rule reached?
  --until PROP-2                                can a property be broken?
  --until 'all(power[c] == ON for c in cores)'  how does a state come about?
  --cpus 64 --profile kvm-guest                 how far does it go?"""


def _document(question: ReachabilityQuestion, answer: EngineAnswer) -> dict[str, Any]:
    product, goal_ = question.product, question.goal
    return {
        "version": product.machine.version.name,
        "cpus": len(product.machine.cores),
        "engine": answer.engine,
        "states": answer.states,
        "transitions": answer.transitions,
        "distinct": answer.distinct,
        "diameter": answer.diameter,
        "complete": answer.complete,
        "interrupted": answer.interrupted,
        "seconds": round(answer.seconds, 3),
        "details": dict(answer.details),
        "goal": None if goal_ is None else {"name": goal_.name, "sentence": goal_.sentence},
        "trace": None if answer.steps is None else [_step(product, step) for step in answer.steps],
    }


def _step(product: Product, step: SearchStep) -> dict[str, Any]:
    rule = step.transition.rule
    return {
        "action": action_text(product, step.transition.action),
        "outcome": outcome_text(step.transition) or None,
        "rule": rule.name,
        "cites": list(rule.cites),
        "changes": list(changes(step.before, step.after)),
    }
