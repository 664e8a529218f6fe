"""`psci trace`: judge a trace by the rules, or show it as a timeline."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from psci.cli.specification.choices import amend_option
from psci.host.files import write_whole
from psci.model.errors import InputError
from psci.model.events import Event, MachineEvent

if TYPE_CHECKING:
    from psci.oracle.checker.many import JudgedFile

LIMIT_OF_FINDINGS = 20


@click.group()
def command() -> None:
    """Judge a trace by the rules, or show it as a timeline."""


@command.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|DIR|-...")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print a line of JSON for each trace, and a summary of several (schema: trace.json).",
)
@click.option("--junit", type=click.Path(path_type=Path), help="Write the verdicts as a JUnit report, too.")
@click.option("--reading", "readings", multiple=True, metavar="NAME=OPTION", help="Read DEN0022 in this way.")
@click.option("--psci", "version", metavar="VERSION", help="Judge by this version instead of the trace's own.")
@click.option(
    "--limit", default=LIMIT_OF_FINDINGS, show_default=True, help="How many kinds of findings are told in full."
)
@click.option(
    "--verbose", is_flag=True, help="All facts of each finding, all assumptions, and every finding of many traces."
)
@click.option("--jobs", type=click.IntRange(1), help="How many traces are judged at once. [default: one a processor]")
@click.option(
    "--time-limit",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="The time for each trace; after it the verdict is unknown.",
)
@click.option("--memory-limit", type=click.IntRange(1), metavar="MB", help="The same for the memory of the process.")
@click.option("--explanations", type=click.IntRange(1), help="The same for explanations of one event.")
@amend_option
@click.pass_context
def check(
    context: click.Context, paths: tuple[Path, ...], as_json: bool, junit: Path | None, readings: tuple[str, ...],
    version: str | None, limit: int, verbose: bool, jobs: int | None, time_limit: float | None,
    memory_limit: int | None, explanations: int | None, amend_file: Path | None,
) -> None:  # fmt: skip
    """Judge traces: files, the traces in a folder, or - for standard input.

    Verdicts, the best first: conforms; implementation-defined (no rule answers); unpredictable (the caller broke
    a duty, and nothing is promised); unknown (a limit was hit, or no answer came in time); harness-error; deviates.

    Exit status, the worst of all traces: 0 none deviates, 1 one deviates, 2 one is not a trace, 3 one cannot be judged.
    """
    from psci.oracle.checker import many
    from psci.oracle.checker.limits import LIMIT_OF_EXPLANATIONS

    if time_limit is not None and math.isnan(time_limit):
        raise InputError("--time-limit nan: a number of seconds is needed, such as 10")
    request = many.JudgingTerms(
        version, chosen(readings) or None, explanations or LIMIT_OF_EXPLANATIONS, time_limit, memory_limit, amend_file
    )
    request.specification()  # an error in the user's rules is told before a trace is read
    files = many.files_of(paths)
    done = []
    for one in many.judge_files(files, request, 1 if "-" in files else jobs):
        done.append(one)
        if one.report is None and len(files) == 1:
            raise InputError(one.error or "")
        if as_json:
            click.echo(json.dumps(one.as_json(), ensure_ascii=False))
        else:
            _tell(one, limit, verbose or len(files) == 1)
    if len(files) > 1:
        click.echo(json.dumps({"summary": many.summary(done)}) if as_json else many.summary(done))
    if junit is not None:
        write_whole(junit, many.as_junit(done))
    context.exit(many.worst(one.status for one in done))


def _tell(one: JudgedFile, limit: int, in_full: bool) -> None:
    if not in_full or one.report is None:
        click.echo(one.line())
        return
    verbose = click.get_current_context().params["verbose"]
    click.echo(f"{one.file}: {one.report.summary()}")
    for line in one.report.lines(limit, verbose):
        click.echo(line)


def chosen(readings: Iterable[str]) -> dict[str, str]:
    """Readings by their names.

    Raises:
        InputError: one is not written as NAME=OPTION.
    """
    found: dict[str, str] = {}
    for reading in readings:
        name, equals, option = reading.partition("=")
        if not equals:
            raise InputError(f"--reading {reading}: write it as NAME=OPTION, for instance system-stop=at-once")
        found[name] = option
    return found


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file that ends in .html or .svg.")
def show(file: Path, output: Path | None) -> None:
    """Show a trace as a timeline, one lane for each core, with what the checker finds; FILE may be -.

    Without -o it is written to the terminal.
    """
    if output is None:
        from psci.graphs.timeline import Followed, terminal

        events = tuple(_events(file))
        width = shutil.get_terminal_size().columns
        click.echo(terminal(events, width, followed=Followed(events)), nl=False)
        return
    if output.suffix not in (".html", ".svg"):
        raise InputError(f"{output}: a timeline is written as .html or .svg; give such a name")
    picture = timeline(tuple(_events(file)), output.suffix)
    write_whole(output, picture)
    click.echo(f"wrote {output}")


def timeline(events: tuple[Event, ...], suffix: str) -> str:
    """The timeline of a trace, as the text of a file with this suffix."""
    from psci.graphs.timeline import Followed
    from psci.graphs.timeline import timeline as draw

    picture = draw(events, followed=Followed(events))
    if suffix != ".html":
        return picture
    # An SVG document may begin with a declaration, which HTML does not know.
    head = (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>PSCI trace</title>'
        '<meta name="viewport" content="width=device-width"><style>body{margin:0;overflow-x:auto;background:#fff}'
        "g[role=listitem]:focus{outline:2px solid #1a56b0}"
        "#told{position:fixed;left:0;right:0;bottom:0;max-height:40vh;overflow:auto;margin:0;padding:.5em 1em;"
        "background:#f4f6f8;color:#1f2933;border-top:1px solid #d5dbe1;font:13px sans-serif;white-space:pre-wrap}"
        "#told:empty{display:none}"
        "@media (prefers-color-scheme:dark){body{background:#141414}svg{filter:invert(.92) hue-rotate(180deg)}"
        "#told{background:#1f252c;color:#e6eaee;border-color:#39424c}}</style>"
    )
    return f"{head}\n{picture[max(picture.find('<svg'), 0) :]}\n{_KEYS}</html>\n"


_KEYS = """\
<p id="told" aria-live="polite"></p>
<script>
const rows = [...document.querySelectorAll("g[role=listitem]")], told = document.getElementById("told");
const tell = row => { told.textContent = row ? row.querySelector("title").textContent : ""; };
rows.forEach((row, at) => {
  row.addEventListener("focus", () => tell(row));
  row.addEventListener("mouseenter", () => tell(row));
  row.addEventListener("keydown", key => {
    const next = rows[at + ({ArrowDown: 1, ArrowUp: -1}[key.key] || 0)];
    if (key.key === "Escape") tell(null);
    if (next && next !== row) { key.preventDefault(); next.focus(); next.scrollIntoView({block: "nearest"}); }
  });
});
</script>
"""
"""Up and down go from event to event; what is known of one stands at the foot of the page."""


IMPORT = """\
Make a trace of a log that you have; FILE may be -.

