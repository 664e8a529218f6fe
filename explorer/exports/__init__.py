"""The lowered model in the languages of other tools."""
