"""Pages for customers and store staff: wallet and till."""
