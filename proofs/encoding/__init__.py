"""The rules as formulas: one domain for each number of cores, and queries to the solvers."""
