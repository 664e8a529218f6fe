"""Where text for people goes: a terminal has a width, a pipe has none."""

from __future__ import annotations

import os
import shutil
import textwrap
from contextlib import AbstractContextManager

from rich.console import Console

PIPE_WIDTH = 150
"""The width of a table in a log or a pipe, which have no edge to fold at."""
PROSE_WIDTH = 80
"""The width of running text in a log or a pipe."""
NARROW = 100
"""Below this a table of many columns cannot be read."""


def wide_console() -> Console:
    """Standard output. It is as wide as the terminal, or as COLUMNS says; NO_COLOR is heeded by rich."""
    console = Console()
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(width=PIPE_WIDTH)


def prose_width() -> int:
    """The width of running text: that of the terminal, or as COLUMNS says, and that of a page in a pipe."""
    return shutil.get_terminal_size((PROSE_WIDTH, 0)).columns


def wrapped(text: str, indent: int = 0, width: int | None = None) -> list[str]:
    """Running text as lines; no name is broken.

    Args:
        text: one paragraph.
        indent: by how many columns the lines after the first are moved.
        width: of a line; default: `prose_width`.
    """
    after = " " * indent
    lines = textwrap.wrap(
        text, width or prose_width(), subsequent_indent=after, break_long_words=False, break_on_hyphens=False
    )
    return lines or [""]


def folded(text: str, indent: int = 0) -> str:
    """Running text with line ends where it has to be folded; lines after the first are indented."""
    return "\n".join(wrapped(text, indent))


def working(on: str) -> AbstractContextManager[object]:
    """Say on a terminal's standard error what takes so long, for as long as it does."""
    return Console(stderr=True).status(on)
