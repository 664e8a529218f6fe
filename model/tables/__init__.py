"""Tables that everything else looks up: return codes, versions, and the numbered facts of DEN0022."""
