"""What a spec author asks of the rules: questions, and findings with the shortest run from boot that shows each."""
