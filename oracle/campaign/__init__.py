"""Campaigns against a peer: generate, run, judge, shrink, save, run again."""
