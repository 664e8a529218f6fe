"""Find the invariants that a proof needs."""
