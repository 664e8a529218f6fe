"""What a search looks for: a state or a step, named or written as an expression."""
