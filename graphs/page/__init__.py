"""The explorer page: one self-contained file in which a reader steps through the rules."""
