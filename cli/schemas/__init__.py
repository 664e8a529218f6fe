"""The JSON schemas of what commands print with `--json`, one for each command."""
