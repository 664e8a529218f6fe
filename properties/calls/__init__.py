"""What calls answer, what they do, and what they leave alone."""
