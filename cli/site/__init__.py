"""The documentation site: hand-written pages of `docs/`, and a page for everything that the rules name."""
