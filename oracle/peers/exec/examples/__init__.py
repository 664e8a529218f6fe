"""Whole implementations that are short enough to be read on one screen: what speaks the line protocol."""
