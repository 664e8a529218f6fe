"""The `psci` command line: thin, every command a call into the library."""
