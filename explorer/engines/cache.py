"""What is kept from one run to the next."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Where programs and interrupted searches are kept."""
    root = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(root) if root else Path.home() / ".cache") / "psci" / "explorer"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
