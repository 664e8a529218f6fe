"""An executable formal specification of the Power State Coordination Interface (Arm DEN0022)."""
