"""The `psci` command: a thin layer over the library; each command is a module that is read when it is used."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence

import click

from psci.model.errors import InputError

COMMANDS: Mapping[str, tuple[str, str]] = {
    "check": ("specification", "the rules against themselves: gaps, conflicts, ambiguities, each from boot"),
    "diff": ("specification", "what differs between two versions, two readings, or amended rules"),
    "prove": ("proofs", "prove the properties, for three cores and for any number"),
    "explore": ("specification", "all reachable states of a machine, and the shortest way to a goal"),
    "export": ("specification", "the model for other tools: Promela, Murphi, TLA+, SMT-LIB"),
    "rules": ("specification", "the rules: text, section, where modelled, what exercises them"),
    "readings": ("specification", "where DEN0022 can be read in several ways: the switches and their options"),
    "graph": ("specification", "pictures of the rules, and the page to step through them"),
    "plot": ("measuring", "plots of recorded figures: exploring, coverage, races, proofs"),
    "trace": ("implementations", "check a trace, or show it as a timeline"),
    "record": ("implementations", "record the calls of any operating system that QEMU runs, as a trace"),
    "fuzz": ("implementations", "generate calls, run them on a real implementation, judge every answer"),
    "matrix": ("measuring", "every implementation that can be had, judged beside each other, in one table"),
    "replay": ("implementations", "run a saved sequence of calls again"),
    "suite": ("measuring", "sequences that cover the rules: for your own tests, in C, and run on a peer"),
    "faults": (
        "measuring",
        "implementations that are wrong on purpose: which of them a campaign finds, how fast",
    ),
    "serve": ("implementations", "the reference implementation, for other programs to run against"),
    "watch": ("implementations", "judge events as they come"),
    "filter": ("implementations", "which function ids a VMM must take over from a kernel, proved, and run"),
    "hibernate": ("specification", "every client of SYSTEM_OFF2 with every implementation and host, judged"),
    "migrate": ("implementations", "what a guest sees of PSCI when its machine moves between kernels"),
    "profile": ("implementations", "what implementations declare: show, check, or infer by asking"),
    "peers": ("implementations", "the implementations that can be tested against here, and what is missing"),
}
"""Every command: the room of its module, and its one-line help. The module is `psci.cli.<room>.<name>`, and its command
`command`."""


class LazyGroup(click.Group):
    """A group whose commands are imported only when they are run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of a user's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, read from its module now; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        room, _ = COMMANDS[cmd_name]
        command = importlib.import_module(f"psci.cli.{room}.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by the help kept here, without reading their modules."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


FIRST: Mapping[str, str] = {
    "psci graph explorer": "a page to step through the rules; open explorer.html in a browser",
    "psci trace check FILE": "judge a trace of calls, line by line, with the rules that decide",
    "psci rules CPU_ON": "the rules of a call, with the sections of DEN0022",
    "psci graph core": "a picture of one core; psci graph --help lists the others",
    "psci peers": "the implementations that can be judged here; psci peers install fetches them",
    "psci fuzz qemu --time 20": "look for deviations in one of them",
}
"""What `psci` alone says is to be done first."""
SHELLS = ("bash", "zsh", "fish")


def _completion(context: click.Context, _parameter: click.Parameter, shell: str | None) -> None:
    """Print what makes a shell complete the command's words, and end."""
    if shell is None or context.resilient_parsing:
        return
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(psci, {}, "psci", "_PSCI_COMPLETE").source())
    context.exit()


@click.group(
    cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)  # fmt: skip
@click.version_option(package_name="psci-model", prog_name="psci", message="%(prog)s %(version)s")
@click.option(
    "--completion", type=click.Choice(SHELLS), is_eager=True, expose_value=False, callback=_completion,
    help='Print the completion of a shell: eval "$(psci --completion bash)".',
)  # fmt: skip
@click.pass_context
def psci(context: click.Context) -> None:
    """An executable formal specification of PSCI (Arm DEN0022) and an oracle for its implementations.

    Exit status: 0 nothing new, 1 a new finding, 2 bad input, 3 could not judge, 130 interrupted.
    """
    if context.invoked_subcommand is None:
        click.echo(_first(), nl=False)


def _first() -> str:
    from psci.cli.console import prose_width

    formatter = click.HelpFormatter(width=prose_width())
    formatter.write_text("psci is PSCI (Arm DEN0022) as rules that run. What to do first:")
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_dl(list(FIRST.items()))
    formatter.write_paragraph()
    formatter.write_text("`psci --help` lists all commands, `psci COMMAND --help` explains one.")
    return formatter.getvalue()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit status; whoever ends it early ends its workers, too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; an error is one line on standard error."""
    output = sys.stdout
    try:
        result = psci.main(args=arguments, prog_name="psci", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except InputError as error:
        return _fail(str(error), 2)
    except BrokenPipeError:
        _drop_output()
        return _NOBODY_READS
    except OSError as error:
        _drop_output()
        return _fail(str(error), 2)
    except UnicodeError as error:
        return _fail(f"a text cannot be read or written: {error}", 2)
    except SystemExit:
        # where nobody reads the output any more, click takes it away and ends with 1, and 1 is a finding
        if sys.stdout is not output:
            return _NOBODY_READS
        raise
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", 130)
    except Exception as error:
        if getattr(error, "exit_status", None) is None:
            raise
        return _fail(str(error), error.exit_status)  # type: ignore[attr-defined]  # checked the line before


_NOBODY_READS = 128 + signal.SIGPIPE
"""What a shell says of a program that wrote to a closed pipe."""


_LONGEST = 2_000
"""How much of a message is printed: some repeat what they were given."""


def _drop_output() -> None:
    """Forget what could not be written, so that it is not tried again when the process ends."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, status: int) -> int:
    text = " ".join(message.split())
    print(f"psci: {text if len(text) <= _LONGEST else text[:_LONGEST] + '...'}", file=sys.stderr)
    return status
