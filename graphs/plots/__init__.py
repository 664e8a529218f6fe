"""Plots of recorded figures."""
