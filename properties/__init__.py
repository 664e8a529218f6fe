"""What must hold of PSCI: safety, possibility and liveness, one family a file.

A property is listed by being declared: each file of the folder is read, and what its decorators made is proved.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from psci.properties.language import Property, declared

for _file in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_file.name}")

PROPERTIES: tuple[Property, ...] = declared()
"""Every property, each after what it rests on."""
