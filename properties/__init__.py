"""What must hold of PSCI: safety, possibility and liveness, one family a file.

A property is listed by being declared: each file of the folder, and of the rooms in it, is read, and what its
decorators made is proved.
"""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module

from psci.properties.language import Property, declared

for _file in pkgutil.walk_packages(__path__, f"{__name__}."):
    import_module(_file.name)

PROPERTIES: tuple[Property, ...] = declared()
"""Every property, each after what it rests on."""


def area(prop: Property) -> str:
    """What a property is about: the title of the file that it is declared in."""
    title, _, _ = (sys.modules[prop.claim.__module__].__doc__ or "").partition(":")
    return " ".join(title.split("(")[0].split("\n")[0].rstrip(". ").split())
