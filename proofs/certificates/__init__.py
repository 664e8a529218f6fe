"""Certificates of proofs: what was asked, what cvc5 answered step by step, and that the one belongs to the other."""
