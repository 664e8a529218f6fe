"""The demonstration behind `make demo`: check and prove the rules, judge two real implementations, print one table.

It runs the `psci` command as a user would, with --json, and reads what that prints.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
from rich.table import Table

from psci.cli.console import wide_console

PEERS = ("qemu", "kvm:latest")
PROVED = ("PROP-2", "PROP-4", "PROP-13")
_FACTS_SHOWN = 4
WORST = (130, 2, 3)
"""The exit statuses that make the demonstration fail, the worst first; 1 is a finding, which is what it looks for."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How one `psci` command ended: its exit status and the JSON object that it printed."""

    arguments: tuple[str, ...]
    status: int
    report: Mapping[str, Any]

    @property
    def failed(self) -> bool:
        """The command could not do its work, or was stopped."""
        return self.status not in (0, 1)


@click.command()
@click.option("--time", "seconds", type=click.IntRange(1), default=20, show_default=True, help="Seconds for each peer.")
@click.option("--seed", type=int, default=None, help="Generate the same calls again.")
@click.pass_context
def command(context: click.Context, seconds: int, seed: int | None) -> None:
    """Check and prove the rules, judge QEMU's and KVM's PSCI for a short time, and print one table."""
    console = wide_console()
    answers = []
    for arguments in steps(seconds, seed):
        console.print(f"[dim]$ psci {' '.join(arguments)}[/]", highlight=False)
        answers.append(ask(arguments))
        if answers[-1].status == 130:
            break
    for given in answers:
        if given.arguments[0] in ("check", "prove"):
            console.print(f"psci {given.arguments[0]}: {summary(given)}", highlight=False)
    console.print(table([given for given in answers if given.arguments[0] == "fuzz"]))
    context.exit(worst(given.status for given in answers))


def steps(seconds: int, seed: int | None) -> Iterator[tuple[str, ...]]:
    """The commands of the demonstration, in their order."""
    yield ("peers", "install", "--json")
    yield ("check", "--json")
    # The properties that the README names, for any number of cores; `psci prove` proves all of them, and for three.
    yield ("prove", *PROVED, "--cores", "any", "--json")
    again = () if seed is None else ("--seed", str(seed))
    for peer in PEERS:
        yield ("fuzz", peer, "--time", str(seconds), *again, "--json")


def ask(arguments: Sequence[str]) -> CommandResult:
    """Run one `psci` command; its progress and its errors go to the terminal."""
    program = "import sys; from psci.cli.main import main; main(sys.argv[1:])"
    with subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            output, _ = process.communicate()
        except KeyboardInterrupt:
            # The terminal has told the command as well: it stops its peers and prints what it has.
            output, _ = process.communicate()
            return CommandResult(tuple(arguments), 130, read(output))
    return answer(arguments, process.returncode, output)


def answer(arguments: Sequence[str], status: int, output: str) -> CommandResult:
    """The answer of a command that ended; one that printed no report has judged nothing, whatever its status says."""
    report = read(output)
    return CommandResult(tuple(arguments), status if report or status not in (0, 1) else 3, report)


def read(output: str) -> Mapping[str, Any]:
    """The JSON object that a command printed, or an empty one where it printed none."""
    try:
        report = json.loads(output)
    except json.JSONDecodeError:
        return {}
    return report if isinstance(report, dict) else {}


def summary(given: CommandResult) -> str:
    """One line about `check` or `prove`: the counts in its report, and the time."""
    if given.failed:
        return f"failed with exit status {given.status}"
    counts = {name: len(value) if isinstance(value, list | dict) else value for name, value in given.report.items()}
    shown = [f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if isinstance(count, int | float)]
    return ", ".join(shown) or "done"


def table(answers: Sequence[CommandResult]) -> Table:
    """The table of the demonstration: one row for each peer."""
    shown = Table(title="Real implementations, judged by the rules of DEN0022")
    for heading in ("peer", "version", "PSCI", "calls", "rules exercised", "deviations"):
        numeric = heading in ("calls", "rules exercised")
        shown.add_column(heading, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
    for given in answers:
        shown.add_row(*row(given))
    return shown


def row(given: CommandResult) -> tuple[str, ...]:
    """The row of one peer, from the report of `psci fuzz --json`."""
    report = given.report
    peer = str(report.get("peer", given.arguments[1]))
    if given.failed and not report:
        return peer, "", "", "", "", f"could not be judged (exit status {given.status})"
    new = [f"NEW {_deviation(found)}" for found in report.get("deviations", ())]
    listed = [_quirk(quirk) for quirk in report.get("quirks", ()) if quirk["count"]]
    return (
        peer,
        str(report.get("version", "")).partition(";")[0],
        str(report.get("psci", "")),
        f"{report.get('calls', 0):,}",
        f"{len(report.get('rules_exercised', ()))} of {report.get('rules_in_reach', '?')}",
        "\n".join([*new, *listed]) or "none",
    )


def _deviation(found: Mapping[str, Any]) -> str:
    rules = ", ".join(found["rules"])
    return (
        f"{found['what']} {found['observed']}: {rules} ({', '.join(found['facts'][:_FACTS_SHOWN])}) x{found['count']}"
    )


def _quirk(quirk: Mapping[str, Any]) -> str:
    return f"{quirk['name']} ({', '.join(quirk['facts'])}) x{quirk['count']}"


def worst(statuses: Iterator[int]) -> int:
    """The status of the demonstration: a finding is a success, what could not be judged is not."""
    seen = set(statuses)
    return next((status for status in WORST if status in seen), 3 if seen - {0, 1} else 0)


if __name__ == "__main__":
    command()
