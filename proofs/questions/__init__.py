"""What is asked of the rules as a whole: consistency, refinement, filters, differences."""
