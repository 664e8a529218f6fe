"""What every part of the project raises when it is given something it cannot use."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input; the message is one line that says what is wrong, where, and what to do."""


class UnknownName(InputError, KeyError):
    """Nothing has that name; the message lists near ones. It is a KeyError, so that `in` and `get` work."""

    def __str__(self) -> str:
        return str(self.args[0])
