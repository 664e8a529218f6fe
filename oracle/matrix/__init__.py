"""Many implementations beside each other: one campaign for each, one table of all."""
