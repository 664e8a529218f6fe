"""What holds of runs: what is possible, what must happen, what survives overlap."""
