"""How a claim is decided: induction, bounded search, ranking, simulation, exploration; and counterexamples."""