\b
SOURCE is one of
  plain   a table of calls and answers, or of events; its first row names the columns
  ftrace  the kernel's trace of a KVM host, with two probes that read registers
  qemu    QEMU's log with -d int,exec,cpu,nochain and one instruction in each block

What the log does not tell is absent in the trace, and is not held against the implementation.
"""


@command.command(name="import", help=IMPORT)
@click.argument("source", metavar="SOURCE")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The trace.  [default: standard output]")
@click.option("--psci", "version", metavar="VERSION", help="The version.  [default: what PSCI_VERSION answers]")
@click.option("--cpus", metavar="MPIDR,...", help="All cores, in order.  [default: those that the log tells of]")
@click.option("--boot-cpu", metavar="MPIDR", help="The core that boots.  [default: the first in the log]")
@click.option("--conduit", type=click.Choice(["hvc", "smc"]), help="The conduit, where the log does not tell it.")
@click.option("--profile", type=click.Path(path_type=Path), help="What the implementation declares (psci profile).")
def import_(
    source: str, file: Path, output: Path | None, version: str | None, cpus: str | None, boot_cpu: str | None,
    conduit: str | None, profile: Path | None,
) -> None:  # fmt: skip
    """Make a trace of a log."""
    from psci.oracle import profiles
    from psci.oracle.logs.importing.machine import LogTerms
    from psci.oracle.logs.importing.sources import import_trace
    from psci.oracle.traces.file import as_line

    terms = LogTerms(
        psci=version, cpus=None if cpus is None else tuple(mpidr("--cpus", text) for text in cpus.split(",")),
        boot_cpu=None if boot_cpu is None else mpidr("--boot-cpu", boot_cpu), conduit=conduit,
        profile=None if profile is None else profiles.read(profile),
    )  # fmt: skip
    if str(file) == "-":
        events = import_trace(source, sys.stdin.buffer, "standard input", terms)
    else:
        with file.open("rb") as opened:
            events = import_trace(source, opened, str(file), terms)
    lines = (as_line(event) + "\n" for event in events)
    if output is None:
        for line in lines:
            click.echo(line, nl=False)
    else:
        write_whole(output, lines)
        click.echo(f"wrote {output}: {len(events) - 1} events")
    if cpus is None:
        assert isinstance(events[0], MachineEvent)
        named = ", ".join(map(hex, events[0].cpus))
        click.echo(f"cores that the log tells of: {named}; give --cpus where there are others", err=True)


def mpidr(option: str, text: str) -> int:
    """The MPIDR that a word of an option names.

    Raises:
        InputError: it names none.
    """
    from psci.oracle.logs.importing.log import number
    from psci.oracle.traces.format import MPIDR, Wrong

    try:
        value: int = MPIDR.read(hex(number(text.strip())))
    except Wrong as error:
        raise InputError(f"{option} {text[:40]}: {error}") from None
    except ValueError:
        raise InputError(f"{option} {text[:40]!r}: an MPIDR is a number such as 0x100") from None
    return value


def _events(file: Path) -> Iterator[Event]:
    from psci.oracle.traces.file import read_lines, read_trace

    if str(file) == "-":
        return read_lines(sys.stdin.buffer, "standard input")
    return read_trace(file)
