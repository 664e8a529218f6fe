"""Diagrams and timelines: one description of a picture, several renderers."""
