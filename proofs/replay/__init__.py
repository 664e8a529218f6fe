"""From a solver's model back to machines, states and traces that the stepper runs again."""
