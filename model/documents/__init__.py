"""What is read off the rules for people: the return-code matrix, and what becomes of every fact."""
