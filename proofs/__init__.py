"""How the properties are shown: readers of the rules for Z3, proofs, counterexamples, mutation."""
