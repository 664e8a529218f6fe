"""This machine: packages that are fetched, and files that are written whole or not at all."""
