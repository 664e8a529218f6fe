"""Runs of the explored system as text and as the events of a trace."""
