"""What a user imports: a machine to step through, traces to judge, states to explore, claims to prove, pictures."""
