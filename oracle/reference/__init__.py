"""The reference implementation that is made from the rules, and its faults to order."""
