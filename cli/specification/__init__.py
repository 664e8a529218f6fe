"""The commands that ask the specification itself."""
