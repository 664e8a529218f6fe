"""Rules changed on purpose, and what notices each change."""
