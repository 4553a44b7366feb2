"""Making one person of two, and two of one again."""
