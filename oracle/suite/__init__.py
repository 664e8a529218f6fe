"""Suites: small sets of sequences that cover the rules, for implementations and test frameworks of other people."""
