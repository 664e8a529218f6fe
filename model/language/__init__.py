"""The term language that rules are written in: sorts, terms, effects, rules, and their compiler."""
