"""What every part of the project raises when it is given something it cannot use."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input; the message is one line that says what is wrong, where, and what to do."""
