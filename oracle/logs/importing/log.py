"""The lines of somebody else's log: numbered, bounded, and what is wrong with one told with its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from psci.model.errors import InputError

MAX_LOG_LINE = 1 << 14
"""Bytes in one line."""
MAX_LOG_BYTES = 4 << 30
"""Bytes in one log."""
MAX_IMPORTED = 2_000_000
"""Events that are made of one log; they are held in memory until all cores are known."""


class LogError(InputError):
    """A line of a log cannot be used; the message begins with the file and the line."""


class LogLines:
    """The lines of an open log, each with its number."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Name the log.

        Args:
            file: read once, from where it stands.
            name: what messages call it.
        """
        self._file = file
        self._name = name
        self.number = 0
        """The line that was read last."""

    def __iter__(self) -> Iterator[str]:
        """The lines without their ends; what is not UTF-8 is replaced, since logs hold what a guest prints.

        Raises:
            LogError: a line, or the log, is too long.
        """
        read = 0
        while line := self._file.readline(MAX_LOG_LINE + 1):
            self.number += 1
            read += len(line)
            if len(line) > MAX_LOG_LINE:
                raise self.wrong(f"the line is longer than {MAX_LOG_LINE:,} bytes; is this the right kind of log?")
            if read > MAX_LOG_BYTES:
                raise self.wrong(f"the log is longer than {MAX_LOG_BYTES:,} bytes; log less, or cut it at a boot")
            yield line.decode("utf-8", "replace").rstrip("\r\n")

    def wrong(self, message: str, line: int | None = None) -> LogError:
        """The error of a line, by default of the one that was read last."""
        return LogError(f"{self._name}:{line or self.number or 1}: {message}")


def number(text: str) -> int:
    """A register, an address or a time: hexadecimal where it begins with 0x, decimal otherwise; -1 is a word, too.

    Raises:
        ValueError: it is none, or has more than 64 bits.
    """
    value = int(text, 0)
    if value < 0:
        value += 1 << 64
    if not 0 <= value < 1 << 64:
        raise ValueError(f"{text} has more than 64 bits")
    return value
