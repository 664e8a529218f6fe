"""What has to be on this machine, and the errors of what is not there or cannot run."""

from __future__ import annotations

from dataclasses import dataclass


class CannotRun(Exception):
    """Something could not be run to its end; the message is one line that says what, where and what to do."""

    exit_status = 3


class Missing(CannotRun):
    """Something that is needed is not on this machine and cannot be had."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is needed, whether it is there, and how to get it."""

    what: str
    found: str | None
    """The path or version found, or None."""
    remedy: str
