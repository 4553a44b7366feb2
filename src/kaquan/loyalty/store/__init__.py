"""SQL of loyalty, a file a subject."""
