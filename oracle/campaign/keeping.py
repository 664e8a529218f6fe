"""Where findings are kept: written as they are found, somewhere else where the folder is full, and never in part."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from psci.oracle.campaign import saved
from psci.oracle.campaign.judging import DeviationKey
from psci.oracle.campaign.saved import SavedDeviation, SavedError

OBSERVATIONS = "observations"
"""The folder, beside the findings, of what was seen once and never again."""


@dataclass(slots=True)
class Keeper:
    """Writes what a campaign finds."""

    folder: Path
    files: dict[DeviationKey, Path] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    """What could not be written, and where it is instead."""
    lost: list[SavedDeviation] = field(default_factory=list)
    """What could not be written anywhere: it has to be printed."""
    _elsewhere: Path | None = None

    def check(self) -> None:
        """Find out before anything is run whether the folder can be written; one that was made for that is removed.

        Raises:
            SavedError: it cannot.
        """
        made = [folder for folder in (self.folder, *self.folder.parents) if not folder.exists()]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".try-") as file:
                file.write(b"x")
                file.flush()
        except OSError as error:
            what = error.strerror or error
            raise SavedError(f"{self.folder}: cannot be written ({what}): name another folder with --save") from error
        finally:
            for folder in made:
                with contextlib.suppress(OSError):
                    folder.rmdir()

    def keep(self, key: DeviationKey, document: SavedDeviation, *, observation: bool = False) -> None:
        """Write a finding; the file that held it before is removed once the new one is there."""
        folder = self.folder / OBSERVATIONS if observation else self.folder
        try:
            path: Path | None = saved.write(document, folder)
        except SavedError as error:
            path = self._write_elsewhere(document, str(error))
        if path is None:
            return
        before, self.files[key] = self.files.get(key), path
        if before is not None and before != path:
            with contextlib.suppress(OSError):
                before.unlink()

    def _write_elsewhere(self, document: SavedDeviation, why: str) -> Path | None:
        try:
            if self._elsewhere is None:
                self._elsewhere = Path(tempfile.mkdtemp(prefix="psci-deviations-"))
            path = saved.write(document, self._elsewhere)
        except (OSError, SavedError):
            self.lost = [other for other in self.lost if other.key != document.key] + [document]
            self._say(f"{why}; nor can {tempfile.gettempdir()}: the finding is printed")
            return None
        self._say(f"{why}; findings are in {self._elsewhere}")
        return path

    def _say(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


__all__ = ["OBSERVATIONS", "Keeper"]
