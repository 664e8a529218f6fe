"""The `psci` command: a thin layer over the library; each command is a module that is read when it is used."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Mapping, Sequence

import click

from psci.model.errors import InputError

COMMANDS: Mapping[str, tuple[str, str]] = {
    "check": ("specification", "the rules against themselves: gaps, conflicts, rules that never fire"),
    "prove": ("specification", "prove the properties, for three cores and for any number"),
    "explore": ("specification", "all reachable states of a small machine, breadth first"),
    "rules": ("specification", "the rules: text, section, where modelled, what exercises them"),
    "graph": ("specification", "draw states and moves (svg, png, dot)"),
    "trace": ("implementations", "check a trace, or show it as a timeline"),
    "fuzz": ("implementations", "generate calls, run them on a real implementation, judge every answer"),
    "replay": ("implementations", "run a saved sequence of calls again"),
    "faults": (
        "implementations",
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


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def psci() -> None:
    """An executable formal specification of PSCI (Arm DEN0022) and an oracle for its implementations.

    Exit status: 0 nothing new, 1 a new finding, 2 bad input, 3 could not judge, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit status; whoever ends it early ends its workers, too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; an error is one line on standard error."""
    try:
        result = psci.main(args=arguments, standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except (InputError, FileNotFoundError, IsADirectoryError, PermissionError) as error:
        return _fail(str(error), 2)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", 130)
    except Exception as error:
        if getattr(error, "exit_status", None) is None:
            raise
        return _fail(str(error), error.exit_status)  # type: ignore[attr-defined]  # checked the line before


def _fail(message: str, status: int) -> int:
    print(f"psci: {' '.join(message.split())}", file=sys.stderr)
    return status
