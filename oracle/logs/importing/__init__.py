"""Traces of what people have: logs of other programs, and plain tables of calls and answers."""
