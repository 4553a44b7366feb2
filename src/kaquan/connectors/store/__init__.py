"""SQL of what other systems tell."""
