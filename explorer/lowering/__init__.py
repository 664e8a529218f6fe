"""Rules, machine and cells as guarded commands over finite variables."""

from psci.explorer.lowering.lower import Lowered, Watching, lower

__all__ = ["Lowered", "Watching", "lower"]
